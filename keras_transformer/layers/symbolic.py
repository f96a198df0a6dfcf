"""Adds functions of this package to functional models, as nodes.

The tensors of a functional model, from `keras.Input` to its outputs, are
symbolic: they have no values yet. The functions of `keras.ops` accept them,
but the einsum of Keras then refuses upper-case letters, and `ops.shape` gives
`None` for an unknown length. Therefore a function of this package becomes one
node of the model. The node calls the function on TensorFlow tensors, never on
symbolic tensors.
"""

from collections.abc import Callable
from typing import Any

import keras


def has_no_values(*arguments: Any) -> bool:
    """Returns whether any tensor in nested arguments is symbolic.

    Example:

    >>> has_no_values(keras.Input((2,)), None), has_no_values([1.0])
    (True, False)
    """
    leaves = keras.tree.flatten(arguments)
    return any(keras.utils.is_keras_tensor(leaf) for leaf in leaves)


def check_plain(**options: Any) -> None:
    """Checks that options are `None`: functional models allow no other value.

    Args:
        **options: an attention bias and positions, by name.

    Raises:
        ValueError: an option is not `None`.
    """
    if any(value is not None for value in options.values()):
        raise ValueError(
            "In a functional model positions are counted from 0 and there is "
            f"no attention bias. Received: {options}. Call the method inside "
            "of a layer of your own."
        )


def node(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Adds a node to a functional model; the node calls a function.

    Args:
        function: a function that was registered by
            `keras.saving.register_keras_serializable`, so that a saved model
            can refer to the function. The function must not use weights, since
            Keras tracks the weights of a layer only if the layer is called.
        *args: arguments of the function; at least one is symbolic.
        **kwargs: keyword arguments of the function.

    Returns:
        The symbolic result of the function.

    Example:

    >>> from keras_transformer.layers import masks
    >>> ids = keras.Input((None,), dtype="int32")
    >>> node(masks.padding_mask, ids, pad_id=0).shape
    (None, None)
    """
    return FunctionNode(function)(*args, **kwargs)


@keras.saving.register_keras_serializable("keras_transformer")
class FunctionNode(keras.Operation):
    """The operation that `node` adds to a functional model.

    Args:
        function: the function that the node calls, as for `node`.
        **kwargs: as for `keras.Operation`.

    Example:

    >>> from keras_transformer.layers import masks
    >>> config = FunctionNode(masks.causal_mask).get_config()
    >>> FunctionNode.from_config(config).function is masks.causal_mask
    True
    """

    def __init__(self, function: Callable[..., Any], **kwargs: Any):
        super().__init__(**kwargs)
        self.function = function

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        function = keras.saving.serialize_keras_object(self.function)
        return {"name": self.name, "function": function}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "FunctionNode":
        function = keras.saving.deserialize_keras_object(config["function"])
        return cls(**{**config, "function": function})
