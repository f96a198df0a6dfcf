"""Rotary position embedding: positions as angles of queries and keys.

B batch   T query length   S key length   H heads   K head_dim
"""

import keras
import numpy as np
from keras import ops

from keras_transformer.layers import (
    checks,
    composite,
    dot_product,
    heads,
    symbolic,
)
from keras_transformer.layers import positions as sinusoids

LAYOUTS = ("half", "interleaved")


@keras.saving.register_keras_serializable("keras_transformer")
class RotaryPositions(composite.TracedLayer):
    """Rotates each pair of numbers of a head by an angle, position by position.

    Su et al. 2021, section 3.2: pair i of position p is rotated by
    p * base^(-2i/K), so that the product of a query and a key depends on the
    distance between them alone. It has no weights and knows no longest
    length. Angles and rotation are float32 under every precision policy.

    Args:
        layout: which two numbers are a pair. `"half"`: i and K/2 + i, as in
            transformers' Llama; `"interleaved"`: 2i and 2i + 1, the paper's.
        base: the slowest pair rotates about once in 2 pi base positions.

    Call arguments:
        inputs: queries or keys, shape `(B, T, H, K)`.
        start: position of the first column, an int or a scalar tensor.

    Returns:
        Shape `(B, T, H, K)`.

    Raises:
        ValueError: unknown layout, a base that is not positive, an odd K.

    Example:

    >>> rotated = RotaryPositions()(keras.ops.ones((1, 2, 1, 2))).numpy()
    >>> [round(float(x), 4) for x in rotated[0, 1, 0]]  # By one radian.
    [-0.3012, 1.3818]
    """

    def __init__(self, layout="half", base=10000.0, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        checks.check_name("layout", layout, LAYOUTS)
        checks.check_positive("base", base)
        self.layout = layout
        self.base = base

    def build(self, inputs_shape):
        if inputs_shape[-1] % 2:
            raise ValueError(
                "Rotary positions rotate pairs of numbers, so a head must have "
                f"an even size. Received: head_dim={inputs_shape[-1]}. Use "
                "another number of heads or another model size."
            )
        self.built = True

    def call(self, inputs, start=0):
        numbers = sinusoids.count_positions(ops.shape(inputs)[1], start)[0]
        rotated_BHTK = self.rotate(heads.swap_heads(inputs), numbers)
        return heads.swap_heads(rotated_BHTK)

    def rotate(self, inputs, positions=None):
        """Rotates queries or keys with the heads first, (B, H, T, K).

        Args:
            inputs: shape `(B, H, T, K)`.
            positions: those of its columns, `(T,)` or `(1,)` if they share
                one; counted from 0 if `None`.
        """
        if symbolic.has_no_values(inputs, positions):
            return symbolic.node(
                _rotate, inputs, positions, self.layout, self.base
            )
        return _rotate(inputs, positions, self.layout, self.base)

    def compute_output_shape(self, inputs_shape):
        return tuple(inputs_shape)

    def apply_to_keys(self, key, key_positions=None):
        """Rotates keys (B, N, S, K) before they are attended to or stored."""
        return self.rotate(key, key_positions)

    def attend_heads(
        self,
        query,
        key,
        value,
        mask=None,
        attention_bias=None,
        query_positions=None,
        key_positions=None,
    ):
        """Rotates the queries and attends, with heads before positions.

        The keys are rotated already, by `apply_to_keys`, so their positions
        are not needed again. See the function `attend_heads`, and for the
        positions `MultiHeadAttention.attend`.
        """
        return dot_product.attend_heads(
            self.rotate(query, query_positions),
            key,
            value,
            mask,
            attention_bias,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "layout": self.layout,
            "base": self.base,
        }


@keras.saving.register_keras_serializable("keras_transformer")
def _rotate(inputs, positions, layout, base):
    """What `RotaryPositions.rotate` does, without the layer."""
    head_dim = inputs.shape[-1]
    frequencies = base ** (
        -np.arange(0, head_dim, 2, dtype="float64") / head_dim
    )
    if positions is None:
        positions = ops.arange(ops.shape(inputs)[2])
    # Of every head, (T, K / 2).
    sine, cosine = sinusoids.sine_and_cosine(positions, frequencies)
    x = ops.cast(inputs, "float32")
    if layout == "half":
        first, second = ops.split(x, 2, axis=-1)
    else:
        first, second = x[..., 0::2], x[..., 1::2]
    rotated = [
        first * cosine - second * sine,
        second * cosine + first * sine,
    ]
    if layout == "half":
        joined = ops.concatenate(rotated, axis=-1)
    else:
        joined = ops.reshape(ops.stack(rotated, axis=-1), ops.shape(x))
    return ops.cast(joined, inputs.dtype)
