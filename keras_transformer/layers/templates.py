"""Copies layers, called templates, to make the sublayers of other layers.

A stack of blocks is given one attention, one feed-forward network and one
normalization. It does not use these layers: each block makes copies of them,
with the same settings, new weights, and the dtype policy of the stack. So no
constructor has to know every variant of a sublayer.
"""

from typing import Any, TypeAlias

import keras

# A layer, or the description that `settings_of` makes of it.
Template: TypeAlias = keras.layers.Layer | dict[str, Any]

# The keys of a description. `serialize_keras_object` returns other keys too,
# such as the input shape. A description leaves them out, because they belong to
# one layer object and not to its copies.
_NAMES = ("module", "class_name", "config", "registered_name")


def settings_of(template: Template | None) -> dict[str, Any] | None:
    """Describes a layer, so that it can be copied and saved.

    Args:
        template: a layer, the description of one, or `None`.

    Returns:
        A JSON-like dict; `None` for `None`.

    Raises:
        NotImplementedError: the class of the layer has no `get_config`, and
            Keras cannot make one.
        ValueError: `template` is neither a layer, nor a description, nor
            `None`.

    Example:

    >>> settings_of(keras.layers.LayerNormalization())["class_name"]
    'LayerNormalization'
    """
    return None if template is None else _described(template)


def plain_copy(settings: Any) -> Any:
    """Copies nested settings, so that a change of the copy changes no layer.

    Keras wraps the dicts and lists that a layer holds. The copies are plain
    dicts and lists. Tuples become lists.
    """
    if isinstance(settings, dict):
        return {name: plain_copy(value) for name, value in settings.items()}
    if isinstance(settings, (list, tuple)):
        return [plain_copy(value) for value in settings]
    return settings


def copy_of(template: Template, **changes: Any) -> keras.layers.Layer:
    """Makes a new layer with the settings of a template.

    Args:
        template: a layer or its description.
        **changes: constructor arguments to change, such as `name`.

    Raises:
        NotImplementedError: as for `settings_of`.
        ValueError: `template` is neither a layer nor a description, or Keras
            cannot make a layer of this class with these settings and changes.

    Example:

    >>> norm = keras.layers.LayerNormalization(epsilon=1e-5)
    >>> copy_of(norm, name="last").get_config()["epsilon"]
    1e-05
    """
    described = _described(template)
    config = {**described["config"], **changes}
    try:
        return keras.saving.deserialize_keras_object(
            {**described, "config": config}
        )
    except TypeError as error:
        raise ValueError(
            "A sublayer is made as a copy, and Keras cannot copy "
            f"{described['class_name']}: {error} Give its class the decorator "
            "keras.saving.register_keras_serializable() and a `get_config` "
            "that names all arguments of its constructor."
        ) from error


def copy_into(
    owner: keras.layers.Layer, template: Template, name: str
) -> keras.layers.Layer:
    """Makes a copy of a template as a sublayer of another layer.

    The copy has the dtype policy of its owner. It is frozen if its owner or the
    template is frozen.

    Args:
        owner: the layer that will hold the copy.
        template: as for `copy_of`.
        name: the name of the copy.

    Raises:
        NotImplementedError: as for `settings_of`.
        ValueError: as for `copy_of`.
    """
    trainable = owner.trainable and setting(template, "trainable", True)
    policy = owner.dtype_policy
    return copy_of(template, name=name, dtype=policy, trainable=trainable)


def template_of(template: Template | None) -> dict[str, Any] | None:
    """Describes a template as its constructor made it.

    Later changes are left out: in the description, the template is trainable,
    and its sublayers are not frozen or quantized and have no LoRA. Each copy of
    the template saves the changes of its own sublayers, see `layers.composite`.

    Args:
        template: as for `settings_of`.

    Returns:
        As for `settings_of`.

    Raises:
        NotImplementedError: as for `settings_of`.
        ValueError: as for `settings_of`.
    """
    if template is None:
        return None
    described = _described(template)
    config = {**described["config"], "trainable": True}
    config.pop("sublayers", None)
    return {**described, "config": config}


def setting(template: Template | None, name: str, *default: Any) -> Any:
    """Reads one constructor argument of a template.

    Args:
        template: as for `settings_of`.
        name: the name of the argument.
        *default: what to return if there is no such argument.

    Raises:
        NotImplementedError: as for `settings_of`.
        ValueError: there is neither such an argument nor a default; or as for
            `settings_of`.
    """
    described = settings_of(template)
    if described is not None and name in described["config"]:
        return described["config"][name]
    if default:
        return default[0]
    received = described and described["class_name"]
    raise ValueError(
        f"A layer with a {name!r} is expected here. Received: {received}. Give "
        "a layer such as MultiHeadAttention or FeedForward."
    )


def check_kind(
    layer: Any, role: str, examples: str, methods: tuple[str, ...]
) -> None:
    """Checks that a layer has the methods that its role needs.

    Args:
        layer: the layer.
        role: the use of the layer, for the error message.
        examples: names of layers that have these methods, for the message.
        methods: names of the methods.

    Raises:
        ValueError: the layer lacks a method.
    """
    missing = [
        name for name in methods if not callable(getattr(layer, name, None))
    ]
    if missing:
        raise ValueError(
            f"The {role} must be a layer with {' and '.join(methods)}, such "
            f"as {examples}. Received: {type(layer).__name__}."
        )


def check_attention(layer: Any) -> None:
    """Raises ValueError unless a layer can be the attention of a block."""
    check_kind(
        layer,
        "attention of a block",
        "MultiHeadAttention",
        ("project_memory", "attend", "stepper"),
    )


def between_sequences(attention: Template) -> Template:
    """Returns the template for attention from one sequence to another.

    If the attention has a method `between_sequences`, as `MultiHeadAttention`
    does, the result of this method is returned. Otherwise the given template is
    returned.

    Args:
        attention: a template of an attention.

    Raises:
        ValueError: as for `copy_of`.
    """
    layer: keras.layers.Layer = (
        copy_of(attention) if isinstance(attention, dict) else attention
    )
    if callable(getattr(layer, "between_sequences", None)):
        return layer.between_sequences()
    return attention


def shared_model_dim(attention: Template, feed_forward: Template) -> int:
    """Returns the `model_dim` of the attention and feed-forward templates.

    Raises:
        NotImplementedError: as for `settings_of`.
        ValueError: the two sizes differ, or a template has no `model_dim`.
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


def _described(template):
    if isinstance(template, keras.layers.Layer):
        described = keras.saving.serialize_keras_object(template)
    elif isinstance(template, dict) and set(_NAMES) <= set(template):
        described = template
    else:
        raise ValueError(
            f"A sublayer must be a Keras layer. Received: {template!r}. Give "
            "an instance, such as keras.layers.LayerNormalization(epsilon="
            "1e-6)."
        )
    return {name: plain_copy(described[name]) for name in _NAMES}
