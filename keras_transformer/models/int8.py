"""A copy of a model with its matrices in int8."""

from typing import Any

import keras

from keras_transformer.layers import composite
from keras_transformer.models import precision, transformer


def in_int8(model: transformer.Transformer) -> transformer.Transformer:
    """Copies a model, and stores the matrices of the copy in int8.

    Each output of a matrix, and each row of an embedding, has its own scale.
    Products are computed in the compute dtype of the model. Biases and norms
    keep their dtype.

    Args:
        model: a `Transformer`, whose matrices are not quantized; it is not
            changed.

    Returns:
        The copy.

    Raises:
        ValueError: the model is quantized already.

    Example:

    >>> from keras_transformer import models
    >>> config = models.TransformerConfig(11, 1, 1, 4, 2, 8)
    >>> small = in_int8(models.build_transformer(config))
    >>> small.source_embedding.embeddings.dtype
    'int8'
    """
    copy = precision.in_precision(model, model.dtype_policy.name)
    for layer in _matrices(copy):
        if layer.quantization_mode is not None:
            raise ValueError(
                "The weights of the model are quantized already. Received: "
                f"{layer.path} in {layer.quantization_mode}. Give a model of "
                "float weights."
            )
        layer.quantize("int8", **_options())
    return copy


def _matrices(model):
    """Returns the layers with a matrix, each once."""
    layers = {
        id(layer): layer
        for _, _, layer in composite.layers_inside(model)
        if isinstance(layer, (keras.layers.Dense, keras.layers.Embedding))
    }
    return layers.values()


def _options() -> dict[str, Any]:
    """Returns arguments of `quantize`, so that it quantizes no activations.

    Older versions of Keras have no such argument. They quantize the inputs of
    the matrices of feed-forward networks too.
    """
    config = getattr(keras.quantizers, "Int8QuantizationConfig", None)
    return {} if config is None else {"config": config(None, None)}
