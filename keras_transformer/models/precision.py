"""A model in another precision, such as bfloat16 for fast decoding."""

import keras

from keras_transformer.models import transformer


def in_precision(
    model: transformer.Transformer, dtype: str
) -> transformer.Transformer:
    """Copies a model, with its weights, to another dtype policy.

    With a policy that is not mixed, such as `"bfloat16"`, the weights too are
    of that type: half the memory to read at every step of decoding. Softmax,
    norms, positions and logits are float32 all the same.

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
    policy = keras.saving.serialize_keras_object(
        keras.dtype_policies.get(dtype)
    )
    copy = type(model).from_config(_with_policy(model.get_config(), policy))
    for new, old in zip(copy.variables, model.variables, strict=True):
        new.assign(old)
    return copy


def _with_policy(config, policy):
    """The config with this policy wherever one is named."""
    if isinstance(config, dict):
        return {
            name: policy if name == "dtype" else _with_policy(value, policy)
            for name, value in config.items()
        }
    if isinstance(config, list):
        return [_with_policy(value, policy) for value in config]
    return config
