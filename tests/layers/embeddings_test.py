"""One matrix must embed the tokens and score them (section 3.4).

B batch   T length   D model_dim   V vocabulary_size
"""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.layers import embeddings

B, T, D, V = 3, 5, 7, 17
IDS = np.random.default_rng(0).integers(0, V, (B, T))


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


class ScaledEmbeddingTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(1)

    def test_embeds_by_the_row_times_the_root_of_the_size(self):
        layer = embeddings.ScaledEmbedding(V, D)
        vectors = layer(IDS)
        (table,) = layer.get_weights()
        for b, t in np.ndindex(B, T):
            self.assertAllClose(
                vectors[b, t], table[IDS[b, t]] * 7**0.5, rtol=1e-6, atol=0
            )

    def test_logits_are_products_with_the_same_rows_unscaled(self):
        layer = embeddings.ScaledEmbedding(V, D)
        layer.build()
        (table,) = layer.get_weights()
        inputs = random(B, T, D)
        logits = layer.logits(inputs)
        for b, t, v in np.ndindex(B, T, V):
            self.assertAllClose(
                logits[b, t, v],
                np.dot(inputs[b, t].astype("float64"), table[v]),
                rtol=0,
                atol=1e-6,
            )

    def test_one_matrix_and_nothing_else(self):
        layer = embeddings.ScaledEmbedding(V, D)
        layer.build()
        self.assertLen(layer.weights, 1)
        self.assertEqual(layer.count_params(), V * D)

    def test_both_uses_train_the_matrix(self):
        layer = embeddings.ScaledEmbedding(V, D)
        layer.build()
        inputs = tf.constant(random(1, 1, D))
        with tf.GradientTape(persistent=True) as tape:
            embedded = tf.reduce_sum(layer(np.array([[3]])))
            scored = layer.logits(inputs)[0, 0, 5]
        matrix = layer.trainable_weights
        (gradient,) = tape.gradient(embedded, matrix)
        gradient = tf.convert_to_tensor(gradient).numpy()
        self.assertAllClose(gradient[3], np.full(D, 7**0.5), rtol=1e-6, atol=0)
        self.assertAllEqual(np.delete(gradient, 3, 0), np.zeros((V - 1, D)))
        (gradient,) = tape.gradient(scored, matrix)
        gradient = tf.convert_to_tensor(gradient).numpy()
        self.assertAllEqual(gradient[5], inputs[0, 0])
        self.assertAllEqual(np.delete(gradient, 5, 0), np.zeros((V - 1, D)))

    def test_starts_normal_with_deviation_one_over_the_root(self):
        size = 53
        layer = embeddings.ScaledEmbedding(997, size)
        layer.build()
        (table,) = layer.get_weights()
        # 52841 draws: five standard errors are 1.6 % of the deviation.
        self.assertAllClose(np.std(table) * size**0.5, 1, rtol=0, atol=0.016)
        self.assertAllClose(np.mean(table) * size**0.5, 0, rtol=0, atol=0.022)
        # Beyond two deviations are 4.55 % of a normal distribution.
        tail = np.mean(np.abs(table) * size**0.5 > 2)
        self.assertAllClose(tail, 0.0455, rtol=0, atol=0.005)

    @parameterized.parameters("mixed_float16", "mixed_bfloat16")
    def test_mixed_precision(self, policy):
        layer = embeddings.ScaledEmbedding(V, D, dtype=policy)
        vectors = layer(IDS)
        self.assertEqual(vectors.dtype, policy.removeprefix("mixed_"))
        # Casts, since a decoding step does not pass through `__call__`.
        logits = layer.logits(random(B, T, D))
        self.assertEqual(logits.dtype, "float32")
        self.assertEqual(layer.embeddings.dtype, "float32")

    def test_unknown_batch_and_length(self):
        layer = embeddings.ScaledEmbedding(V, D)
        graph = tf.function(
            lambda ids: layer.logits(layer(ids)),
            input_signature=[tf.TensorSpec([None, None], tf.int32)],
        )
        self.assertAllClose(
            graph(IDS.astype("int32")),
            layer.logits(layer(IDS)),
            rtol=0,
            atol=1e-6,
        )

    def test_config_makes_the_same_layer(self):
        layer = embeddings.ScaledEmbedding(V, D, name="shared")
        expected = layer(IDS)
        clone = embeddings.ScaledEmbedding.from_config(layer.get_config())
        self.assertEqual(clone.get_config(), layer.get_config())
        clone.build()
        clone.set_weights(layer.get_weights())
        self.assertAllEqual(clone(IDS), expected)


if __name__ == "__main__":
    tf.test.main()
