"""Multi-head attention must compute section 3.2.2, with any settings.

B batch   T query length   S key length   D model_dim   H heads   K head_dim
N key-value heads
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import layers
from keras_transformer.layers import attention
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)
from tests.layers import kinds
from tests.layers.kinds import B, D, H, K, S, T, random, random_mask
from tests.references import layers as reference_layers
from tests.references import model as reference


class TestMultiHeadAttention:
    @pytest.fixture(autouse=True)
    def set_up(self):
        keras.utils.set_random_seed(1)

    @pytest.mark.parametrize("positions", (None, *kinds.ATTENDED))
    @pytest.mark.parametrize("groups", kinds.SHARED)
    @pytest.mark.parametrize("use_bias", (False, True))
    def test_equals_the_loops_of_the_reference(
        self, positions, groups, use_bias
    ):
        layer = kinds.drawn(
            attention.MultiHeadAttention(
                D,
                H,
                groups,
                use_bias=use_bias,
                positions=kinds.inside(positions),
            )
        )
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        mask = random_mask(B, T, S)
        output, scores = layer(
            inputs, memory, attention_mask=mask, return_attention_scores=True
        )
        weights = reference.weights_of(layer)
        kind = kinds.for_reference(
            positions=positions, num_key_value_heads=groups
        )
        for b in range(B):
            expected, weights_HTS = reference_layers.multi_head(
                inputs[b], memory[b], mask[b], weights, kind
            )
            assert_all_close(output[b], expected, rtol=0, atol=1e-5)
            assert_all_close(scores[b], weights_HTS, rtol=0, atol=1e-5)

    @pytest.mark.parametrize("positions", (None, *kinds.ATTENDED))
    @pytest.mark.parametrize("groups", (2, H))
    def test_dropout_drops_weights_and_keeps_the_scores(
        self, positions, groups
    ):
        settings = {"positions": kinds.inside(positions)}
        layer = kinds.drawn(
            attention.MultiHeadAttention(D, H, groups, dropout=0.4, **settings)
        )
        # With one key, each weight is 1, so dropout keeps or drops a whole
        # head. The output projection is the identity, to see the heads.
        layer.out.kernel.assign(np.eye(D, dtype="float32"))
        inputs, memory = random(101, T, D), random(101, 1, D, seed=1)
        expected = layer(inputs, memory)
        output, scores = layer(
            inputs, memory, training=True, return_attention_scores=True
        )
        assert_all_equal(scores, np.ones((101, H, T, 1)))
        heads = np.reshape(output, (-1, K))
        is_zero = (heads == 0).all(axis=1)
        kept = np.reshape(expected, (-1, K))[~is_zero] / 0.6
        # `Dropout` may round the rate to a multiple of 2^-16.
        assert_all_close(heads[~is_zero], kept, rtol=1e-5, atol=1e-6)
        # Five standard deviations of a binomial distribution.
        tolerance = 5 * np.sqrt(0.4 * 0.6 / len(heads))
        assert abs(is_zero.mean() - 0.4) < tolerance

    @pytest.mark.parametrize("positions", [None, *kinds.ATTENDED])
    def test_masks_of_three_shapes_mean_the_same(self, positions):
        layer = attention.MultiHeadAttention(
            D, H, 2, positions=kinds.inside(positions)
        )
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        padding = random_mask(B, S)
        expected = layer(inputs, memory, attention_mask=padding)
        square = np.tile(padding[:, None], (1, T, 1))
        heads = square[:, None]
        for mask in (square, heads, np.tile(heads, (1, H, 1, 1))):
            assert_all_equal(
                layer(inputs, memory, attention_mask=mask), expected
            )

    @pytest.mark.parametrize("positions", (None, "rotary", "relative"))
    @pytest.mark.parametrize("shape", kinds.WRONG_SHAPES)
    def test_a_mask_of_a_wrong_shape_is_refused(self, positions, shape):
        layer = attention.MultiHeadAttention(
            D, H, positions=kinds.inside(positions)
        )
        with pytest.raises(
            ValueError, match=f"Received: shape=.{', '.join(map(str, shape))}"
        ):
            layer(
                random(B, T, D),
                random(B, S, D),
                attention_mask=np.ones(shape, bool),
            )

    def test_a_mask_of_a_wrong_shape_is_refused_where_sizes_are_known(self):
        layer = attention.MultiHeadAttention(D, H)
        graph = tf.function(
            lambda x, mask: layer(x, attention_mask=mask),
            input_signature=[
                tf.TensorSpec([None, S, D]),
                tf.TensorSpec([None, S + 1], tf.bool),
            ],
        )
        with pytest.raises(ValueError, match=r"B=None.*shape=\(None, 8\)"):
            graph.get_concrete_function()

    def test_without_memory_it_attends_to_itself(self):
        layer = attention.MultiHeadAttention(D, H)
        inputs = random(B, T, D)
        assert_all_equal(layer(inputs), layer(inputs, inputs))
        assert_not_all_close(
            layer(inputs), layer(inputs, random(B, T, D, seed=1))
        )

    @pytest.mark.parametrize("groups", kinds.SHARED)
    def test_number_of_parameters(self, groups):
        columns = D + 2 * groups * K
        for use_bias in (False, True):
            layer = attention.MultiHeadAttention(
                D, H, groups, use_bias=use_bias
            )
            layer.build()
            biases = columns + D if use_bias else 0
            assert layer.count_params() == D * columns + D**2 + biases
            assert len(layer.trainable_weights) == (8 if use_bias else 4)

    def test_as_many_key_value_heads_as_heads_if_not_told(self):
        layer = attention.MultiHeadAttention(D, H)
        same = attention.MultiHeadAttention(D, H, H)
        layer.build()
        same.build()
        same.set_weights(layer.get_weights())
        inputs = random(B, T, D)
        assert_all_equal(same(inputs), layer(inputs))

    @pytest.mark.parametrize("gain", [1.0, 0.5**0.5, 2.0])
    def test_kernels_start_as_glorot_says_times_the_gain(self, gain):
        layer = attention.MultiHeadAttention(94, 47, use_bias=True, gain=gain)
        layer.build()
        limit = (6 / (94 + 94)) ** 0.5
        for name, weight in reference.weights_of(layer).items():
            if name.endswith("bias"):
                assert_all_equal(weight, np.zeros(94))
                continue
            # Of 8,836 uniform draws the largest is very close to the limit.
            expected = limit * (1 if name == "output_kernel" else gain)
            assert (
                0.99 * expected <= np.abs(weight).max() <= expected * (1 + 1e-6)
            )
            # The standard deviation of a uniform variable in [-a, a] is
            # a / sqrt(3). The tolerance is five standard errors.
            assert_all_close(
                np.std(weight), expected / 3**0.5, rtol=0.025, atol=0
            )

    def test_shared_heads_start_as_glorot_says_of_their_shape(self):
        layer = attention.MultiHeadAttention(94, 47, 1)
        layer.build()
        for name, weight in reference.weights_of(layer).items():
            limit = (6 / sum(weight.shape)) ** 0.5
            assert 0.95 * limit <= np.abs(weight).max() <= limit, name

    @pytest.mark.parametrize("positions", (None, *kinds.ATTENDED))
    @pytest.mark.parametrize("groups", (H, 2))
    def test_projected_memory_can_be_kept(self, positions, groups):
        layer = attention.MultiHeadAttention(
            D, H, groups, positions=kinds.inside(positions)
        )
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        mask = random_mask(B, S)
        expected = layer(inputs, memory, attention_mask=mask)
        # Keys and values may also be projected one column at a time.
        key, value = (
            tf.concat(columns, 2)
            for columns in zip(
                *(
                    layer.project_memory(memory[:, s : s + 1], [s])
                    for s in range(S)
                ),
                strict=True,
            )
        )
        assert key.shape == (B, groups, S, K)
        assert value.shape == (B, groups, S, K)
        for whole, columns in zip(
            layer.project_memory(memory), (key, value), strict=True
        ):
            assert_all_close(columns, whole, rtol=0, atol=1e-6)
        for t in range(T):
            output, scores = layer.attend(
                inputs[:, t : t + 1],
                key,
                value,
                mask,
                query_positions=[t],
                key_positions=np.arange(S),
            )
            assert_all_close(output[:, 0], expected[:, t], rtol=0, atol=1e-5)
            assert scores.shape == (B, H, 1, S)

    @pytest.mark.parametrize("policy", ("mixed_float16", "mixed_bfloat16"))
    @pytest.mark.parametrize("positions", (None, *kinds.ATTENDED))
    def test_mixed_precision(self, policy, positions):
        layer = attention.MultiHeadAttention(
            D,
            H,
            2,
            use_bias=True,
            positions=kinds.inside(positions),
            dtype=policy,
        )
        output, scores = layer(random(B, T, D), return_attention_scores=True)
        assert output.dtype == policy.removeprefix("mixed_")
        assert scores.dtype == "float32"
        assert_all_close(
            tf.reduce_sum(scores, -1), np.ones((B, H, T)), rtol=0, atol=1e-6
        )
        assert np.all(np.isfinite(tf.cast(output, "float32")))
        for weight in layer.weights:
            assert weight.dtype == "float32"
        # `project_memory` does not pass through `__call__`, where Keras would
        # cast the kernels.
        memory = tf.cast(random(B, S, D, seed=1), output.dtype)
        for projected in layer.project_memory(memory):
            assert projected.dtype == output.dtype

    @pytest.mark.parametrize("positions", [None, *kinds.ATTENDED])
    def test_unknown_batch_and_lengths(self, positions):
        layer = attention.MultiHeadAttention(
            D, H, 2, positions=kinds.inside(positions)
        )
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        mask = random_mask(B, T, S)
        graph = tf.function(
            lambda x, y, mask: layer(x, y, attention_mask=mask),
            input_signature=[
                tf.TensorSpec([None, None, D]),
                tf.TensorSpec([None, None, D]),
                tf.TensorSpec([None, None, None], tf.bool),
            ],
        )
        assert_all_close(
            graph(inputs, memory, mask),
            layer(inputs, memory, attention_mask=mask),
            rtol=0,
            atol=1e-6,
        )

    @pytest.mark.parametrize("positions", [None, *kinds.ATTENDED])
    def test_config_makes_the_same_layer(self, positions):
        layer = kinds.drawn(
            attention.MultiHeadAttention(
                D,
                H,
                3,
                use_bias=True,
                positions=kinds.inside(positions),
                gain=0.5,
                name="look",
            )
        )
        inputs = random(B, T, D)
        clone = kinds.clones_alike(layer, lambda layer: layer(inputs))
        assert clone.name == "look"

    @pytest.mark.parametrize("name", kinds.ATTENDED)
    def test_between_sequences_it_is_the_same_without_positions(self, name):
        given = {"num_key_value_heads": 3, "use_bias": True, "gain": 0.5}
        layer = attention.MultiHeadAttention(
            D, H, positions=kinds.inside(name), trainable=False, **given
        )
        layer.key.trainable = not layer.key.trainable
        between = layer.between_sequences()
        assert between.get_config() == {**layer.get_config(), "positions": None}
        assert not between.trainable
        assert layer.positions is not None
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        assert_all_close(
            between(inputs, memory[:, ::-1]),
            between(inputs, memory),
            rtol=0,
            atol=1e-6,
        )

    def test_without_positions_it_is_used_between_sequences(self):
        layer = attention.MultiHeadAttention(D, H)
        assert layer.between_sequences() is layer

    def test_positions_are_copied_not_shared(self):
        positions = layers.RelativePositions(2)
        one, other = (
            attention.MultiHeadAttention(D, H, positions=positions)
            for _ in range(2)
        )
        one.build()
        other.build()
        assert one.positions is not other.positions
        assert one.positions is not positions
        assert_not_all_close(one.positions.keys, other.positions.keys)
        assert not positions.built

    @pytest.mark.parametrize(("model_dim", "num_heads"), [(26, 4), (26, 27)])
    def test_heads_that_do_not_divide_are_refused(self, model_dim, num_heads):
        with pytest.raises(
            ValueError,
            match="`model_dim` must be a multiple of `num_heads`.*"
            f"model_dim={model_dim}, num_heads={num_heads}. Choose another",
        ):
            attention.MultiHeadAttention(model_dim, num_heads)

    @pytest.mark.parametrize("size", [0, -2, 2.0, "2", True, None])
    def test_sizes_that_are_no_counts_are_refused(self, size):
        for name in ("model_dim", "num_heads", "num_key_value_heads"):
            sizes = {"model_dim": D, "num_heads": H, name: size}
            if name == "num_key_value_heads" and size is None:
                continue  # `None` means as many as query heads.
            with pytest.raises(
                ValueError,
                match=f"`{name}` must be a whole number.*: {size!r}. Give",
            ):
                attention.MultiHeadAttention(**sizes)

    @pytest.mark.parametrize(
        "gain", [0.0, -1.0, float("nan"), float("inf"), "1", None]
    )
    def test_a_gain_that_is_not_positive_is_refused(self, gain):
        with pytest.raises(ValueError, match=f"`gain`.*: {gain!r}. Give"):
            attention.MultiHeadAttention(D, H, gain=gain)

    def test_inputs_of_another_size_are_refused(self):
        # A reshape would accept vectors of twice the size as twice the rows.
        layer = attention.MultiHeadAttention(D, H)
        for wrong in (random(B, T, 2 * D), random(B, T, D // 2), random(T, D)):
            shape = ", ".join(map(str, wrong.shape))
            message = rf"have shape \(B, T, {D}\).*Received: shape=\({shape}"
            with pytest.raises(ValueError, match=message):
                layer(wrong)
            with pytest.raises(ValueError, match=message):
                layer(random(B, T, D), wrong)
        with pytest.raises(ValueError, match="that agree in B, N, S and K"):
            layer(random(B, T, D), random(B + 1, T, D))

    def test_positions_of_embeddings_are_refused(self):
        for wrong in (
            layers.SinusoidalPositions(),
            layers.LearnedPositions(7),
            keras.layers.Dense(3),
        ):
            with pytest.raises(
                ValueError,
                match="positions of an attention must be a layer with "
                "apply_to_keys "
                "and attend_heads, .*RotaryPositions.*Received: "
                f"{type(wrong).__name__}",
            ):
                attention.MultiHeadAttention(D, H, positions=wrong)

    @pytest.mark.parametrize("groups", [4, 12])
    def test_heads_that_cannot_be_shared_are_refused(self, groups):
        with pytest.raises(
            ValueError,
            match="`num_heads` must be a multiple of `num_key_value_heads`.*"
            f"num_heads=6, num_key_value_heads={groups}. "
            "Use 1 for multi-query attention, 6 for multi-head",
        ):
            attention.MultiHeadAttention(D, H, groups)
