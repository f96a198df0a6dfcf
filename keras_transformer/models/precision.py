"""Copies a model to another precision, such as bfloat16."""

from typing import Any

import keras

from keras_transformer.layers import composite
from keras_transformer.models import transformer


def in_precision(
    model: transformer.Transformer, dtype: str
) -> transformer.Transformer:
    """Copies a model, with its weights, to another dtype policy.

    A policy that is not mixed also sets the dtype of the weights. With
    `"bfloat16"`, a step of decoding then reads half as many bytes of weights as
    with `"float32"`. Softmax, norms and positions are computed in float32, even
    if the policy has 16 bits, with one exception: the vectors of relative
    positions have the compute dtype. Logits are returned in float32. Quantized
    matrices stay quantized.

    Args:
        model: a `Transformer`; it is not changed.
        dtype: the name of a Keras dtype policy.

    Returns:
        The copy, which is not compiled.

    Example:

    >>> from keras_transformer import models
    >>> config = models.TransformerConfig(11, 1, 1, 4, 2, 8)
    >>> fast = in_precision(models.build_transformer(config), "bfloat16")
    >>> fast.decoder.blocks[0].self_attention.compute_dtype
    'bfloat16'
    """
    policy = keras.dtype_policies.get(dtype)
    copy = type(model).from_config(_with_policy(model.get_config(), policy))
    # If the model was quantized, its weights can be in another order than the
    # weights of the copy. So weights are copied layer by layer.
    for (_, _, new), (_, _, old) in zip(
        composite.layers_inside(copy),
        composite.layers_inside(model),
        strict=True,
    ):
        weights: dict[str, Any] = {}
        old.save_own_variables(weights)
        new.load_own_variables(weights)
    return copy


def _with_policy(config, policy):
    """Replaces every dtype policy in a nested config."""
    if isinstance(config, dict):
        return {
            name: _policy_for(value, policy)
            if name == "dtype"
            else _with_policy(value, policy)
            for name, value in config.items()
        }
    if isinstance(config, list):
        return [_with_policy(value, policy) for value in config]
    return config


def _policy_for(old, policy):
    """Returns the config of the new dtype policy of a layer.

    If the old policy is quantized, the new policy is quantized too.
    """
    mode, is_quantized, _ = keras.dtype_policies.get(old).name.partition(
        "_from_"
    )
    if is_quantized:
        policy = keras.dtype_policies.get(f"{mode}_from_{policy.name}")
    return keras.saving.serialize_keras_object(policy)
