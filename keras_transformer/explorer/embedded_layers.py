"""Describes the layers of a Transformer as data for the explorer's page.

The page runs the model in the browser: `front_end/engine/layers.js` makes the
model's layers from the data. The data has the settings of each layer, so that
every model that `build_transformer` makes can be embedded in the page.
"""

from typing import Any

import keras

from keras_transformer import layers
from keras_transformer.explorer import embedded_weights
from keras_transformer.models import transformer

# Activations that the page can compute, by the names of Keras.
ACTIVATIONS = ("linear", "relu", "gelu", "silu")


def embed_layers(
    model: transformer.Transformer, weights: embedded_weights.Weights
) -> dict[str, Any]:
    """Describes the layers of a model as JSON data.

    Args:
        model: a `Transformer` whose layers are layers of this package.
        weights: the collection to which the weights of the layers are added.

    Returns:
        A nested dict: `pad_id`, `start_id`, `model_dim`, the settings of each
        layer, and the names of the layer's weights in `weights`. A layer or
        weight that the model does not have is `None`.

    Raises:
        ValueError: the page cannot compute the class, the activation or the
            norm of a layer, a layer is quantized or has LoRA, or a weight is
            too large for the dtype of `weights`.

    Example:

    >>> from keras_transformer import models
    >>> model = models.build_transformer(
    ...     models.TransformerConfig(11, 1, 1, 4, 2, 8))
    >>> data = embed_layers(model, embedded_weights.Weights())
    >>> data["encoder"]["blocks"][0]["attention"]["num_heads"]
    2
    """
    describe = _Describer(weights)
    return {
        "pad_id": model.pad_id,
        "start_id": model.start_id,
        "model_dim": model.encoder.model_dim,
        "source_embedding": describe.embedding(
            "source_embedding", model.source_embedding
        ),
        "target_embedding": describe.embedding(
            "target_embedding", model.target_embedding
        ),
        "projection": describe.projection("projection", model.projection),
        "encoder": describe.stack("encoder", model.encoder),
        "decoder": describe.stack("decoder", model.decoder),
    }


