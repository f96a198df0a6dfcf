"""Scores of targets equal those of a slow reference.

`beam_test.py` compares these scores with the scores of searches.

B batch   T target length   V vocabulary_size   S source length
"""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.search import penalties, scoring
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)
from tests.references import search as reference_search

B, T, V, S, PAD = 3, 5, 7, 11, 0
LENGTHS = [5, 1, 0]


def example(seed=0):
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(B, T, V), scale=2.0).astype("float32")
    ids = generator.integers(1, V, (B, T)).astype("int32")
    ids[np.arange(T) >= np.array(LENGTHS)[:, None]] = PAD
    attention = generator.random((B, T, S)).astype("float32") / 3
    mask = generator.random((B, S)) < 0.7
    return logits, ids, attention, mask


class TestScoreTargets:
    @pytest.mark.parametrize("penalty", penalties.LENGTH_PENALTIES)
    @pytest.mark.parametrize("alpha", (0.0, 0.6, 1.0))
    @pytest.mark.parametrize("coverage", (0.0, 0.3))
    def test_agrees_with_the_reference(self, penalty, alpha, coverage):
        logits, ids, attention, mask = example()
        result = scoring.score_targets(
            logits, ids, pad_id=PAD, alpha=alpha, penalty=penalty,
            coverage=coverage, attention=attention, source_mask=mask,
        )  # fmt: skip
        assert_all_equal(result.ids, ids[:, None])
        assert_all_equal(result.lengths, np.array(LENGTHS)[:, None])
        for row, length in enumerate(LENGTHS):
            one = reference_search.hypothesis(
                tuple(ids[row, :length].tolist()),
                reference_search.Language(
                    lambda prefix, row=row: logits[row, len(prefix)],
                    lambda prefix, row=row: attention[row, len(prefix)],
                    mask[row],
                ),
                reference_search.Rules(
                    T, V, alpha=alpha, penalty=penalty, coverage=coverage
                ),
            )
            rest = T - length
            assert_all_close(
                result.log_probs[row, 0],
                one.log_probs + [0.0] * rest,
                rtol=1e-5,
                atol=1e-6,
            )
            assert_all_close(result.scores[row, 0], one.score, rtol=1e-5)
            assert_all_equal(
                result.attention[row, 0],
                np.pad(one.attention, [(0, rest), (0, 0)]).astype("float32"),
            )

    def test_alpha_alone_is_the_default_of_beam_search(self):
        logits, ids, _, _ = example()
        found, expected = (
            scoring.score_targets(logits, ids, pad_id=PAD, alpha=0.6, **kwargs)
            for kwargs in ({}, {"penalty": "gnmt"})
        )
        assert_all_equal(found.scores, expected.scores)
        plain = scoring.score_targets(logits, ids, pad_id=PAD)
        assert_all_close(
            plain.scores[:, 0], tf.reduce_sum(plain.log_probs, axis=(1, 2))
        )
        assert_not_all_close(plain.scores, found.scores)
        assert plain.attention is None

    def test_what_stands_behind_the_end_changes_nothing(self):
        logits, ids, attention, mask = example()
        kwargs = {"pad_id": PAD, "coverage": 0.3, "source_mask": mask}
        expected = scoring.score_targets(
            logits, ids, attention=attention, **kwargs
        )
        is_behind = np.arange(T) >= np.array(LENGTHS)[:, None]
        logits[is_behind] += np.arange(V) * 3
        attention[is_behind] += 5
        result = scoring.score_targets(
            logits, ids, attention=attention, **kwargs
        )
        for found, answer in zip(result, expected, strict=True):
            assert_all_equal(found, answer)

    @pytest.mark.parametrize("pad_id", [-1, 77])
    def test_the_padding_need_not_be_a_token(self, pad_id):
        logits, ids, _, _ = example()
        expected = scoring.score_targets(logits, ids, pad_id=PAD)
        result = scoring.score_targets(
            logits, np.where(ids == PAD, pad_id, ids), pad_id=pad_id
        )
        assert_all_equal(result.scores, expected.scores)
        assert_all_equal(result.log_probs, expected.log_probs)
        assert_all_equal(result.lengths, expected.lengths)

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_logarithms_are_float32_whatever_the_logits_are(self, dtype):
        logits, ids, _, _ = example()
        logits = np.round(logits * 4) / 4  # This is exact in all types.
        expected = scoring.score_targets(logits, ids, pad_id=PAD)
        result = scoring.score_targets(
            tf.constant(logits, dtype), ids, pad_id=PAD
        )
        assert result.scores.dtype == tf.float32
        assert_all_equal(result.scores, expected.scores)

    @pytest.mark.parametrize("jit_compile", [False, True])
    def test_in_a_graph_of_unknown_batch(self, jit_compile):
        logits, ids, attention, mask = example()

        def score(logits, ids, attention, mask):
            return scoring.score_targets(
                logits, ids, pad_id=PAD, alpha=0.6, coverage=0.3,
                attention=attention, source_mask=mask,
            )  # fmt: skip

        shapes = ([None, None, V], [None, None], [None, None, S], [None, S])
        types = (tf.float32, tf.int32, tf.float32, tf.bool)
        graph = tf.function(
            score,
            input_signature=list(map(tf.TensorSpec, shapes, types)),
            jit_compile=jit_compile,
        )
        expected = score(logits, ids, attention, mask)
        for found, answer in zip(
            graph(logits, ids, attention, mask), expected, strict=True
        ):
            assert_all_close(found, answer, rtol=1e-6, atol=1e-6)
        empty = graph(logits[:0], ids[:0], attention[:0], mask[:0])
        assert empty.scores.shape == (0, 1)
        assert empty.ids.shape == (0, 1, T)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"alpha": -0.1}, "`alpha` must be at least 0.*-0.1"),
            ({"penalty": "mean"}, "Received: 'mean'"),
            ({"coverage": -0.1}, "`coverage` must be at least 0.*-0.1"),
            ({"coverage": 0.1}, "`attention` and `source_mask`.*coverage=0.1"),
            (
                {"coverage": 0.1, "attention": np.zeros((B, T, S))},
                "`attention` and `source_mask`.*coverage=0.1",
            ),
            (
                {"coverage": 0.1, "source_mask": np.ones((B, S), bool)},
                "`attention` and `source_mask`.*coverage=0.1",
            ),
            (
                {"target_ids": np.zeros((B, T + 1))},
                r"logits of shape \(3, 5, 7\), target_ids of shape \(3, 6\)",
            ),
            (
                {"target_ids": np.zeros((B - 1, T))},
                r"logits of shape \(3, 5, 7\), target_ids of shape \(2, 5\)",
            ),
        ],
    )
    def test_what_does_not_fit_is_refused(self, changes, message):
        logits, ids, _, _ = example()
        kwargs = {"logits": logits, "target_ids": ids, "pad_id": PAD}
        with pytest.raises(ValueError, match=message):
            scoring.score_targets(**{**kwargs, **changes})
