"""The accuracy of tokens must be that of Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.training import token_accuracy

B, T, V = 3, 5, 7


class TestTokenAccuracy:
    @pytest.mark.parametrize("has_weights", [False, True])
    def test_is_that_of_keras(self, has_weights):
        generator = np.random.default_rng(0)
        ours = token_accuracy.TokenAccuracy()
        expected = keras.metrics.SparseCategoricalAccuracy()
        for _ in range(2):
            logits = tf.constant(generator.normal(size=(B, T, V)), "float32")
            labels = generator.integers(V, size=(B, T))
            labels[0] = np.argmax(logits[0], axis=-1)
            weights = (
                generator.integers(3, size=(B, T)) if has_weights else None
            )
            ours.update_state(labels, logits, weights)
            expected.update_state(labels, logits, weights)
        assert 0.2 < float(expected.result()) < 0.9
        assert float(ours.result()) == pytest.approx(float(expected.result()))

    def test_config_makes_the_same_metric(self):
        metric = token_accuracy.TokenAccuracy(name="share")
        config = keras.saving.serialize_keras_object(metric)
        copy = keras.saving.deserialize_keras_object(config)
        assert copy.name == "share"
        copy.update_state([[1]], [[[0.1, 0.3]]])
        assert float(copy.result()) == 1
