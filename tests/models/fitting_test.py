"""Sublayers that do not fit together must be refused by the constructor.

D model_dim   H heads   F feed_forward_dim   V vocabulary_size
"""

import keras
import pytest

from keras_transformer import layers
from keras_transformer.models import fitting, transformer

pytestmark = pytest.mark.seconds

D, H, F, V = 24, 4, 11, 17


def sublayers(**changes):
    stack = layers.MultiHeadAttention(D, H), layers.FeedForward(D, F)
    return {
        "encoder": layers.Encoder(1, *stack),
        "decoder": layers.Decoder(2, *stack),
        "source_embedding": layers.TokenEmbedding(V, D),
        **changes,
    }


class TestFitting:
    def test_a_model_has_no_other_sublayers(self):
        model = transformer.Transformer(**sublayers())
        fitting.check_sublayers(model)
        made = {id(getattr(model, name)) for name in fitting.SUBLAYERS}
        # Tied embeddings are one layer.
        assert len(made) == 3
        assert sum(w.numpy().size for w in model.weights) == sum(
            w.numpy().size
            for name in ("source_embedding", "encoder", "decoder")
            for w in getattr(model, name).weights
        )

    @pytest.mark.parametrize(
        ("change", "message"),
        [
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
                        1,
                        layers.MultiHeadAttention(D, H),
                        layers.FeedForward(D, F),
                    )
                },
                "decoder must be .*start and step and stepper.*Received: "
                "Encoder",
            ),
            ({"encoder": None}, "encoder must be .*Received: NoneType"),
            (
                {"source_embedding": keras.layers.Embedding(V, D)},
                "source_embedding must be .*TokenEmbedding. Received: "
                "Embedding",
            ),
            ({"pad_id": 17}, r"`pad_id` must be in \[0, 17\).*Received: 17"),
            (
                {"start_id": -1},
                r"`start_id` must be in \[0, 17\).*Received: -1",
            ),
        ],
    )
    def test_sublayers_that_do_not_fit_are_refused(self, change, message):
        with pytest.raises(ValueError, match=message):
            transformer.Transformer(**sublayers(**change))
