"""Copies a model, and quantizes the matrices of the copy to int8."""

from typing import Any

import keras

from keras_transformer.layers import composite
from keras_transformer.models import precision, transformer


def in_int8(model: transformer.Transformer) -> transformer.Transformer:
    """Copies a model, and stores the matrices of the copy in int8.

    Each column of a dense layer's matrix, and each row of an embedding, has its
    own scale. All other weights, such as biases, norms and learned positions,
    keep their dtype. Products are computed in the compute dtype of the model.
    Keras 3.12 is an exception: it also quantizes the inputs of dense layers, so
    these layers multiply integers.

    Args:
        model: a `Transformer` without quantized matrices. The model is not
            changed.

    Returns:
        The copy, which is not compiled.

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
    """Returns the dense layers and embeddings; a shared layer occurs once."""
    layers = {
        id(layer): layer
        for _, _, layer in composite.layers_inside(model)
        if isinstance(layer, (keras.layers.Dense, keras.layers.Embedding))
    }
    return layers.values()


def _options() -> dict[str, Any]:
    """Returns arguments with which `quantize` quantizes no activations.

    In Keras 3.12 the dict is empty: that version has no such arguments, and
    always quantizes the inputs of dense layers.
    """
    config = getattr(keras.quantizers, "Int8QuantizationConfig", None)
    return {} if config is None else {"config": config(None, None)}
