"""Functions of this package as nodes of functional models.

Between `keras.Input` and an output a tensor has no values yet. Keras's own
functions work on such tensors, but its einsum knows no upper-case letters,
and what they make of an unknown length is `None`. So a function of ours
becomes one node, which computes when there are values; TensorFlow, which
knows our letters, works out the shapes.
"""

import keras


def has_no_values(*arguments):
    """Tells whether any tensor among nested arguments is symbolic.

    Example:

    >>> has_no_values(keras.Input((2,)), None), has_no_values([1.0])
    (True, False)
    """
    flat = keras.tree.flatten(arguments)
    return any(keras.utils.is_keras_tensor(one) for one in flat)


def check_plain(**given):
    """Raises ValueError for what a functional model cannot hand on.

    Args:
        **given: by its name, what must be `None`: an attention bias, or
            positions that are not counted from 0.
    """
    if any(value is not None for value in given.values()):
        raise ValueError(
            "In a functional model positions are counted from 0 and there is "
            f"no attention bias. Received: {given}. Put what needs them into a "
            "layer of your own."
        )


def node(function, *args, **kwargs):
    """Makes a node of a functional model that calls a function.

    Args:
        function: registered by `keras.saving.register_keras_serializable`,
            so that a file of the model can name it. It must have no weights:
            those of a layer are seen only if the layer itself is called.
        *args: of the function; some are symbolic tensors.
        **kwargs: likewise.

    Returns:
        What the function returns, symbolic.

    Example:

    >>> from keras_transformer.layers import masks
    >>> ids = keras.Input((None,), dtype="int32")
    >>> node(masks.padding_mask, ids, pad_id=0).shape
    (None, None)
    """
    return FunctionNode(function)(*args, **kwargs)


@keras.saving.register_keras_serializable("keras_transformer")
class FunctionNode(keras.Operation):
    """What `node` puts into a functional model.

    Args:
        function: see `node`.

    Example:

    >>> from keras_transformer.layers import masks
    >>> config = FunctionNode(masks.causal_mask).get_config()
    >>> FunctionNode.from_config(config).function is masks.causal_mask
    True
    """

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, *args, **kwargs):
        return self.function(*args, **kwargs)

    def get_config(self):
        function = keras.saving.serialize_keras_object(self.function)
        return {"name": self.name, "function": function}

    @classmethod
    def from_config(cls, config):
        function = keras.saving.deserialize_keras_object(config["function"])
        return cls(**{**config, "function": function})
