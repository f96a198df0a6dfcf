"""Sinusoids that encode positions (section 3.5), in five common forms.

D model_dim
"""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from keras_transformer.layers import symbolic
from keras_transformer.layers.typing import Tensor


class _Form(NamedTuple):
    """The form of a table of sinusoids.

    has_paper_frequencies: whether the frequencies are those of the paper.
    alternates: whether sines and cosines alternate.
    first: the number that is added to each position.
    """

    has_paper_frequencies: bool
    alternates: bool
    first: int


_FORMS = {
    "paper": _Form(True, True, 0),
    "half": _Form(True, False, 0),
    "tensor2tensor": _Form(False, False, 0),
    "tensor2tensor_from_1": _Form(False, False, 1),
    "fairseq": _Form(False, False, 2),
}
FORMS = tuple(_FORMS)
# `sine_and_cosine` splits each number into a multiple of 2^12 and the last 12
# bits. The product of these 12 bits and 12 bits of a frequency is exact,
# because the mantissa of a float32 has 24 bits.
_BLOCK = 2**12


@keras.saving.register_keras_serializable("keras_transformer")
def sinusoidal_encoding(
    positions: Tensor, model_dim: int, form: str = "paper"
) -> Tensor:
    """Computes the sinusoids of the paper (section 3.5), in one of five forms.

    Each of D/2 frequencies has a sine and a cosine. The forms differ in:

    - frequencies, for i from 0 to D/2 - 1: 10000^(-2i/D) in the paper, or
      10000^(-i/(D/2 - 1)) in Tensor2Tensor (1 if D is 2).
    - layout: sines and cosines alternate, or all sines come before all
      cosines. The layout changes only the order of the D numbers.
    - first: the angles of position p are (p + first) times the frequencies.

    | `form` | frequencies | layout | first | used by |
    |---|---|---|---|---|
    | `"paper"` | paper | alternating | 0 | the paper, KerasHub |
    | `"half"` | paper | halves | 0 | transformers' Marian |
    | `"tensor2tensor"` | Tensor2Tensor | halves | 0 | Tensor2Tensor, Marian |
    | `"tensor2tensor_from_1"` | Tensor2Tensor | halves | 1 | OpenNMT-tf |
    | `"fairseq"` | Tensor2Tensor | halves | 2 | fairseq |

    The blog post "The Illustrated Transformer" shows `"tensor2tensor"` and, in
    a note, `"paper"`.

    Args:
        positions: the positions to encode, integers of any shape, counted
            from 0 in every form.
        model_dim: D, an even number.
        form: the name of a form.

    Returns:
        float32 tensor, shape `(*positions.shape, D)`.

    Raises:
        ValueError: `form` is unknown or `model_dim` is odd.

    Example:

    >>> table = sinusoidal_encoding([1], 4, "tensor2tensor").numpy()
    >>> [round(float(x), 4) for x in table[0]]
    [0.8415, 0.0001, 0.5403, 1.0]
    """
    check_form(form, model_dim)
    if symbolic.has_no_values(positions):
        return symbolic.node(sinusoidal_encoding, positions, model_dim, form)
    table = _FORMS[form]
    pairs = np.arange(model_dim // 2, dtype="float64")
    if table.has_paper_frequencies:
        frequencies = 10000.0 ** (-2 * pairs / model_dim)
    else:
        frequencies = 10000.0 ** (-pairs / max(model_dim // 2 - 1, 1))
    numbers = ops.cast(positions, "int32") + table.first
    waves = sine_and_cosine(numbers, frequencies)
    if table.alternates:
        shape = (*ops.shape(numbers), model_dim)
        return ops.reshape(ops.stack(waves, axis=-1), shape)
    return ops.concatenate(waves, axis=-1)


def sine_and_cosine(
    numbers: Tensor, frequencies: np.ndarray
) -> tuple[Tensor, Tensor]:
    """Computes sine and cosine of numbers times frequencies, precisely.

    The angle of a number is the number times a frequency. A float32 angle of
    some thousand radians has an error of 1e-4. Therefore a number is split into
    high * 4,096 + low, and a frequency into `coarse`, which has 12 bits, and
    `remainder`. The angle is the sum of three products:

    - low * coarse, which is exact in float32;
    - low * remainder, which is small and so has a small error;
    - high * turns. Here `turns` is the angle of 4,096, reduced to [-pi, pi] in
      float64.

    The error of a sine or cosine is below 1e-6 for numbers up to 4,096, and
    below 2e-5 for numbers up to 100,000.

    Args:
        numbers: integers of any shape.
        frequencies: a float64 NumPy vector of n frequencies, in radians per
            position. The errors above are for frequencies of at most 1.

    Returns:
        The pair (sines, cosines), float32 tensors `(*numbers.shape, n)`.
    """
    mantissa, exponent = np.frexp(frequencies)
    coarse = np.ldexp(np.trunc(mantissa * 2**12) / 2**12, exponent)
    turns = np.mod(_BLOCK * frequencies + np.pi, 2 * np.pi) - np.pi
    coarse, remainder, turns = (
        ops.convert_to_tensor(x, "float32")
        for x in (coarse, frequencies - coarse, turns)
    )
    numbers = ops.cast(numbers, "int32")[..., None]
    low = ops.cast(ops.mod(numbers, _BLOCK), "float32")
    high = ops.cast(ops.floor_divide(numbers, _BLOCK), "float32")
    exact, rest = low * coarse, low * remainder + high * turns
    # The addition formulas for the sine and the cosine of `exact + rest`. The
    # sum is not computed, because float32 rounds it too much.
    return (
        ops.sin(exact) * ops.cos(rest) + ops.cos(exact) * ops.sin(rest),
        ops.cos(exact) * ops.cos(rest) - ops.sin(exact) * ops.sin(rest),
    )


def check_form(form: str, model_dim: int) -> None:
    """Raises ValueError if `form` is unknown or `model_dim` is odd."""
    if form not in FORMS:
        raise ValueError(
            f"Unknown form of positions. Received: {form!r}. Expected one of "
            f"{FORMS}."
        )
    if model_dim % 2:
        raise ValueError(
            "Sinusoidal positions need an even `model_dim`, since each "
            f"frequency has a sine and a cosine. Received: {model_dim}. Use "
            f"{model_dim + 1}."
        )
