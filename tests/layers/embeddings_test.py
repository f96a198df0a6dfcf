"""One matrix must embed tokens and compute logits (section 3.4).

B batch   T length   D model_dim   V vocabulary_size
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.layers import embeddings
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)
from tests.layers import kinds
from tests.layers.kinds import random
from tests.references import model as reference

B, T, D, V = 3, 5, 7, 17
IDS = np.random.default_rng(0).integers(0, V, (B, T))


def make(*args, **kwargs):
    layer = embeddings.TokenEmbedding(*(args or (V, D)), **kwargs)
    layer.build()
    return layer


class TestTokenEmbedding:
    @pytest.fixture(autouse=True)
    def set_up(self):
        keras.utils.set_random_seed(1)

    @pytest.mark.parametrize(
        ("settings", "scale"),
        [({}, 7**0.5), ({"scale": "sqrt_dim"}, 7**0.5), ({"scale": "none"}, 1)],
    )
    def test_embeds_by_the_row_times_the_scale(self, settings, scale):
        layer = make(**settings)
        vectors = layer(IDS)
        (table,) = layer.get_weights()
        for b, t in np.ndindex(B, T):
            assert_all_close(
                vectors[b, t], table[IDS[b, t]] * scale, rtol=1e-6, atol=0
            )

    @pytest.mark.parametrize("scale", embeddings.SCALES)
    @pytest.mark.parametrize("output_bias", (False, True))
    def test_logits_are_products_with_the_same_rows_unscaled(
        self, scale, output_bias
    ):
        layer = make(scale=scale, output_bias=output_bias)
        kinds.drawn(layer)
        table = layer.embeddings.numpy()
        bias = layer.bias.numpy() if output_bias else np.zeros(V)
        inputs = random(B, T, D)
        logits = layer.logits(inputs)
        for b, t, v in np.ndindex(B, T, V):
            assert_all_close(
                logits[b, t, v],
                np.dot(inputs[b, t].astype("float64"), table[v]) + bias[v],
                rtol=0,
                atol=1e-6,
            )

    def test_a_gradient_has_no_matrix_for_each_row(self):
        layer = make()

        @tf.function
        def gradient(vectors):
            with tf.GradientTape() as tape:
                total = tf.reduce_sum(layer.logits(vectors) ** 2)
            return tape.gradient(total, layer.embeddings.value)

        graph = gradient.get_concrete_function(random(B, T, D)).graph
        sizes = [
            tensor.shape.num_elements() or 0
            for operation in graph.get_operations()
            for tensor in operation.outputs
            if tensor.shape.rank is not None
        ]
        assert max(sizes) == B * T * V < B * V * D

    @pytest.mark.parametrize(
        "dtype", ("float32", "mixed_bfloat16", "mixed_float16", "bfloat16")
    )
    @pytest.mark.parametrize("output_bias", (False, True))
    def test_a_scorer_gives_the_logits_of_rows(self, dtype, output_bias):
        layer = kinds.drawn(make(output_bias=output_bias, dtype=dtype))
        score = layer.scorer()
        inputs = random(B, D)
        logits = score(inputs)
        assert logits.shape == (B, V)
        assert logits.dtype == "float32"
        # Both results round the same products of rounded factors. The bias,
        # about 1, is added in float32.
        assert_all_close(
            logits,
            layer.logits(inputs[:, None])[:, 0],
            rtol=0,
            atol={"float32": 1e-6, "mixed_float16": 2e-3}.get(dtype, 2e-2),
        )
        # A scorer reads the matrix once, when the scorer is made.
        layer.embeddings.assign(2 * layer.embeddings)
        assert_all_equal(score(inputs), logits)
        assert_not_all_close(layer.scorer()(inputs), logits)

    @pytest.mark.parametrize("is_int8", (False, True))
    @pytest.mark.parametrize("output_bias", (False, True))
    def test_a_scorer_of_tokens(self, output_bias, is_int8):
        layer = kinds.drawn(make(output_bias=output_bias))
        if is_int8:
            layer.quantize("int8")
        inputs, ids = random(B, D), np.array([V - 1, 0, 3, 3])
        logits = layer.scorer(ids)(inputs)
        expected = np.asarray(layer.scorer()(inputs))[:, ids]
        assert logits.dtype == "float32"
        assert_all_close(logits, expected, rtol=0, atol=1e-6)

    def test_a_scorer_of_a_layer_that_was_not_built(self):
        layer = embeddings.TokenEmbedding(V, D)
        assert layer.scorer()(random(B, D)).shape == (B, V)

    @pytest.mark.parametrize("scale", embeddings.SCALES)
    @pytest.mark.parametrize("start_id", (1, 3))
    def test_equals_the_reference(self, scale, start_id):
        # If the start id is the padding id, its embedding is zeros.
        layer = make(scale=scale, zero_id=3 if start_id == 3 else None)
        vectors = layer(IDS)
        table = reference.weights_of(layer)["embeddings"]
        kind = {"embedding_scale": scale, "pad_id": 3, "start_id": start_id}
        for b in range(B):
            assert_all_close(
                vectors[b],
                reference.embed(IDS[b], table, kind),
                rtol=1e-6,
                atol=0,
            )

    def test_number_of_weights(self):
        assert len(make().weights) == 1
        assert make().count_params() == V * D
        assert len(make(output_bias=True).weights) == 2
        assert make(output_bias=True).count_params() == V * D + V
        assert_all_equal(make(output_bias=True).bias, np.zeros(V))

    def test_both_uses_train_the_matrix(self):
        layer = make(output_bias=True)
        inputs = tf.constant(random(1, 1, D))
        with tf.GradientTape(persistent=True) as tape:
            embedded = tf.reduce_sum(layer(np.array([[3]])))
            scored = layer.logits(inputs)[0, 0, 5]
        matrix, bias = layer.trainable_weights
        gradient = tape.gradient(embedded, matrix)
        gradient = tf.convert_to_tensor(gradient).numpy()
        assert_all_close(gradient[3], np.full(D, 7**0.5), rtol=1e-6, atol=0)
        assert_all_equal(np.delete(gradient, 3, 0), np.zeros((V - 1, D)))
        gradient = tape.gradient(scored, matrix)
        gradient = tf.convert_to_tensor(gradient).numpy()
        assert_all_equal(gradient[5], inputs[0, 0])
        assert_all_equal(np.delete(gradient, 5, 0), np.zeros((V - 1, D)))
        assert_all_equal(tape.gradient(scored, bias), np.eye(V)[5])

    @pytest.mark.parametrize("zero_id", [0, 3])
    def test_a_zero_id_embeds_to_zeros_and_is_scored_like_others(self, zero_id):
        layer, other = make(zero_id=zero_id), make()
        other.set_weights(layer.get_weights())
        with tf.GradientTape() as tape:
            vectors = layer(np.arange(V)[None])
            loss = tf.reduce_sum(vectors)
        gradient = tape.gradient(loss, layer.embeddings.value)
        gradient = tf.convert_to_tensor(gradient).numpy()
        assert_all_equal(vectors[0, zero_id], np.zeros(D))
        assert_all_equal(gradient[zero_id], np.zeros(D))
        others = np.delete(np.arange(V), zero_id)
        assert_all_equal(vectors.numpy()[0, others], other(others[None])[0])
        assert_all_close(
            gradient[others], np.full((V - 1, D), 7**0.5), rtol=1e-6, atol=0
        )
        inputs = random(B, T, D)
        assert_all_equal(layer.logits(inputs), other.logits(inputs))
        assert np.abs(layer.embeddings[zero_id]).max() > 0

    @pytest.mark.parametrize(
        ("initializer", "deviation", "tail"),
        [
            # 4.55 % of a normal distribution are more than two deviations from
            # the mean; a uniform one ends at 1.73 deviations.
            ("normal", 53**-0.5, 0.0455),
            ("uniform", 53**-0.5, 0.0),
            # Uniform in [-a, a] with a = sqrt(6 / (997 + 53)) has the standard
            # deviation a / sqrt(3).
            ("glorot_uniform", (2 / 1050) ** 0.5, 0.0),
        ],
    )
    def test_starts_with_the_deviation(self, initializer, deviation, tail):
        (table,) = make(997, 53, initializer=initializer).get_weights()
        table = table / deviation
        # 52841 draws: five standard errors are 1.6 % of the deviation.
        assert_all_close(np.std(table), 1, rtol=0, atol=0.016)
        assert_all_close(np.mean(table), 0, rtol=0, atol=0.022)
        assert_all_close(np.mean(np.abs(table) > 2), tail, rtol=0, atol=0.005)
        if initializer != "normal":
            assert_all_close(np.abs(table).max(), 3**0.5, rtol=1e-3)

    def test_normal_and_the_root_are_what_is_not_told(self):
        layer = make()
        config = layer.get_config()
        assert config["initializer"] == "normal"
        assert config["scale"] == "sqrt_dim"
        assert config["zero_id"] is None
        assert not config["output_bias"]

    @pytest.mark.parametrize("wrong", [-1, V, 1000])
    def test_ids_out_of_range_are_refused(self, wrong):
        layer = make()
        ids = IDS.copy()
        ids[1, 2] = wrong
        message = (
            rf"Ids must be in \[0, {V}\).*Received: ids from "
            f"{ids.min()} to {ids.max()}. Encode with"
        )
        for given in (ids, tf.constant(ids), ids.astype("int32")):
            with pytest.raises(ValueError, match=message):
                layer(given)

    def test_ids_at_the_ends_and_none_at_all_are_fine(self):
        layer = make()
        assert layer(np.array([[0, V - 1]])).shape == (1, 2, D)
        assert layer(np.zeros((B, 0), int)).shape == (B, 0, D)

    def test_in_a_graph_no_id_is_checked(self):
        layer = make()
        graph = tf.function(
            layer, input_signature=[tf.TensorSpec([None, None], tf.int32)]
        )
        assert_all_equal(graph(IDS.astype("int32")), layer(IDS))
        ids = keras.Input((None,), dtype="int32")
        model = keras.Model(ids, layer(ids))
        assert_all_equal(model.predict(IDS, verbose=0), layer(IDS))

    @pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
    def test_mixed_precision(self, policy):
        layer = make(output_bias=True, zero_id=0, dtype=policy)
        vectors = layer(IDS)
        assert vectors.dtype == policy.removeprefix("mixed_")
        # `logits` casts its inputs, since it does not pass through `__call__`.
        logits = layer.logits(random(B, T, D))
        assert logits.dtype == "float32"
        for weight in layer.weights:
            assert weight.dtype == "float32"

    def test_unknown_batch_and_length(self):
        layer = make(zero_id=0, output_bias=True)
        graph = tf.function(
            lambda ids: layer.logits(layer(ids)),
            input_signature=[tf.TensorSpec([None, None], tf.int32)],
        )
        assert_all_close(
            graph(IDS.astype("int32")),
            layer.logits(layer(IDS)),
            rtol=0,
            atol=1e-6,
        )

    def test_config_makes_the_same_layer(self):
        layer = kinds.drawn(
            make(
                scale="none",
                initializer="uniform",
                zero_id=3,
                output_bias=True,
                name="shared",
            )
        )
        kinds.clones_alike(layer, lambda layer: layer(IDS))
        kinds.clones_alike(layer, lambda layer: layer.logits(random(B, T, D)))

    @pytest.mark.parametrize("zero_id", [-1, V])
    def test_a_zero_id_outside_of_the_vocabulary_is_refused(self, zero_id):
        with pytest.raises(
            ValueError,
            match=rf"`zero_id` must be in \[0, {V}\).*: {zero_id}. Give",
        ):
            embeddings.TokenEmbedding(V, D, zero_id=zero_id)

    @pytest.mark.parametrize("sizes", [(0, D), (V, 0), (-1, D)])
    def test_sizes_below_one_are_refused(self, sizes):
        with pytest.raises(
            ValueError,
            match=f"at least 1. Received: {min(sizes)}",
        ):
            embeddings.TokenEmbedding(*sizes)

    @pytest.mark.parametrize(
        ("name", "value", "known"),
        [
            ("scale", "sqrt", "'sqrt_dim', 'none'"),
            ("initializer", "zeros", "'normal', 'uniform', 'glorot_uniform'"),
        ],
    )
    def test_unknown_names_are_refused(self, name, value, known):
        with pytest.raises(
            ValueError, match=f"Unknown `{name}`.*Received: '{value}'.*{known}"
        ):
            embeddings.TokenEmbedding(V, D, **{name: value})
