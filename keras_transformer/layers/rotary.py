"""Rotary positions, which rotate queries and keys (Su et al. 2021).

B batch   T query length   S key length   H heads   K head_dim
N key-value heads
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_transformer.layers import (
    checks,
    composite,
    dot_product,
    heads,
    positions,
    sinusoids,
    symbolic,
)
from keras_transformer.layers.typing import Shape, Tensor

LAYOUTS = ("half", "interleaved")


@keras.saving.register_keras_serializable("keras_transformer")
class RotaryPositions(composite.TracedLayer):
    """A layer that rotates each pair of numbers in a head by an angle.

    Su et al. 2021, section 3.2: pair i at position p is rotated by the angle
    p * base^(-2i/K), in radians. So the product of a query and a key does not
    change if both positions grow by the same number. There are no weights and
    no maximum length. Angles and rotation are float32 under every precision
    policy.

    Args:
        layout: which two numbers form pair i. `"half"`: i and K/2 + i, as in
            Llama of the library transformers; `"interleaved"`: 2i and 2i + 1,
            as in the paper of Su et al.
        base: above 0. The last pair, with i = K/2 - 1, makes one turn in
            2 pi * base^(1 - 2/K) positions.

    Call arguments:
        inputs: queries `(B, T, H, K)`, or keys `(B, S, N, K)`.
        start: the position of the first token, an int or a scalar tensor.

    Returns:
        The rotated inputs, in the same shape.

    Raises:
        ValueError: the layout is unknown, the base is not a positive and finite
            number, or K is odd or not known.

    Example:

    >>> rotated = RotaryPositions()(keras.ops.ones((1, 2, 1, 2))).numpy()
    >>> [round(float(x), 4) for x in rotated[0, 1, 0]]  # By one radian.
    [-0.3012, 1.3818]
    """

    def __init__(
        self, layout: str = "half", base: float = 10000.0, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        checks.check_name("layout", layout, LAYOUTS)
        checks.check_positive("base", base)
        self.layout = layout
        self.base = base

    def build(self, inputs_shape: Shape) -> None:
        head_dim = checks.last_size(inputs_shape)
        if head_dim % 2:
            raise ValueError(
                "Rotary positions rotate pairs of numbers, so a head must have "
                f"an even size. Received: head_dim={head_dim}. Use another "
                "number of heads or another model size."
            )
        self.built = True

    def call(self, inputs: Tensor, start: Tensor = 0) -> Tensor:
        length = ops.shape(inputs)[1]
        rotated_BHTK = self.rotate(
            heads.swap_heads(inputs),
            positions.count_positions(length, start)[0],
        )
        return heads.swap_heads(rotated_BHTK)

    def rotate(
        self, inputs: Tensor, token_positions: Tensor | None = None
    ) -> Tensor:
        """Rotates queries or keys, with the head axis before the length axis.

        Args:
            inputs: queries `(B, H, T, K)`, or keys `(B, N, S, K)`.
            token_positions: the positions of the inputs, `(T,)` or `(S,)`;
                `(1,)` if all share one position; `None` means 0, 1, 2, ...

        Returns:
            The rotated inputs, in the same shape and dtype.
        """
        if symbolic.has_no_values(inputs, token_positions):
            return symbolic.node(
                _rotate, inputs, token_positions, self.layout, self.base
            )
        return _rotate(inputs, token_positions, self.layout, self.base)

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return tuple(inputs_shape)

    def apply_to_keys(
        self, key: Tensor, key_positions: Tensor | None = None
    ) -> Tensor:
        """Rotates keys (B, N, S, K), before they are attended to or cached."""
        return self.rotate(key, key_positions)

    def attend_heads(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None = None,
        attention_bias: Tensor | None = None,
        query_positions: Tensor | None = None,
        key_positions: Tensor | None = None,
        drop: Callable[[Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Rotates queries (B, H, T, K) and lets them attend to rotated keys.

        Arguments and result are those of `dot_product.attend_heads`; positions
        are as for `MultiHeadAttention.attend`. `key_positions` are not used,
        since `apply_to_keys` has rotated the keys already.
        """
        return dot_product.attend_heads(
            self.rotate(query, query_positions),
            key,
            value,
            mask,
            attention_bias,
            drop,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layout": self.layout,
            "base": self.base,
        }


@keras.saving.register_keras_serializable("keras_transformer")
def _rotate(inputs, token_positions, layout, base):
    """Computes `RotaryPositions.rotate` without a layer."""
    head_dim = inputs.shape[-1]
    frequencies = base ** (
        -np.arange(0, head_dim, 2, dtype="float64") / head_dim
    )
    if token_positions is None:
        token_positions = ops.arange(ops.shape(inputs)[2])
    # The shape of sines and cosines is (T, K / 2), or (1, K / 2) if all tokens
    # share one position. All heads use the same sines and cosines.
    sine, cosine = sinusoids.sine_and_cosine(token_positions, frequencies)
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
