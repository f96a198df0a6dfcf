"""Parts: layers that say how a larger layer is to be made.

A stack of blocks is given one attention, one feed-forward network and one
normalization. It does not use them: each block makes copies of its own, with
the same settings, new weights, and the dtype policy of the stack. So a block
varies by what it is given, and no constructor knows every variation.
"""

import keras


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
    elif isinstance(part, dict) and "class_name" in part:
        described = part
    elif part is None:
        return None
    else:
        raise ValueError(
            f"A part must be a Keras layer. Received: {part!r}. Give an "
            "instance, such as keras.layers.LayerNormalization(epsilon=1e-6)."
        )
    # What else Keras adds is of this one object, such as its input shape.
    names = ("module", "class_name", "config", "registered_name")
    return {name: described[name] for name in names}


def copy_of(part, **changes):
    """Makes a new layer with the settings of `part`, but for `changes`.

    Args:
        part: a layer, or what `settings_of` made of one.
        **changes: constructor arguments to change, such as `name`.

    Example:

    >>> norm = keras.layers.LayerNormalization(epsilon=1e-5)
    >>> copy_of(norm, name="last").get_config()["epsilon"]
    1e-05
    """
    described = settings_of(part)
    config = {**described["config"], **changes}
    return keras.saving.deserialize_keras_object(
        {**described, "config": config}
    )


def setting(part, name):
    """Reads one constructor argument of a layer or of its description.

    Raises:
        ValueError: the layer has no such argument.
    """
    described = settings_of(part)
    if name not in described["config"]:
        raise ValueError(
            f"A part with a {name!r} is expected here. Received: "
            f"{described['class_name']}."
        )
    return described["config"][name]


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
