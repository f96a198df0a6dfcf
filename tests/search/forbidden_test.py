"""Forbidden tokens have probability 0, and repeated n-grams are found."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import search
from keras_transformer.search import forbidden
from tests.references import search as reference
from tests.search import languages as languages_
from tests.search.languages import END, PAD, START, RandomLanguages


def test_forbidden_tokens_count_nothing():
    logits = tf.constant(
        np.random.default_rng(3).normal(size=(4, 7)), "float32"
    )
    # Two rows of two hypotheses. Row 2 is too short for an end token.
    kept = forbidden.without(logits, [5, 0], 2, tf.constant([False, True]), 2)
    probabilities = tf.nn.softmax(kept).numpy()
    assert not probabilities[:, [0, 5]].any()
    assert not probabilities[2:, 2].any() and probabilities[:2, 2].all()
    allowed = np.exp(logits.numpy()[2:, [1, 3, 4, 6]])
    np.testing.assert_allclose(
        probabilities[2:, [1, 3, 4, 6]],
        allowed / allowed.sum(axis=1, keepdims=True),
        rtol=1e-5,
    )


@pytest.mark.parametrize("size", [1, 2, 3])
def test_repetitions_are_those_of_a_slow_search(size):
    ids = np.random.default_rng(5).integers(0, 3, (5, 2, 11))
    for position in (0, 1, 4, 10):
        found = forbidden.repeats(
            tf.constant(ids, tf.int32), tf.constant(position), size, 4
        )
        expected = [
            [
                reference.ends_in_repetition((*row[:position], token), size)
                for token in range(4)
            ]
            for row in ids.reshape(-1, 11).tolist()
        ]
        assert found.numpy().tolist() == expected


@pytest.mark.parametrize("kind", [search.BeamSearch, search.GreedySearch])
def test_probabilities_of_the_allowed_tokens_sum_to_one(kind):
    languages = RandomLanguages(7, 29, vocabulary_size=5, longest=4)
    task = search.Task(
        languages.num_rows,
        [4] * languages.num_rows,
        START,
        END,
        PAD,
        min_lengths=3,
        prefix=[[row % 2 + 1, PAD] for row in range(languages.num_rows)],
        banned_ids=(3,),
    )
    made = kind(
        constraints=search.Constraints(
            no_repeat_ngram_size=2, normalized_over="allowed"
        )
    )
    result = made(languages.step, languages.state(), task)
    rules = languages_.Demands([4] * languages.num_rows).rules
    for row in range(languages.num_rows):
        demands = rules(row)._replace(
            min_length=3, prefix=(row % 2 + 1,), banned=(3,), ngram=2
        )
        length = int(result.lengths[row, 0])
        ids = tuple(result.ids.numpy()[row, 0, :length].tolist())
        for n, token in enumerate(ids):
            allowed = reference.allowed_tokens(ids[:n], demands, 5)
            logits = np.float64(languages.logits_after(row, ids[:n]))
            expected = logits[token] - np.log(np.exp(logits[allowed]).sum())
            assert result.log_probs.numpy()[row, 0, n] == pytest.approx(
                expected, abs=2e-6
            )
    # A token of the prefix has the log-probability 0.
    assert not result.log_probs.numpy()[:, 0, 0].any()


def test_unknown_tokens_to_normalize_over():
    with pytest.raises(ValueError, match="Received: 'some'. Expected 'all'"):
        search.Constraints(normalized_over="some")
