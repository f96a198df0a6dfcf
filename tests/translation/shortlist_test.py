"""A shortlist has the target tokens that the sentence pairs make likely."""

import numpy as np
import pytest

from keras_transformer.translation import shortlist as lists

SOURCE_SIZE, SIZE = 13, 17


def learn(sources, targets, **changes):
    how = {
        "always": [0, 1, 2],
        "known": [0, 1, 2],
        "frequent": 0,
        "likely": 1,
        **changes,
    }
    return lists.learn(sources, targets, SOURCE_SIZE, SIZE, **how)


def ids_of(shortlist, *source):
    [allowed] = shortlist.allowed([source]).numpy()
    return np.flatnonzero(allowed).tolist()


def slow_model_1(sources, targets, iterations):
    """Returns probabilities by the formulas of Brown et al. (1993)."""
    probability = {}
    for _ in range(iterations):
        counts, totals = {}, {}
        for source, target in zip(sources, targets, strict=True):
            for f in target:
                total = sum(probability.get((e, f), 1.0) for e in source)
                for e in source:
                    share = probability.get((e, f), 1.0) / total
                    counts[e, f] = counts.get((e, f), 0) + share
                    totals[e] = totals.get(e, 0) + share
        probability = {
            (e, f): count / totals[e] for (e, f), count in counts.items()
        }
    return probability


class TestLearn:
    def test_translations_that_only_several_pairs_tell(self):
        # 5 means 8, and 6 means 7. No single pair tells both.
        shortlist = learn([[5, 6], [5], [6, 9]], [[7, 8], [8], [7, 11]])
        assert ids_of(shortlist, 5) == [0, 1, 2, 8]
        assert ids_of(shortlist, 6) == [0, 1, 2, 7]
        assert ids_of(shortlist, 9) == [0, 1, 2, 11]
        assert ids_of(shortlist, 5, 9, 2, 0) == [0, 1, 2, 8, 11]

    def test_as_slowly_learned(self):
        generator = np.random.default_rng(0)
        sources, targets = (
            [
                generator.choice(np.arange(3, size), length, replace=False)
                for length in generator.integers(1, 6, 29)
            ]
            for size in (SOURCE_SIZE, SIZE)
        )
        expected = slow_model_1(sources, targets, 5)
        shortlist = learn(sources, targets, always=[0], known=[], likely=3)
        for token in range(3, SOURCE_SIZE):
            best = sorted(
                ((p, f) for (e, f), p in expected.items() if e == token),
                reverse=True,
            )
            assert len(best) > 3
            assert ids_of(shortlist, token) == sorted(
                [0, *(f for _, f in best[:3])]
            )

    def test_frequent(self):
        sources = [[5], [5], [6]]
        targets = [[7, 8, 8], [7, 8], [9, 7]]
        shortlist = learn(sources, targets, frequent=2)
        assert np.flatnonzero(shortlist.is_frequent).tolist() == [0, 1, 2, 7, 8]
        # There are fewer target tokens than `frequent`.
        shortlist = learn(sources, targets, frequent=16)
        assert shortlist.is_frequent.sum() == 6

    def test_fewer_likely_than_asked(self):
        shortlist = learn([[5], [6]], [[7], [8, 9]], likely=5)
        assert shortlist.likely.shape == (SOURCE_SIZE, 5)
        assert ids_of(shortlist, 5) == [0, 1, 2, 7]
        assert ids_of(shortlist, 6) == [0, 1, 2, 8, 9]

    def test_a_token_that_was_not_there_may_be_anything(self):
        shortlist = learn([[5]], [[7]])
        assert ids_of(shortlist, 5, 11) == list(range(SIZE))
        first, second = shortlist.allowed([[5, 2], [11, 2]]).numpy()
        assert np.flatnonzero(first).tolist() == [0, 1, 2, 7]
        assert second.all()

    def test_pairs_with_an_empty_side_are_left_out(self):
        pairs = [[5], [6], [], []], [[7], [], [8], []]
        shortlist = learn(*pairs)
        for found, expected in zip(shortlist, learn([[5]], [[7]]), strict=True):
            assert found.tolist() == expected.tolist()

    def test_part_of_a_large_corpus(self, monkeypatch):
        monkeypatch.setattr(lists, "_MOST_COUPLES", 2)
        shortlist = learn([[5], [6], [8]], [[7], [8], [9]])
        # Only every second pair is used.
        assert np.flatnonzero(shortlist.is_known).tolist() == [0, 1, 2, 5, 8]

    @pytest.mark.parametrize(
        ("pairs", "changes", "message"),
        [
            (([], []), {}, "Received: 0 pairs, all with an empty side or none"),
            (([[], [5]], [[7], []]), {}, "Received: 2 pairs, all with"),
            (([[5]], []), {}, "Received: 1 sources and 0 targets"),
            (([[5]], [[7]]), {"likely": 0}, "Received: likely=0, frequent=0"),
            (([[5]], [[7]]), {"frequent": -1}, "likely=1, frequent=-1"),
        ],
    )
    def test_refused(self, pairs, changes, message):
        with pytest.raises(ValueError, match=message):
            learn(*pairs, **changes)


def test_no_rows():
    shortlist = learn([[5]], [[7]])
    assert shortlist.allowed(np.zeros([0, 3], int)).shape == (0, SIZE)
