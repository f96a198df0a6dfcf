"""Position encodings that are added to embeddings (section 3.5 of the paper).

The modules `rotary` and `relative` have those that act inside attention.

B batch   T length   D model_dim
"""

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_transformer.layers import (
    checks,
    composite,
    implicit,
    masks,
    symbolic,
)
from keras_transformer.layers.typing import Shape, Tensor


class _Form(NamedTuple):
    """The form of a table of sinusoids.

    has_paper_frequencies: whether the frequencies are those of the paper.
    alternates: whether sines and cosines alternate.
    first: the number that stands for position 0 in the sines and cosines.
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
# A float32 has 24 bits, so the product of two numbers of 12 bits is exact.
_BLOCK = 2**12


@keras.saving.register_keras_serializable("keras_transformer")
def sinusoidal_encoding(
    positions: Tensor, model_dim: int, form: str = "paper"
) -> Tensor:
    """Computes the sinusoids of section 3.5, in one of five common forms.

    The forms differ in three points. The frequencies of the D/2 pairs are the
    paper's, 10000^(-2i/D), or Tensor2Tensor's, 10000^(-i/(D/2 - 1)). In the
    layout, sines and cosines alternate, or all sines come before all cosines.
    And the first position counts as 0, 1 or 2 in the sines and cosines.
    Tables with different frequencies are not reorderings of each other.

    | `form` | frequencies | layout | first | used by |
    |---|---|---|---|---|
    | `"paper"` | paper | alternating | 0 | the paper, KerasHub |
    | `"half"` | paper | halves | 0 | transformers' Marian |
    | `"tensor2tensor"` | Tensor2Tensor | halves | 0 | Tensor2Tensor, Marian |
    | `"tensor2tensor_from_1"` | Tensor2Tensor | halves | 1 | OpenNMT-tf |
    | `"fairseq"` | Tensor2Tensor | halves | 2 | fairseq |

    The Illustrated Transformer shows `"tensor2tensor"` and, in a note,
    `"paper"`.

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

    A float32 angle of some thousand radians has an error of 1e-4. Therefore
    each frequency is split into a coarse part of 12 bits, whose product with
    the last 12 bits of a number is exact in float32, and a remainder. The
    higher bits of a number are multiplied with an angle from which whole turns
    are removed beforehand, in float64. The error is below 1e-6 for numbers up
    to 4,096, and below 2e-5 up to 100,000.

    Args:
        numbers: integers of any shape.
        frequencies: float64 NumPy array `(F,)`, in radians, at most 1.

    Returns:
        The pair of float32 tensors `(*numbers.shape, F)`.
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
    # The sine and the cosine of the sum of the two angles.
    return (
        ops.sin(exact) * ops.cos(rest) + ops.cos(exact) * ops.sin(rest),
        ops.cos(exact) * ops.cos(rest) - ops.sin(exact) * ops.sin(rest),
    )


def check_form(form: str, model_dim: int) -> None:
    """Checks that `form` exists and can have this `model_dim`."""
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


def count_positions(
    length: Tensor, start: Tensor = 0, mask: Tensor | None = None
) -> Tensor:
    """Counts the positions of each row, without padding.

    Padding before the first token does not change the numbers of the tokens:
    it gets the number before `start`, or 0. Padding after the last token
    gets the number of the last token.

    Args:
        length: T, an int or a scalar tensor.
        start: the number of the first position, any kind of integer.
        mask: boolean padding mask `(B, T)`, or `None`.

    Returns:
        int32 tensor, `(B, T)`, or `(1, T)` if there is no mask.

    Example:

    >>> count_positions(4, mask=[[False, True, True, False]]).numpy().tolist()
    [[0, 0, 1, 1]]
    """
    start = ops.cast(start, "int32")
    if mask is None:
        return ops.arange(length, dtype="int32")[None] + start
    counted = ops.cumsum(ops.cast(mask, "int32"), axis=1) - 1
    return ops.maximum(counted + start, 0)