class _Describer:
    """A visitor that describes layers and adds their weights to `Weights`.

    The arguments of each method are a path, such as "encoder/block_1", and the
    layer at this path. The result is the description of the layer. The methods
    for positions return `None` if the layer is `None`.
    """

    def __init__(self, weights):
        self._weights = weights

    def embedding(self, path, layer):
        _check_class(path, layer, layers.TokenEmbedding)
        config = layer.get_config()
        is_scaled = config["scale"] == "sqrt_dim"
        return {
            "matrix": self._weights.add(f"{path}/matrix", layer.embeddings),
            "scale": layer.model_dim**0.5 if is_scaled else 1.0,
            "zero_id": config["zero_id"],
        }

    def projection(self, path, layer):
        _check_class(path, layer, layers.TokenEmbedding)
        return {
            "matrix": self._weights.add(f"{path}/matrix", layer.embeddings),
            "bias": self._weights.add(f"{path}/bias", layer.bias),
        }

    def stack(self, path, layer):
        kinds = {"encoder": layers.Encoder, "decoder": layers.Decoder}
        _check_class(path, layer, kinds[path])
        has_final_norm = layer.get_config()["normalization"] == "pre"
        positions, positions_norm = layer.positions, None
        if type(positions) is layers.NormalizedPositions:
            positions_norm = self.norm(f"{path}/positions_norm", positions.norm)
            positions = positions.positions
        return {
            "normalization": layer.get_config()["normalization"],
            "positions": self.added_positions(f"{path}/positions", positions),
            "positions_norm": positions_norm,
            "blocks": [
                self.block(f"{path}/block_{number}", block)
                for number, block in enumerate(layer.blocks, 1)
            ],
            "final_norm": self.norm(f"{path}/final_norm", layer.final_norm)
            if has_final_norm
            else None,
        }

    def added_positions(self, path, layer):
        if layer is None:
            return None
        _check_class(
            path, layer, layers.SinusoidalPositions, layers.LearnedPositions
        )
        if isinstance(layer, layers.SinusoidalPositions):
            return {"kind": "sinusoidal", "form": layer.form}
        encodings = self._weights.add(f"{path}/encodings", layer.encodings)
        return {"kind": "learned", "encodings": encodings}

    def block(self, path, layer):
        _check_class(path, layer, layers.EncoderBlock, layers.DecoderBlock)
        attentions = (
            ("attention",)
            if isinstance(layer, layers.EncoderBlock)
            else ("self_attention", "cross_attention")
        )
        described = {}
        for name in (*attentions, "feed_forward"):
            describe = (
                self.attention if name in attentions else self.feed_forward
            )
            described[name] = describe(f"{path}/{name}", getattr(layer, name))
            name = f"{name}_residual"
            described[name] = self.residual(
                f"{path}/{name}", getattr(layer, name)
            )
        return described

    def residual(self, path, layer):
        _check_class(path, layer, layers.Residual)
        return {
            "normalization": layer.get_config()["normalization"],
            "norm": self.norm(f"{path}/norm", layer.norm),
        }

    def norm(self, path, layer):
        _check_class(
            path,
            layer,
            keras.layers.LayerNormalization,
            keras.layers.RMSNormalization,
        )
        config = layer.get_config()
        if config.get("rms_scaling"):
            raise _error(path, "a norm with `rms_scaling`")
        is_layer = isinstance(layer, keras.layers.LayerNormalization)
        gamma = layer.gamma if is_layer else layer.scale
        beta = layer.beta if is_layer else None
        return {
            "kind": "layer" if is_layer else "rms",
            "epsilon": config["epsilon"],
            "gamma": self._weights.add(f"{path}/gamma", gamma),
            "beta": self._weights.add(f"{path}/beta", beta),
        }

    def linear(self, path, layer):
        _check_weights(path, layer)
        return {
            "kernel": self._weights.add(f"{path}/kernel", layer.kernel),
            "bias": self._weights.add(f"{path}/bias", layer.bias),
        }

    def attention(self, path, layer):
        _check_class(path, layer, layers.MultiHeadAttention)
        return {
            "num_heads": layer.num_heads,
            "num_key_value_heads": layer.num_key_value_heads,
            "head_dim": layer.head_dim,
            "positions": self.attended_positions(
                f"{path}/positions", layer.positions
            ),
            "query": self.linear(f"{path}/query", layer.query),
            "key": self.linear(f"{path}/key", layer.key),
            "value": self.linear(f"{path}/value", layer.value),
            "output": self.linear(f"{path}/output", layer.out),
        }

    def attended_positions(self, path, layer):
        if layer is None:
            return None
        _check_class(
            path, layer, layers.RotaryPositions, layers.RelativePositions
        )
        if isinstance(layer, layers.RotaryPositions):
            return {
                "kind": "rotary",
                "layout": layer.layout,
                "base": layer.base,
            }
        return {
            "kind": "relative",
            "max_distance": layer.max_distance,
            "keys": self._weights.add(f"{path}/keys", layer.keys),
            "values": self._weights.add(f"{path}/values", layer.values),
        }

    def feed_forward(self, path, layer):
        _check_class(path, layer, layers.FeedForward, layers.GatedFeedForward)
        is_gated = isinstance(layer, layers.GatedFeedForward)
        activated = layer.gate if is_gated else layer.expand
        activation = keras.activations.serialize(activated.activation)
        if activation not in ACTIVATIONS:
            raise _error(
                path,
                f"the activation {activation!r}, which is none of "
                f"{ACTIVATIONS}",
            )
        return {
            "activation": activation,
            "gate": self.linear(f"{path}/gate", layer.gate)
            if is_gated
            else None,
            "expand": self.linear(f"{path}/expand", layer.expand),
            "contract": self.linear(f"{path}/contract", layer.contract),
        }


def _check_class(path, layer, *classes):
    # A subclass may compute something else, so it is refused.
    if type(layer) not in classes:
        raise _error(path, f"a layer of the class {type(layer).__name__}")
    _check_weights(path, layer)


def _check_weights(path, layer):
    if layer.dtype_policy.quantization_mode is not None:
        raise _error(path, "a quantized layer")
    if getattr(layer, "lora_rank", None):
        raise _error(path, "a layer with LoRA")


def _error(path, received):
    return ValueError(
        "The page computes the layers that `build_transformer` makes. "
        f"Received: {received}, at {path!r}. Make a page of recorded traces."
    )
