"""Large text gives what small text gives, but is not held in memory."""

import json
import os
from unittest import mock

import pytest

import keras_transformer as kt
from trainers import corpora, large_text, settings

PAIR = kt.data.SentencePair("a", "b")


def write(folder, lines, name="train.tsv"):
    (folder / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return settings.TrainingSettings(train_tsv=[str(folder / name)], seed=3)


def lines(count):
    return [f"a {i}\tun {i}" for i in range(count)]


@pytest.mark.parametrize("name", ["MAX_PAIRS", "MAX_CHARACTERS"])
def test_text_is_large_above_a_limit(tmp_path, name):
    given = write(tmp_path, ["ab\tcd"] * 7)
    limit = 7 if name == "MAX_PAIRS" else 28
    with mock.patch.object(large_text, name, limit):
        assert large_text.read_small(given) == [("ab", "cd")] * 7
    with mock.patch.object(large_text, name, limit - 1):
        assert large_text.read_small(given) is None


def test_large_files_are_not_read_to_find_out(tmp_path):
    given = write(tmp_path, ["ab\tcd"] * 7)
    with mock.patch.object(large_text, "MAX_CHARACTERS", 7):
        with mock.patch.object(large_text, "iterate") as iterate:
            assert large_text.read_small(given) is None
    iterate.assert_not_called()


def test_a_pipe_is_read_whole(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    given = settings.TrainingSettings(train_tsv=[str(tmp_path / "pipe")])
    iterator = mock.Mock(return_value=iter([PAIR] * 5))
    with mock.patch.object(large_text, "MAX_PAIRS", 2):
        with mock.patch.object(large_text, "iterate", iterator):
            assert large_text.read_small(given) == [PAIR] * 5


class TestHoldOut:
    def test_held_out_pairs_and_their_duplicates_are_not_trained_on(
        self, tmp_path
    ):
        text = lines(67) + [f" a  {i}\tun {i}\u00a0" for i in range(67)]
        given = write(tmp_path, [*text, "\tun", "", "a\t "])
        dev, train = large_text.hold_out(given, 500)
        assert len(dev) == 3  # A twentieth of 67, rounded down.

        def folded(pairs):
            return {tuple(map(kt.text.fold, pair)) for pair in pairs}

        train = list(train)
        assert not folded(dev) & folded(train)
        assert len(folded(dev) | folded(train)) == 67 + 3
        assert len(train) == 2 * 64 + 3
        # Held-out pairs are first occurrences, in the order of the text.
        assert dev == sorted(dev, key=lambda pair: int(pair.source.split()[1]))
        assert all(pair.source.startswith("a ") for pair in dev)

    def test_as_many_as_of_small_text(self, tmp_path):
        for count in (20, 67, 211):
            given = write(tmp_path, lines(count))
            small = corpora.load(given)
            dev, train = large_text.hold_out(given, 500)
            assert len(dev) == len(small.dev)
            assert len(list(train)) == len(small.train)

    def test_at_most(self, tmp_path):
        dev, _ = large_text.hold_out(write(tmp_path, lines(211)), 7)
        assert len(dev) == 7

    def test_another_seed_draws_others(self, tmp_path):
        one, other = (
            settings.TrainingSettings(
                train_tsv=write(tmp_path, lines(211)).train_tsv, seed=seed
            )
            for seed in (1, 2)
        )
        assert (
            large_text.hold_out(one, 500)[0]
            == (large_text.hold_out(one, 500)[0])
        )
        assert (
            large_text.hold_out(one, 500)[0]
            != (large_text.hold_out(other, 500)[0])
        )

    def test_every_pair_is_as_likely_to_be_held_out(self, tmp_path):
        # Also if the sketch has fewer pairs than the text.
        path = write(tmp_path, lines(61)).train_tsv
        counts = [0] * 61
        with mock.patch.object(large_text, "_SKETCH", 40):
            for seed in range(499):
                given = settings.TrainingSettings(train_tsv=path, seed=seed)
                dev, train = large_text.hold_out(given, 500)
                assert len(dev) == 2
                for pair in dev:
                    counts[int(pair.source.split()[1])] += 1
        mean = 2 * 499 / 61
        # Six standard deviations of a binomial distribution.
        assert all(abs(count - mean) < 6 * mean**0.5 for count in counts)

    def test_too_few(self, tmp_path):
        given = write(tmp_path, [*lines(19), *lines(19), "\tx"])
        with pytest.raises(ValueError, match="Too few.*19 distinct"):
            large_text.hold_out(given, 500)


def test_fingerprint_is_that_of_small_text(tmp_path):
    given = write(tmp_path, lines(7))
    dev = [kt.data.SentencePair("x", "y")] * 2
    small = corpora.Corpora(large_text.read_small(given), dev, [], [])
    large = corpora.Corpora(large_text.LargeText(given), dev, [], [])
    assert large.fingerprint() == small.fingerprint()
    assert large.fingerprint()["train_pairs"] == 7


def test_parallel_files(tmp_path):
    for name in ("en", "fr"):
        (tmp_path / name).write_text(f"{name} 1\n{name} 2\n")
    text = large_text.LargeText(
        settings.TrainingSettings(
            train_source=[f"{tmp_path}/en"], train_target=[f"{tmp_path}/fr"]
        )
    )
    assert list(text) == [("en 1", "fr 1"), ("en 2", "fr 2")]
    assert list(text) == list(text)
    assert [name for name, *_ in text.files()] == [
        f"{tmp_path}/en",
        f"{tmp_path}/fr",
    ]


def test_files_tell_when_text_changed(tmp_path):
    text = large_text.LargeText(write(tmp_path, lines(7)))
    before = text.files()
    assert text.files() == before
    write(tmp_path, lines(8))
    assert text.files() != before


def test_a_record_needs_whole_shards(tmp_path):
    directory = kt.runs.RunDirectory(tmp_path)
    directory.shards.mkdir()
    directory.text_of_shards.write_text(json.dumps({"seed": 3}))
    assert large_text.read_record(directory) == {}
    (directory.shards / "index.json").write_text("{}")
    assert large_text.read_record(directory) == {"seed": 3}
    directory.text_of_shards.write_text("{")
    with pytest.raises(ValueError, match="text.json is damaged.*Delete"):
        large_text.read_record(directory)
