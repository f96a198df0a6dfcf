"""A copy in another precision must be the same model, rounded.

B batch   T target length   S source length   V vocabulary_size
"""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import models
from keras_transformer.models import precision
from tests import costs
from tests.assertions import assert_all_close, assert_all_equal
from tests.layers import kinds

B, T, V = 3, 5, 17
SIZES = models.TransformerConfig(V, 1, 2, 24, 4, 11, dropout=0.3)
SOURCE_IDS = np.array(
    [[3, 9, 4, 2, 0, 0, 0], [16, 5, 5, 8, 11, 7, 2], [6, 2, 0, 0, 0, 0, 0]]
)
TARGET_IDS = np.random.default_rng(0).integers(3, V, (B, T))
INPUTS = {"source_ids": SOURCE_IDS, "target_input_ids": TARGET_IDS}
KINDS = (
    {},
    {"positions": "learned", "biases": "all", "normalization": "pre"},
    {"positions": "relative", "num_key_value_heads": 2},
    {"positions": "rotary", "norm": "rms", "activation": "swiglu"},
    {"tying": "none", "target_vocabulary_size": 19},
)


def make(dtype=None, **changes):
    keras.utils.set_random_seed(1)
    model = models.build_transformer(
        dataclasses.replace(SIZES, **changes), dtype
    )
    return kinds.drawn(model)


def rounded(value):
    """Rounds to the nearest bfloat16, and a tie to the even number."""
    bits = np.asarray(value, "float32").view("uint32").astype("uint64")
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16
    return bits.astype("uint32").view("float32")


class TestInPrecision:
    @pytest.mark.parametrize("kind", costs.grid(KINDS, keep=KINDS[1:3]))
    def test_weights_are_rounded_and_outputs_are_near(self, kind):
        model = make(**kind)
        expected = model(INPUTS)
        before = model.get_weights()
        fast = precision.in_precision(model, "bfloat16")
        assert isinstance(fast, models.Transformer)
        for new, old in zip(fast.weights, model.weights, strict=True):
            assert new.dtype == "bfloat16", new.path
            assert new.path == old.path
            assert_all_equal(tf.cast(new, "float32"), rounded(old))
        logits = fast(INPUTS)
        assert logits.dtype == "float32"
        # Three blocks round by 2^-9, and logits are up to 8.
        assert_all_close(logits, expected, rtol=0, atol=0.3)
        error = np.asarray(logits - expected)
        assert np.sqrt(np.mean(error**2)) < 0.08
        assert np.abs(error).max() > 1e-4
        # The original model has not changed.
        assert_all_equal(model(INPUTS), expected)
        for new, old in zip(model.get_weights(), before, strict=True):
            assert_all_equal(new, old)
            assert new.dtype == "float32"

    @pytest.mark.parametrize("kind", costs.grid(KINDS, keep=KINDS[3:]))
    def test_all_layers_have_the_policy(self, kind):
        model = make(**kind)
        fast = precision.in_precision(model, "bfloat16")
        for one, other in ((model, "float32"), (fast, "bfloat16")):
            for owner in (one.encoder, one.decoder, one.source_embedding,
                         one.target_embedding, one.projection):  # fmt: skip
                for layer in kinds.layers_inside(owner):
                    assert layer.dtype_policy.name == other, layer.path
        assert (fast.source_embedding is fast.projection) == (
            model.source_embedding is model.projection
        )

    @pytest.mark.parametrize("kind", costs.grid(KINDS, keep=KINDS[2:3]))
    def test_steps_equal_the_call(self, kind):
        fast = precision.in_precision(make(**kind), "bfloat16")
        expected, step = fast(INPUTS), fast.stepper()
        for max_length in (None, T):
            state = fast.start(SOURCE_IDS, max_length)
            for t in range(T):
                logits, state = step(TARGET_IDS[:, t], t, state)
                assert logits.dtype == "float32"
                for tensor in tf.nest.flatten(state["decoder"]["blocks"]):
                    assert tensor.dtype == "bfloat16"
                assert_all_close(logits, expected[:, t], rtol=0, atol=0.15)

    def test_softmax_and_attention_are_float32(self):
        scores = precision.in_precision(make(), "bfloat16").attention_scores(
            INPUTS
        )
        for array in scores:
            assert array.dtype == "float32"
            assert_all_close(
                tf.reduce_sum(array, -1),
                np.ones(array.shape[:-1]),
                rtol=0,
                atol=1e-6,
            )

    def test_there_and_back_are_the_rounded_weights(self):
        model = make()
        back = precision.in_precision(
            precision.in_precision(model, "bfloat16"), "float32"
        )
        assert back.get_config() == model.get_config()
        for new, old in zip(back.weights, model.weights, strict=True):
            assert new.dtype == "float32"
            assert_all_equal(new, rounded(old))
        same = make()
        same.set_weights([rounded(w) for w in model.get_weights()])
        assert_all_equal(back(INPUTS), same(INPUTS))

    def test_a_mixed_policy_keeps_the_weights(self):
        model = make()
        mixed = precision.in_precision(model, "mixed_bfloat16")
        for new, old in zip(mixed.weights, model.weights, strict=True):
            assert new.dtype == "float32"
            assert_all_equal(new, old)
        assert mixed.decoder.compute_dtype == "bfloat16"
        again = precision.in_precision(mixed, "float32")
        assert_all_equal(again(INPUTS), model(INPUTS))

    def test_weights_are_not_shared(self):
        model = make()
        copy = precision.in_precision(model, "float32")
        assert_all_equal(copy(INPUTS), model(INPUTS))
        expected = copy(INPUTS)
        for weight in model.trainable_weights:
            weight.assign(3 * weight)
        assert_all_equal(copy(INPUTS), expected)

    @pytest.mark.seconds
    def test_a_model_that_was_trained(self):
        model = make()
        loss = keras.losses.SparseCategoricalCrossentropy(True)
        model.compile("adam", loss, run_eagerly=True)
        model.fit(INPUTS, TARGET_IDS, verbose=0)
        fast = precision.in_precision(model, "bfloat16")
        for new, old in zip(fast.weights, model.weights, strict=True):
            assert_all_equal(tf.cast(new, "float32"), rounded(old))

    def test_a_policy_as_an_object(self):
        fast = precision.in_precision(
            make(), keras.dtype_policies.DTypePolicy("bfloat16")
        )
        assert fast.decoder.dtype_policy.name == "bfloat16"

    def test_an_unknown_policy_is_refused(self):
        with pytest.raises(ValueError, match="half"):
            precision.in_precision(make(), "half")