@keras.saving.register_keras_serializable("keras_transformer")
class SinusoidalPositions(composite.TracedLayer):
    """Adds sinusoidal position encodings to embeddings (section 3.5).

    The sum is computed in float32 and returned in the layer's compute dtype,
    so that distant positions stay distinct under mixed precision. It has no
    weights and no maximum length. Padding gets no encoding and is not counted.

    Args:
        form: the name of a form, see `sinusoidal_encoding`.

    Call arguments:
        inputs: shape `(B, T, D)`.
        start: the position of the first column, an int or a scalar tensor.
        mask: boolean padding mask `(B, T)`.

    Returns:
        Shape `(B, T, D)`.

    Raises:
        ValueError: `form` is unknown or D is odd.

    Example:

    >>> SinusoidalPositions()(keras.ops.zeros((1, 2, 4)))[0, 0].numpy().tolist()
    [0.0, 1.0, 0.0, 1.0]
    """

    def __init__(self, form: str = "paper", **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        check_form(form, 0)
        self.form = form

    def build(self, inputs_shape: Shape) -> None:
        check_form(self.form, checks.last_size(inputs_shape))
        self.built = True

    def call(
        self, inputs: Tensor, start: Tensor = 0, mask: Tensor | None = None
    ) -> Tensor:
        return _add(self, inputs, start, mask)

    def compute_mask(
        self, inputs: Tensor, mask: Tensor | None = None
    ) -> Tensor | None:
        return masks.attended_keys(implicit.both(inputs, mask))

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return tuple(inputs_shape)

    def encode(self, token_positions: Tensor, model_dim: int) -> Tensor:
        """Encodes positions `(T,)`, counted from 0, as float32 `(T, D)`."""
        return sinusoidal_encoding(token_positions, model_dim, self.form)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "form": self.form}


@keras.saving.register_keras_serializable("keras_transformer")
class LearnedPositions(composite.TracedLayer):
    """Adds a learned vector for each position to embeddings.

    This is row (E) of table 3 of the paper, as in Gehring et al. 2017. The
    initial vectors have a standard deviation of 1/sqrt(D). Padding gets no
    vector and is not counted.

    Args:
        max_length: the number of positions.

    Call arguments:
        inputs: shape `(B, T, D)`, T at most `max_length`.
        start: the position of the first column, an int or a scalar tensor.
        mask: boolean padding mask `(B, T)`.

    Returns:
        Shape `(B, T, D)`. If the length is known only when a graph runs,
        positions from `max_length` on get the vector of the last position.

    Raises:
        ValueError: the length is known, and a position is not below
            `max_length`.

    Example:

    >>> LearnedPositions(max_length=7)(keras.ops.zeros((2, 5, 4))).shape
    TensorShape([2, 5, 4])
    """

    def __init__(self, max_length: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        checks.check_size("max_length", max_length)
        self.max_length = max_length

    def build(self, inputs_shape: Shape) -> None:
        model_dim = checks.last_size(inputs_shape)
        self.encodings = self.add_weight(
            name="encodings",
            shape=(self.max_length, model_dim),
            initializer=keras.initializers.RandomNormal(stddev=model_dim**-0.5),
            # The vectors stay float32. Only the sum is rounded.
            autocast=False,
        )
        self.built = True

    def call(
        self, inputs: Tensor, start: Tensor = 0, mask: Tensor | None = None
    ) -> Tensor:
        self._check_length(ops.shape(inputs)[1], start)
        return _add(self, inputs, start, mask)

    def compute_mask(
        self, inputs: Tensor, mask: Tensor | None = None
    ) -> Tensor | None:
        return masks.attended_keys(implicit.both(inputs, mask))

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return tuple(inputs_shape)

    def encode(self, token_positions: Tensor, model_dim: int) -> Tensor:
        """Encodes positions `(T,)`, counted from 0, as float32 `(T, D)`."""
        rows = ops.minimum(token_positions, self.max_length - 1)
        return ops.cast(ops.take(self.encodings, rows, axis=0), "float32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_length": self.max_length}

    def _check_length(self, length, start):
        length, start = checks.known_int(length), checks.known_int(start)
        if length is None or start is None:
            return
        if start + length > self.max_length:
            raise ValueError(
                f"There are {self.max_length} learned positions. Received: "
                f"length={length}, start={start}. Use shorter rows, a larger "
                "max_length, or sinusoidal positions, which have no end."
            )


def _add(layer, inputs, start, mask):
    """Adds the encoding of a layer to inputs; padding gets no encoding."""
    # The mask must be `(B, T)`. The check for an attention with one query
    # refuses all other ranks.
    masks.check_fits(mask, inputs.shape[0], 1, 1, inputs.shape[1])
    mask = masks.attended_keys(implicit.both(inputs, mask))
    length = ops.shape(inputs)[1]
    token_positions = count_positions(length, start)[0]
    encoding = layer.encode(token_positions, inputs.shape[-1])
    if mask is not None:
        # The first token of a row gets the first vector, also if padding is
        # before it.
        columns = count_positions(length, mask=mask)
        encoding = ops.take(encoding, columns, axis=0)
        encoding *= ops.cast(mask, "float32")[..., None]
    summed = ops.cast(inputs, "float32") + encoding
    return ops.cast(summed, layer.compute_dtype)
