"""Reads and combines the masks that Keras attaches to tensors.

`keras.layers.Embedding(mask_zero=True)` and `keras.layers.Masking` attach a
padding mask to their output. If the caller of the next layer gives no mask,
Keras passes the attached mask to this layer as the argument `mask` (to a
decoder as `inputs_mask` or `memory_mask`). If the caller gives a mask, Keras
ignores the attached mask, and queries can attend to padding. So the layers of
this package combine the mask of the caller with the attached mask.

Keras has no public function that reads an attached mask. But in every kind of
model, Keras passes the attached mask to each layer whose `call` has an argument
`mask`. So `AttachedMask`, a small layer, reads the mask that is attached to its
input, and `Attaching`, another small layer, attaches a mask.
"""

import functools

import keras
from keras import ops

from keras_transformer.layers import masks, symbolic
from keras_transformer.layers.typing import Tensor


def mask_of(inputs: Tensor) -> Tensor | None:
    """Returns the padding mask (B, S) that is attached to a tensor, or `None`.

    Example:

    >>> embedding = keras.layers.Embedding(11, 4, mask_zero=True)
    >>> mask_of(embedding(keras.ops.array([[5, 0]]))).numpy().tolist()
    [[True, False]]
    """
    return _layer(AttachedMask, inputs)(inputs)


def both(inputs: Tensor, mask: Tensor | None) -> Tensor | None:
    """Combines a mask with the mask that is attached to the keys.

    Args:
        inputs: the keys, shape `(B, S, ...)`.
        mask: as for `combine_masks`, or `None`.

    Returns:
        A mask that `combine_masks` accepts, or `None` if there is no mask.

    Raises:
        ValueError: there is an attached mask, and `mask` does not fit the
            keys.
    """
    attached = mask_of(inputs)
    if attached is None or attached is mask:
        return mask
    if mask is None:
        return attached
    masks.check_fits(mask, inputs.shape[0], None, None, inputs.shape[1])
    return masks.combine_masks(mask, attached)


def attach(inputs: Tensor, mask: Tensor | None) -> Tensor:
    """Attaches a padding mask to a tensor, for the layers that read the tensor.

    Args:
        inputs: shape `(B, T, D)`.
        mask: boolean `(B, T)`; with `None` the tensor is returned unchanged.

    Returns:
        A copy of the tensor with this mask.
    """
    if mask is None:
        return inputs
    return _layer(Attaching, inputs)(inputs, mask=mask)


def _layer(kind, inputs):
    """Returns a new or a shared layer of the class `kind`.

    A layer that is called on a symbolic tensor becomes a part of a functional
    model, so each such call gets a new layer. All other calls share one layer
    of the class.
    """
    if symbolic.has_no_values(inputs):
        return kind(dtype="float32")
    return _shared(kind)


@functools.cache
def _shared(kind):
    return kind(dtype="float32")


class _Plain(keras.layers.Layer):
    def __init__(self, **kwargs):
        # With `autocast=True`, Keras would cast bfloat16 inputs to float32, the
        # dtype of this layer.
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True


@keras.saving.register_keras_serializable("keras_transformer")
class AttachedMask(_Plain):
    """A layer that returns the mask attached to its input; see `mask_of`."""

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor | None:
        return mask

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> None:
        return None


@keras.saving.register_keras_serializable("keras_transformer")
class Attaching(_Plain):
    """A layer that copies its input; Keras attaches `mask` to the copy."""

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        # Keras does not replace the mask of a tensor. A copy has no mask yet.
        return ops.copy(inputs)
