"""Dropout that draws one random number for two units.

In a training step on a CPU, the random numbers of Keras's dropout take about a
tenth of the time of all matrix products. A random number of 32 bits is enough
for two units: 16 bits decide whether a unit is dropped.
"""

import keras
from keras import ops

from keras_transformer.layers.typing import Tensor

_LEVELS = 2**16


@keras.saving.register_keras_serializable("keras_transformer")
class Dropout(keras.layers.Dropout):
    """A faster `keras.layers.Dropout` with the same arguments.

    In training, each unit is dropped with the probability `rate`, rounded to a
    multiple of 2^-16. The units that are kept are divided by 1 - `rate`, as in
    Keras. So the expected value of a unit stays the same, up to this rounding.
    If the size of the last axis is odd or unknown, or if there is a
    `noise_shape`, the layer computes Keras's dropout.

    Example:

    >>> output = Dropout(0.5)(keras.ops.ones((7, 8)), training=True).numpy()
    >>> sorted(set(output.ravel().tolist()))
    [0.0, 2.0]
    """

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        dropped = round(self.rate * _LEVELS)
        size = inputs.shape[-1]
        has_halves = isinstance(size, int) and size % 2 == 0
        is_plain = training and 0 < self.rate < 1 and self.noise_shape is None
        if not is_plain or not has_halves:
            return super().call(inputs, training=training)
        *batch, _ = ops.shape(inputs)
        shape = (*batch, size // 2)
        numbers = keras.random.randint(
            shape, -(2**31), 2**31 - 1, "int32", self.seed_generator
        )
        # Each random number gives two numbers in [0, 2^16).
        levels = ops.concatenate(
            [
                ops.bitwise_and(numbers, _LEVELS - 1),
                ops.right_shift(numbers, 16) + _LEVELS // 2,
            ],
            axis=-1,
        )
        is_kept = ops.cast(levels >= dropped, inputs.dtype)
        return inputs * (is_kept * ops.cast(1 / (1 - self.rate), inputs.dtype))
