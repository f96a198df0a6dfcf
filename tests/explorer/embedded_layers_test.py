"""Layers as data for the page, and layers that the page cannot compute.

`engine/model_test.py` shows that the data are sufficient.
"""

import keras
import pytest

import keras_transformer as kt
from keras_transformer.explorer import embedded_layers, embedded_weights
from tests.explorer import translators


@keras.saving.register_keras_serializable("tests")
class OtherFeedForward(kt.layers.FeedForward):
    """A subclass. It might compute something else, so it is refused."""


def small(**layers):
    sublayers = {
        "attention": kt.layers.MultiHeadAttention(6, 2),
        "feed_forward": kt.layers.FeedForward(6, 7),
        **layers,
    }
    return kt.Transformer(
        kt.layers.Encoder(1, **sublayers),
        kt.layers.Decoder(1, **sublayers),
        kt.layers.TokenEmbedding(11, 6),
    )


def embed(model):
    weights = embedded_weights.Weights()
    return embedded_layers.embed_layers(model, weights), weights.data()


def test_every_weight_is_embedded():
    model = translators.translator(tying="none", positions="relative").model
    _, data = embed(model)
    shapes = sorted(each["shape"] for each in data["tensors"].values())
    assert shapes == sorted(list(weight.shape) for weight in model.weights)


def test_shared_matrices_are_embedded_once():
    described, _ = embed(translators.translator(tying="all").model)
    names = {
        described[name]["matrix"]
        for name in ("source_embedding", "target_embedding", "projection")
    }
    assert len(names) == 1


def test_settings_are_those_of_the_layers():
    model = small(norm=keras.layers.RMSNormalization(epsilon=0.25))
    described, _ = embed(model)
    (block,) = described["encoder"]["blocks"]
    norm = block["feed_forward_residual"]["norm"]
    assert (norm["kind"], norm["epsilon"], norm["beta"]) == ("rms", 0.25, None)
    assert described["encoder"]["final_norm"]["epsilon"] == 0.25


@pytest.mark.parametrize(
    ("layers", "message"),
    (
        (
            {"feed_forward": OtherFeedForward(6, 7)},
            "class OtherFeedForward, at 'encoder/block_1/feed_forward'",
        ),
        (
            {"feed_forward": kt.layers.FeedForward(6, 7, "tanh")},
            "the activation 'tanh'",
        ),
        ({"norm": keras.layers.UnitNormalization()}, "UnitNormalization"),
    ),
)
def test_other_layers(layers, message):
    with pytest.raises(ValueError, match=message):
        embed(small(**layers))


def test_norm_with_the_old_scaling():
    with pytest.warns(UserWarning, match="rms_scaling"):
        model = small(norm=keras.layers.LayerNormalization(rms_scaling=True))
    with pytest.raises(ValueError, match="with `rms_scaling`"):
        embed(model)


def test_quantized_layer():
    model = small()
    model.encoder.blocks[0].attention.quantize("int8")
    with pytest.raises(ValueError, match="quantized layer"):
        embed(model)


def test_layer_with_lora():
    model = small()
    model.decoder.blocks[0].feed_forward.enable_lora(2)
    with pytest.raises(ValueError, match="with LoRA"):
        embed(model)
