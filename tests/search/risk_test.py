"""Expected BLEU is that of sacreBLEU, and decides which hypothesis is first.

B batch   W hypotheses of a row   T target length   V vocabulary_size
"""

import numpy as np
import pytest
import sacrebleu
import tensorflow as tf

from keras_transformer import search
from keras_transformer.search import contract, risk
from tests.assertions import assert_all_close, assert_all_equal
from tests.search import calls
from tests.search.languages import END, PAD, RandomLanguages

B, W, T, V = 3, 5, 11, 7
# Vocabulary sizes. In 64 bits, a number with four digits of base 2 ** 22 would
# lose its first digit.
LARGEST = (V, 2**22)


def random_ids(largest=V, seed=0):
    """Draws tokens of four ids. Lengths are random; one is 0 and one is T."""
    generator = np.random.default_rng(seed)
    kinds = np.concatenate([generator.integers(2, largest, 3), [largest - 1]])
    lengths = generator.integers(0, T + 1, (B, W))
    lengths[0, 0], lengths[1, 1] = 0, T
    is_token = np.arange(T) < lengths[:, :, None]
    return np.where(is_token, generator.choice(kinds, (B, W, T)), PAD), is_token


def bleu_of(ids, reference):
    bleu = sacrebleu.BLEU(
        tokenize="none", smooth_method="add-k", smooth_value=1, force=True
    )
    texts = [" ".join(map(str, tokens)) for tokens in (ids, reference)]
    return bleu.corpus_score(texts[:1], [texts[1:]]).score / 100


@pytest.mark.parametrize("largest", LARGEST)
def test_bleu_is_that_of_sacrebleu(largest):
    ids, is_token = random_ids(largest)
    found = risk.pairwise_bleu(tf.constant(ids), tf.constant(is_token)).numpy()
    tokens = [
        [row[mask].tolist() for row, mask in zip(*rows, strict=True)]
        for rows in zip(ids, is_token, strict=True)
    ]
    expected = [[[bleu_of(x, y) for y in row] for x in row] for row in tokens]
    assert_all_close(found, expected, atol=1e-6)
    # All kinds of scores occur: no match, all tokens match, and many between.
    assert len(np.unique(np.round(expected, 3))) > 10
    assert np.min(expected) == 0
    assert np.max(expected) > 0.999


def test_no_tokens_at_all():
    ids = tf.zeros([2, 3, 0], tf.int32)
    assert_all_equal(
        risk.pairwise_bleu(ids, tf.zeros_like(ids, tf.bool)),
        np.zeros([2, 3, 3]),
    )


def ranked(seed=0, empty=()):
    """Returns hypotheses of random ids with end tokens, sorted by score."""
    ids, is_token = random_ids(seed=seed)
    lengths = np.minimum(is_token.sum(2) + 1, T)
    np.put_along_axis(ids, lengths[:, :, None] - 1, END, axis=2)
    generator = np.random.default_rng(seed + 1)
    log_probs = -generator.random((B, W, T)) * (
        np.arange(T) < lengths[..., None]
    )
    scores = -np.sort(generator.random((B, W)))
    for place in empty:
        scores[place] = contract.NEVER
    return contract.SearchResult(
        *(tf.constant(x, tf.int32) for x in (ids, lengths)),
        *(tf.constant(x, tf.float32) for x in (scores, log_probs)),
        tf.constant(generator.random((B, W, T, 2)), tf.float32),
    )


def expected_order(result, count):
    """Returns the order of each row's hypotheses, computed pair by pair."""
    orders = []
    for ids, lengths, scores, log_probs in zip(
        *(x.numpy() for x in result[:4]), strict=True
    ):
        there = [w for w in range(count) if scores[w] > contract.NEVER]
        tokens = [
            [i for i in row[:length] if i != END]
            for row, length in zip(ids, lengths, strict=True)
        ]
        means = np.array([log_probs[w].sum() / lengths[w] for w in there])
        weights = np.exp(4 * means)
        expected = {
            w: -np.sum(
                weights * [bleu_of(tokens[w], tokens[other]) for other in there]
            )
            for w in there
        }
        order = sorted(there, key=expected.get)
        orders.append(order + [w for w in range(len(ids)) if w not in order])
    return np.array(orders)


@pytest.mark.parametrize("count", [1, 2, W])
def test_hypotheses_are_sorted_by_expected_bleu(count):
    for empty in ((), [(1, 4), (2, 3), (2, 4)]):
        result = ranked(empty=empty)
        order = expected_order(result, count)
        assert (order != np.arange(W)).any() == (count > 1)
        for before, after in zip(
            result, risk.by_expected_bleu(result, count, END), strict=True
        ):
            assert_all_equal(after, tf.gather(before, order, batch_dims=1))


class TestBeamSearch:
    languages = RandomLanguages(seed=3, vocabulary_size=5, longest=5)

    def found(self, **settings):
        return self.languages.search(beam_size=7, **settings)

    @pytest.fixture(scope="class")
    def expected(self):
        best = self.found(top_beams=7)
        order = expected_order(best, 5)[:, :7]
        assert (order[:, 0] != 0).sum() > 2
        return [
            None if x is None else tf.gather(x, order, batch_dims=1)
            for x in best
        ]

    @pytest.mark.parametrize("top_beams", [1, 3, 7])
    def test_the_first_is_that_of_minimum_risk(self, expected, top_beams):
        found = self.found(top_beams=top_beams, minimum_risk=5)
        for one, other in zip(found, expected, strict=True):
            if one is not None:
                assert_all_equal(one, other[:, :top_beams])

    def test_the_best_alone(self, expected):
        found = self.found(minimum_risk=5, only_best=True)
        assert_all_equal(found.ids, expected[0][:, :1])

    @pytest.mark.grid
    @pytest.mark.xla
    def test_compiled_by_xla(self, expected):

        @tf.function(jit_compile=True, autograph=False)
        def compiled():
            limits = calls.Asked(longest=self.languages.longest)
            return self.found(minimum_risk=5, constraints=limits).ids

        assert_all_equal(compiled(), expected[0][:, :1])

    def test_more_than_the_beam_are_refused(self):
        with pytest.raises(ValueError, match="minimum_risk=5, beam_size=4"):
            search.BeamSearch(beam_size=4, minimum_risk=5)
        with pytest.raises(ValueError, match="`minimum_risk` must be .*2.5"):
            search.BeamSearch(beam_size=4, minimum_risk=2.5)
        assert search.BeamSearch(5, minimum_risk=5).num_ranked == 5


def test_none_at_all():
    ids = tf.zeros([0, W, T], tf.int32)
    numbers = tf.zeros([0, W], tf.int32)
    result = contract.SearchResult(
        ids, numbers, tf.zeros([0, W]), tf.zeros([0, W, T])
    )
    assert risk.by_expected_bleu(result, 3, END).ids.shape == (0, W, T)
