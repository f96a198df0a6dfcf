"""Positions must equal the five common tables, also at large positions.

B batch   T length   D model_dim
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.layers import positions, sinusoids
from tests.assertions import assert_all_close, assert_all_equal
from tests.layers import kinds
from tests.layers.kinds import random
from tests.references import layers as reference_layers

B, T, D = 3, 5, 26
FORMS = kinds.SINUSOIDS
# Rows with padding after, before and between tokens, and their positions.
MASK = np.array([[1, 1, 1, 0, 0], [0, 0, 1, 1, 1], [1, 0, 1, 0, 1]]) > 0
NUMBERS = np.array([[0, 1, 2, 2, 2], [0, 0, 0, 1, 2], [0, 0, 1, 1, 2]])


class TestCountPositions:
    def test_without_a_mask_they_are_the_columns(self):
        assert_all_equal(positions.count_positions(3), [[0, 1, 2]])
        assert_all_equal(
            positions.count_positions(tf.constant(2), start=5), [[5, 6]]
        )

    def test_padding_is_not_counted(self):
        assert_all_equal(positions.count_positions(T, mask=MASK), NUMBERS)

    def test_padding_before_the_first_has_the_number_before_the_start(self):
        numbers = positions.count_positions(T, start=7, mask=MASK)
        assert_all_equal(
            numbers, [[7, 8, 9, 9, 9], [6, 6, 7, 8, 9], [7, 7, 8, 8, 9]]
        )

    def test_a_row_of_padding_is_not_negative(self):
        numbers = positions.count_positions(2, mask=[[False, False]])
        assert_all_equal(numbers, [[0, 0]])


class TestSinusoidalPositions:
    @pytest.mark.parametrize("form", FORMS)
    def test_adds_the_encoding_to_each_row(self, form):
        inputs = random(B, T, D)
        output = positions.SinusoidalPositions(form)(inputs)
        for b, t in np.ndindex(B, T):
            assert_all_close(
                output[b, t],
                inputs[b, t] + reference_layers.sinusoid(t, D, form),
                rtol=0,
                atol=1e-6,
            )

    @pytest.mark.parametrize("form", FORMS)
    def test_padding_is_not_counted_and_gets_nothing(self, form):
        inputs = random(B, T, D)
        output = positions.SinusoidalPositions(form)(inputs, mask=MASK).numpy()
        assert_all_equal(output[~MASK], inputs[~MASK])
        for b in range(B):
            assert_all_close(
                output[b],
                reference_layers.add_positions(
                    inputs[b], MASK[b], {}, {"positions": form}
                ),
                rtol=0,
                atol=1e-6,
            )

    def test_counts_from_start(self):
        layer = positions.SinusoidalPositions()
        inputs = random(B, T, D)
        expected = layer(inputs)
        for t in range(T):
            assert_all_equal(
                layer(inputs[:, t : t + 1], start=t), expected[:, t : t + 1]
            )
        masked = layer(inputs, start=7, mask=MASK)
        assert_all_close(
            masked[1, 2],
            inputs[1, 2] + reference_layers.sinusoid(7, D, "paper"),
            rtol=0,
            atol=1e-6,
        )

    def test_start_and_length_known_only_at_run_time(self):
        layer = positions.SinusoidalPositions()
        graph = tf.function(
            lambda inputs, start, mask: layer(inputs, start=start, mask=mask),
            input_signature=[
                tf.TensorSpec([None, None, D]),
                tf.TensorSpec([], tf.int32),
                tf.TensorSpec([None, None], tf.bool),
            ],
        )
        inputs = random(B, T, D)
        assert_all_close(
            graph(inputs, 11, MASK),
            layer(inputs, start=11, mask=MASK),
            rtol=0,
            atol=1e-6,
        )

    @pytest.mark.parametrize(
        ("policy", "rounding"),
        [("mixed_float16", 1e-3), ("mixed_bfloat16", 2.0**-8)],
    )
    def test_mixed_precision_rounds_only_the_sum(self, policy, rounding):
        layer = positions.SinusoidalPositions(dtype=policy)
        output = layer(np.zeros((1, 5, D)), start=997)
        assert output.dtype == policy.removeprefix("mixed_")
        expected = [
            [reference_layers.sinusoid(997 + t, D, "paper") for t in range(5)]
        ]
        assert_all_close(
            tf.cast(output, "float32"), expected, rtol=0, atol=rounding
        )
        inputs = tf.cast(random(B, T, D), output.dtype)
        encoding = sinusoids.sinusoidal_encoding(np.arange(T), D)
        assert_all_equal(
            layer(inputs),
            tf.cast(tf.cast(inputs, "float32") + encoding, output.dtype),
        )

    def test_keeps_the_mask_of_an_embedding_and_uses_it(self):
        embedding = keras.layers.Embedding(17, D, mask_zero=True)
        pooled = keras.layers.GlobalAveragePooling1D()
        layer = positions.SinusoidalPositions()
        expected = pooled(layer(embedding(np.array([[3, 5]]))))
        for ids in ([[3, 5, 0, 0]], [[0, 3, 5]], [[3, 0, 5]]):
            assert_all_close(
                pooled(layer(embedding(np.array(ids)))), expected, atol=1e-6
            )

    @pytest.mark.parametrize("learned", (False, True))
    @pytest.mark.parametrize(
        "shape", ((B, T + 1), (B + 1, T), (B, T, T), (B, 1, T, T), (T,))
    )
    def test_a_mask_that_does_not_fit_is_refused(self, learned, shape):
        layer = (
            positions.LearnedPositions(7)
            if learned
            else positions.SinusoidalPositions()
        )
        with pytest.raises(
            ValueError,
            match=rf"must have shape \(B, S\).*{', '.join(map(str, shape))}",
        ):
            layer(random(B, T, D), mask=np.ones(shape, bool))

    def test_has_no_weights(self):
        layer = positions.SinusoidalPositions()
        layer(random(B, T, D))
        assert len(layer.weights) == 0

    def test_config_makes_the_same_layer(self):
        layer = positions.SinusoidalPositions("fairseq", name="order")
        clone = positions.SinusoidalPositions.from_config(layer.get_config())
        assert clone.get_config() == layer.get_config()
        inputs = random(B, T, D)
        assert_all_equal(clone(inputs), layer(inputs))

    def test_unknown_form_is_refused_at_once(self):
        with pytest.raises(ValueError, match="Unknown form.*'rotary'"):
            positions.SinusoidalPositions("rotary")

    def test_odd_size_is_refused(self):
        with pytest.raises(ValueError, match="even `model_dim`.*7"):
            positions.SinusoidalPositions()(random(B, T, 7))


class TestLearnedPositions:
    @pytest.fixture(autouse=True)
    def set_up(self):
        keras.utils.set_random_seed(1)

    def make(self, max_length=7, **kwargs):
        layer = positions.LearnedPositions(max_length, **kwargs)
        layer.build((None, None, D))
        return layer, layer.encodings.numpy()

    def test_adds_its_vector_to_each_position(self):
        layer, table = self.make()
        inputs = random(B, T, D)
        output = layer(inputs)
        for b, t in np.ndindex(B, T):
            assert_all_equal(output[b, t], inputs[b, t] + table[t])

    def test_padding_is_not_counted_and_gets_nothing(self):
        layer, table = self.make()
        inputs = random(B, T, D)
        output = layer(inputs, mask=MASK).numpy()
        assert_all_equal(output[~MASK], inputs[~MASK])
        assert_all_equal(output[MASK], inputs[MASK] + table[NUMBERS[MASK]])

    def test_counts_from_start(self):
        layer, _ = self.make()
        inputs = random(B, T, D)
        expected = layer(inputs)
        for t in range(T):
            for start in (t, tf.constant(t), np.int64(t)):
                assert_all_equal(
                    layer(inputs[:, t : t + 1], start=start),
                    expected[:, t : t + 1],
                )

    def test_trains_the_vectors_of_real_positions(self):
        layer, _ = self.make()
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(random(B, T, D), mask=MASK))
        gradient = tape.gradient(loss, layer.encodings.value)
        gradient = tf.convert_to_tensor(gradient)
        # Each of the three rows has tokens 0, 1 and 2.
        expected = np.array([3, 3, 3, 0, 0, 0, 0])[:, None] * np.ones(D)
        assert_all_equal(gradient, expected)

    def test_starts_normal_with_deviation_one_over_the_root(self):
        _, table = self.make(max_length=1999)
        # With 51,974 numbers, five standard errors are 1.6 % of the deviation.
        assert_all_close(np.std(table) * D**0.5, 1, rtol=0, atol=0.016)
        assert_all_close(np.mean(table) * D**0.5, 0, rtol=0, atol=0.022)
        # 4.55 % of a normal distribution are more than two deviations off.
        tail = np.mean(np.abs(table) * D**0.5 > 2)
        assert_all_close(tail, 0.0455, rtol=0, atol=0.005)

    @pytest.mark.parametrize(("length", "start"), [(8, 0), (1, 7), (5, 3)])
    def test_a_position_beyond_the_last_is_refused(self, length, start):
        layer, _ = self.make()
        layer(random(B, 7, D))
        layer(random(B, 1, D), start=6)
        with pytest.raises(
            ValueError,
            match=f"There are 7 learned positions. Received: length={length}, "
            f"start={start}. Use shorter rows",
        ):
            layer(random(B, length, D), start=start)
        with pytest.raises(ValueError, match=f"start={start}. Use shorter"):
            layer(random(B, length, D), start=tf.constant(start, "int64"))

    def test_in_a_graph_of_unknown_length_the_last_is_used_again(self):
        layer, table = self.make()
        graph = tf.function(
            lambda inputs, start: layer(inputs, start=start),
            input_signature=[
                tf.TensorSpec([None, None, D]),
                tf.TensorSpec([], tf.int32),
            ],
        )
        numbers = np.minimum(np.arange(11), 6)
        zeros = np.zeros((1, 11, D), "float32")
        assert_all_equal(graph(zeros, 0)[0], table[numbers])
        assert_all_equal(graph(zeros[:, :3], 5)[0], table[[5, 6, 6]])

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
    def test_other_dtypes(self, dtype):
        layer, table = self.make(dtype=dtype)
        assert table.dtype == dtype
        inputs = tf.cast(random(B, T, D), dtype)
        output = layer(inputs, mask=MASK)
        assert output.dtype == dtype
        exact = tf.cast(inputs, "float32").numpy()
        exact[MASK] += table.astype("float32")[NUMBERS[MASK]]
        assert_all_equal(output, tf.cast(exact, dtype))

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_mixed_precision(self, dtype):
        layer, table = self.make(dtype=f"mixed_{dtype}")
        assert table.dtype == "float32"
        inputs = tf.cast(random(B, T, D), dtype)
        output = layer(inputs)
        assert output.dtype == dtype
        # The sum is rounded once.
        exact = tf.cast(inputs, "float32") + table[:T]
        assert_all_equal(output, tf.cast(exact, dtype))

    def test_config_makes_the_same_layer(self):
        layer, _ = self.make(name="order")
        clone = positions.LearnedPositions.from_config(layer.get_config())
        assert clone.get_config() == layer.get_config()
        clone.build((None, None, D))
        clone.set_weights(layer.get_weights())
        inputs = random(B, T, D)
        assert_all_equal(clone(inputs), layer(inputs))

    @pytest.mark.parametrize("max_length", [0, -7])
    def test_a_maximum_length_below_one_is_refused(self, max_length):
        with pytest.raises(
            ValueError, match=f"`max_length`.*Received: {max_length}. Give"
        ):
            positions.LearnedPositions(max_length)
