"""A model in another precision, such as bfloat16 for fast decoding."""

import keras

from keras_transformer.layers import composite
from keras_transformer.models import transformer


def in_precision(
    model: transformer.Transformer, dtype: str
) -> transformer.Transformer:
    """Copies a model, with its weights, to another dtype policy.

    With a policy that is not mixed, such as `"bfloat16"`, the weights too are
    of that type: half the memory to read at every step of decoding. Softmax,
    norms, positions and logits are float32 all the same. Matrices that are
    quantized stay so.

    Args:
        model: a `Transformer`; it is not changed.
        dtype: a Keras dtype policy.

    Returns:
        The copy.

    Example:

    >>> from keras_transformer import models
    >>> config = models.TransformerConfig(11, 1, 1, 4, 2, 8)
    >>> fast = in_precision(models.build_transformer(config), "bfloat16")
    >>> fast.decoder.blocks[0].self_attention.compute_dtype
    'bfloat16'
    """
    policy = keras.dtype_policies.get(dtype)
    copy = type(model).from_config(_with_policy(model.get_config(), policy))
    # Layer by layer, since the order in a layer that was quantized is another.
    for (_, _, new), (_, _, old) in zip(
        composite.layers_inside(copy),
        composite.layers_inside(model),
        strict=True,
    ):
        weights = {}
        old.save_own_variables(weights)
        new.load_own_variables(weights)
    return copy


def _with_policy(config, policy):
    """The config with this policy wherever one is named."""
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
    """The policy in the place of another; what is quantized stays so."""
    kind, is_quantized, _ = keras.dtype_policies.get(old).name.partition(
        "_from_"
    )
    if is_quantized:
        policy = keras.dtype_policies.get(f"{kind}_from_{policy.name}")
    return keras.saving.serialize_keras_object(policy)
