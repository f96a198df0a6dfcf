"""Parts that do not fit together must be refused when a model is made.

D model_dim   H heads   F feed_forward_dim   V vocabulary_size
"""

import keras
import pytest
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer import layers
from keras_transformer.models import fitting, transformer

pytestmark = pytest.mark.seconds

D, H, F, V = 24, 4, 11, 17


def parts(**changes):
    stack = layers.MultiHeadAttention(D, H), layers.FeedForward(D, F)
    return {
        "encoder": layers.Encoder(1, *stack),
        "decoder": layers.Decoder(2, *stack),
        "source_embedding": layers.TokenEmbedding(V, D),
        **changes,
    }


class FittingTest(tf.test.TestCase, parameterized.TestCase):
    def test_parts_that_fit_are_taken_and_are_all_there_are(self):
        model = transformer.Transformer(**parts())
        fitting.check_parts(model)
        made = {id(getattr(model, name)) for name in fitting.PARTS}
        # Tied embeddings are one.
        self.assertLen(made, 3)
        self.assertEqual(
            sum(w.numpy().size for w in model.weights),
            sum(
                w.numpy().size
                for name in ("source_embedding", "encoder", "decoder")
                for w in getattr(model, name).weights
            ),
        )

    @parameterized.parameters(
        (
            {"source_embedding": layers.TokenEmbedding(V, 26)},
            "same model_dim.*'source_embedding': 26.*'encoder': 24",
        ),
        (
            {"projection": layers.TokenEmbedding(19, D)},
            "17 target tokens, 19 in the projection",
        ),
        (
            {
                "decoder": layers.Encoder(
                    1, layers.MultiHeadAttention(D, H), layers.FeedForward(D, F)
                )
            },
            "decoder must be .*start and step and stepper.*Received: Encoder",
        ),
        ({"encoder": None}, "encoder must be .*Received: NoneType"),
        (
            {"source_embedding": keras.layers.Embedding(V, D)},
            "source_embedding must be .*TokenEmbedding. Received: Embedding",
        ),
        ({"pad_id": 17}, r"`pad_id` must be in \[0, 17\).*Received: 17"),
        ({"start_id": -1}, r"`start_id` must be in \[0, 17\).*Received: -1"),
    )
    def test_parts_that_do_not_fit_are_refused(self, change, message):
        with self.assertRaisesRegex(ValueError, message):
            transformer.Transformer(**parts(**change))


if __name__ == "__main__":
    tf.test.main()
