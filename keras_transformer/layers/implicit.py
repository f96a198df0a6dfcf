"""The masks that Keras attaches to tensors, beside those that are given.

`keras.layers.Embedding(mask_zero=True)` and `keras.layers.Masking` attach a
padding mask to what they return. Keras hands it to a layer as the argument
`mask`, or `inputs_mask`, but only where none is given: a mask that is given
replaces it, and padding is read. Here both hold.

Keras has no function that reads the attached mask. A layer whose call takes
nothing but a tensor and its `mask` gets it by that same rule, in every kind of
model, so two layers that do nothing else read and attach.
"""

import functools

import keras
from keras import ops

from keras_transformer.layers import masks, symbolic


def mask_of(inputs):
    """Returns the padding mask that Keras attached, `(B, S)`, or `None`.

    Example:

    >>> embedding = keras.layers.Embedding(11, 4, mask_zero=True)
    >>> mask_of(embedding(keras.ops.array([[5, 0]]))).numpy().tolist()
    [[True, False]]
    """
    return _layer(AttachedMask, inputs)(inputs)


def both(inputs, mask):
    """Combines the mask that was given with that attached to the keys.

    Args:
        inputs: the keys, shape `(B, S, ...)`.
        mask: as for `combine_masks`, or `None`.

    Returns:
        A mask of the same kinds, or `None` if there is neither.

    Raises:
        ValueError: the mask does not fit the keys.
    """
    attached = mask_of(inputs)
    if attached is None or attached is mask:
        return mask
    if mask is None:
        return attached
    masks.check_fits(mask, inputs.shape[0], None, None, inputs.shape[1])
    return masks.combine_masks(mask, attached)


def attach(inputs, mask):
    """Returns the tensor with a padding mask attached, for later layers.

    Args:
        inputs: shape `(B, T, D)`.
        mask: shape `(B, T)`, or `None` to return the tensor as it is.
    """
    if mask is None:
        return inputs
    return _layer(Attaching, inputs)(inputs, mask=mask)


def _layer(kind, inputs):
    """One layer for all calls; in a functional model each node has its own."""
    if symbolic.has_no_values(inputs):
        return kind(dtype="float32")
    return _shared(kind)


@functools.cache
def _shared(kind):
    return kind(dtype="float32")


class _Plain(keras.layers.Layer):
    def __init__(self, **kwargs):
        # Passes every dtype: what is masked is no matter here.
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True


@keras.saving.register_keras_serializable("keras_transformer")
class AttachedMask(_Plain):
    """Returns the mask that Keras fills in; see `mask_of`."""

    def call(self, inputs, mask=None):
        return mask

    def compute_mask(self, inputs, mask=None):
        return None


@keras.saving.register_keras_serializable("keras_transformer")
class Attaching(_Plain):
    """Returns a tensor to which Keras attaches `mask`; see `attach`."""

    def call(self, inputs, mask=None):
        # Another tensor, since Keras replaces no mask that is there.
        return ops.copy(inputs)
