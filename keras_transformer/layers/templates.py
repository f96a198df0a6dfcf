"""Parts: layers that say how a larger layer is to be made.

A stack of blocks is given one attention, one feed-forward network and one
normalization. It does not use them: each block makes copies of its own, with
the same settings, new weights, and the dtype policy of the stack. So a block
varies by what it is given, and no constructor knows every variation.
"""

import keras

# What describes a layer. What else Keras adds is of one object alone, such as
# its input shape.
_NAMES = ("module", "class_name", "config", "registered_name")


def settings_of(part):
    """Describes a layer so that copies of it can be made and saved.

    Args:
        part: a layer, what this function made of one, or `None`.

    Returns:
        A JSON-like dict, or `None`.

    Raises:
        ValueError: `part` is something else.

    Example:

    >>> settings_of(keras.layers.LayerNormalization())["class_name"]
    'LayerNormalization'
    """
    if isinstance(part, keras.layers.Layer):
        described = keras.saving.serialize_keras_object(part)
    elif isinstance(part, dict) and set(_NAMES) <= set(part):
        described = part
    elif part is None:
        return None
    else:
        raise ValueError(
            f"A part must be a Keras layer. Received: {part!r}. Give an "
            "instance, such as keras.layers.LayerNormalization(epsilon=1e-6)."
        )
    return {name: plain_copy(described[name]) for name in _NAMES}


def plain_copy(settings):
    """Copies nested settings, so that no one changes those of a layer.

    Keras wraps the dicts and lists that a layer holds; these are plain again.
    """
    if isinstance(settings, dict):
        return {name: plain_copy(value) for name, value in settings.items()}
    if isinstance(settings, (list, tuple)):
        return [plain_copy(value) for value in settings]
    return settings


def copy_of(part, **changes):
    """Makes a new layer with the settings of `part`, but for `changes`.

    Args:
        part: a layer, or what `settings_of` made of one.
        **changes: constructor arguments to change, such as `name`.

    Raises:
        ValueError: Keras cannot make a layer of this description.

    Example:

    >>> norm = keras.layers.LayerNormalization(epsilon=1e-5)
    >>> copy_of(norm, name="last").get_config()["epsilon"]
    1e-05
    """
    described = settings_of(part)
    config = {**described["config"], **changes}
    try:
        return keras.saving.deserialize_keras_object(
            {**described, "config": config}
        )
    except TypeError as error:
        raise ValueError(
            f"A part is copied, and {described['class_name']} cannot be: "
            f"{error} Give its class the decorator "
            "keras.saving.register_keras_serializable() and a `get_config` "
            "that names all arguments of its constructor."
        ) from error


def copy_into(owner, part, name):
    """Makes a copy of a part for the layer that it will be a part of.

    It has the dtype policy of its owner, and is frozen if its owner or the
    part is.

    Args:
        owner: the layer.
        part: as for `copy_of`.
        name: of the copy.

    Raises:
        ValueError: as of `copy_of`.
    """
    trainable = owner.trainable and setting(part, "trainable", True)
    policy = owner.dtype_policy
    return copy_of(part, name=name, dtype=policy, trainable=trainable)


def template_of(part):
    """Describes the kind of a part, without what happened to it.

    Each copy of it keeps that itself, see `layers.composite`.

    Args:
        part: as for `settings_of`.
    """
    described = settings_of(part)
    if described is None:
        return None
    config = {**described["config"], "trainable": True}
    config.pop("sublayers", None)
    return {**described, "config": config}


def setting(part, name, *default):
    """Reads one constructor argument of a layer or of its description.

    Args:
        part: as for `settings_of`.
        name: of the argument.
        *default: what to return where there is no such argument.

    Raises:
        ValueError: the layer has no such argument, and there is no default.
    """
    described = settings_of(part)
    if default and (described is None or name not in described["config"]):
        return default[0]
    if described is None or name not in described["config"]:
        raise ValueError(
            f"A part with a {name!r} is expected here. Received: "
            f"{described and described['class_name']}. Give a layer such as "
            "MultiHeadAttention or FeedForward."
        )
    return described["config"][name]


def check_kind(layer, role, examples, methods):
    """Raises ValueError unless a layer can do what its place needs.

    Args:
        layer: the layer.
        role: what it is to be, for the message.
        examples: which layers can, for the message.
        methods: names of the methods that it needs.
    """
    missing = [
        name for name in methods if not callable(getattr(layer, name, None))
    ]
    if missing:
        raise ValueError(
            f"The {role} must be a layer with {' and '.join(methods)}, such "
            f"as {examples}. Received: {type(layer).__name__}."
        )


def check_attention(layer):
    """Raises ValueError unless a layer can be the attention of a block."""
    check_kind(
        layer,
        "attention of a block",
        "MultiHeadAttention",
        ("project_memory", "attend", "stepper"),
    )


def between_sequences(attention):
    """Asks an attention for the part that attends to another sequence.

    It answers by its method `between_sequences`, as `MultiHeadAttention` does;
    one without is used as it is.

    Args:
        attention: a part, as for `settings_of`.

    Returns:
        A part.

    Raises:
        ValueError: as of `copy_of`.
    """
    is_layer = isinstance(attention, keras.layers.Layer)
    layer = attention if is_layer else copy_of(attention)
    if callable(getattr(layer, "between_sequences", None)):
        return layer.between_sequences()
    return attention


def shared_model_dim(attention, feed_forward):
    """Reads `model_dim` of the two parts of a block.

    Raises:
        ValueError: they differ.
    """
    model_dim = setting(attention, "model_dim")
    other = setting(feed_forward, "model_dim")
    if model_dim != other:
        raise ValueError(
            "Attention and feed-forward network of a block must have the same "
            f"model_dim. Received: attention {model_dim}, feed-forward "
            f"{other}."
        )
    return model_dim
