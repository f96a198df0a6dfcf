"""Position encodings: what tells the model the order of its tokens.

Those of this file are added to the embeddings; `rotary` and `relative` have
those that act inside of attention.

B batch   T length   D model_dim
"""

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

# Of each form: whether its frequencies are those of the paper, whether sines
# and cosines alternate, and the number of the first position.
_FORMS = {
    "paper": (True, True, 0),
    "half": (True, False, 0),
    "tensor2tensor": (False, False, 0),
    "tensor2tensor_from_1": (False, False, 1),
    "fairseq": (False, False, 2),
}
FORMS = tuple(_FORMS)
# Numbers of so many bits are exact in a product with 12 more.
_BLOCK = 2**12


@keras.saving.register_keras_serializable("keras_transformer")
def sinusoidal_encoding(positions, model_dim, form="paper"):
    """Sinusoids of section 3.5, in any of the five tables that are in use.

    Three things vary. The frequencies of the D/2 pairs: the paper's
    10000^(-2i/D), or Tensor2Tensor's 10000^(-i/(D/2 - 1)). The layout: sine
    and cosine by turns, or all sines and then all cosines. The number that
    the first position has in the sine. No table is a reordering of one with
    other frequencies.

    | `form` | frequencies | layout | first | found in |
    |---|---|---|---|---|
    | `"paper"` | paper | by turns | 0 | the paper, KerasHub |
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
        form: the name of a table.

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
    has_paper_frequencies, is_by_turns, first = _FORMS[form]
    pairs = np.arange(model_dim // 2, dtype="float64")
    if has_paper_frequencies:
        frequencies = 10000.0 ** (-2 * pairs / model_dim)
    else:
        frequencies = 10000.0 ** (-pairs / max(model_dim // 2 - 1, 1))
    numbers = ops.cast(positions, "int32") + first
    waves = sine_and_cosine(numbers, frequencies)
    if is_by_turns:
        shape = (*ops.shape(numbers), model_dim)
        return ops.reshape(ops.stack(waves, axis=-1), shape)
    return ops.concatenate(waves, axis=-1)


def sine_and_cosine(numbers, frequencies):
    """Sine and cosine of numbers times frequencies, exact far out too.

    A float32 angle of some thousand radians is off by 1e-4. So each frequency
    is split in a part of 12 bits, whose product with the last 12 bits of a
    number is exact, and a rest; whole turns of what is above those bits are
    left out beforehand, in float64. The error is below 1e-6 for numbers to
    4,096, below 2e-5 to 100,000.

    Args:
        numbers: integers of any shape.
        frequencies: float64 NumPy array `(F,)`, radians, at most 1.

    Returns:
        The pair of float32 tensors `(*numbers.shape, F)`.
    """
    mantissa, exponent = np.frexp(frequencies)
    coarse = np.ldexp(np.trunc(mantissa * 2**12) / 2**12, exponent)
    turns = np.mod(_BLOCK * frequencies + np.pi, 2 * np.pi) - np.pi
    coarse, rest, turns = (
        ops.convert_to_tensor(part, "float32")
        for part in (coarse, frequencies - coarse, turns)
    )
    numbers = ops.cast(numbers, "int32")[..., None]
    low = ops.cast(ops.mod(numbers, _BLOCK), "float32")
    high = ops.cast(ops.floor_divide(numbers, _BLOCK), "float32")
    exact, more = low * coarse, low * rest + high * turns
    return (
        ops.sin(exact) * ops.cos(more) + ops.cos(exact) * ops.sin(more),
        ops.cos(exact) * ops.cos(more) - ops.sin(exact) * ops.sin(more),
    )


def check_form(form, model_dim):
    """Raises ValueError unless these sinusoids exist."""
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


def count_positions(length, start=0, mask=None):
    """Numbers the positions of each row, not counting padding.

    Padding before the first token moves no token: it has the number before
    `start`, or 0. Padding after the last has the last token's number.

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

    The sum is made in float32 and returned in the layer's compute dtype, so
    that far positions stay apart under mixed precision. It has no weights
    and knows no longest length. Padding gets no encoding and is not counted.

    Args:
        form: the name of a table, see `sinusoidal_encoding`.

    Call arguments:
        inputs: shape `(B, T, D)`.
        start: position of the first column, an int or a scalar tensor.
        mask: boolean padding mask `(B, T)`.

    Returns:
        Shape `(B, T, D)`.

    Raises:
        ValueError: `form` is unknown or D is odd.

    Example:

    >>> SinusoidalPositions()(keras.ops.zeros((1, 2, 4)))[0, 0].numpy().tolist()
    [0.0, 1.0, 0.0, 1.0]
    """

    def __init__(self, form="paper", **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        check_form(form, 0)
        self.form = form

    def build(self, inputs_shape):
        check_form(self.form, inputs_shape[-1])
        self.built = True

    def call(self, inputs, start=0, mask=None):
        return _add(self, inputs, start, mask)

    def compute_mask(self, inputs, mask=None):
        return masks.attended_keys(implicit.both(inputs, mask))

    def compute_output_shape(self, inputs_shape):
        return tuple(inputs_shape)

    def encode(self, numbers, model_dim):
        """Encodes positions (T,), counted from 0: float32 (T, D)."""
        return sinusoidal_encoding(numbers, model_dim, self.form)

    def get_config(self):
        return {**super().get_config(), "form": self.form}


@keras.saving.register_keras_serializable("keras_transformer")
class LearnedPositions(composite.TracedLayer):
    """Adds a learned vector of each position to embeddings.

    Row (E) of table 3 of the paper, after Gehring et al. 2017. The vectors
    start from N(0, 1/sqrt(D)). Padding gets no vector and is not counted.

    Args:
        max_length: how many positions there are.

    Call arguments:
        inputs: shape `(B, T, D)`, T at most `max_length`.
        start: position of the first column, an int or a scalar tensor.
        mask: boolean padding mask `(B, T)`.

    Returns:
        Shape `(B, T, D)`. Where the length is known only when a graph runs,
        positions beyond the last have the last one's vector.

    Raises:
        ValueError: a position beyond the last, where the length is known.

    Example:

    >>> LearnedPositions(max_length=7)(keras.ops.zeros((2, 5, 4))).shape
    TensorShape([2, 5, 4])
    """

    def __init__(self, max_length, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        checks.check_size("max_length", max_length)
        self.max_length = max_length

    def build(self, inputs_shape):
        model_dim = inputs_shape[-1]
        self.encodings = self.add_weight(
            name="encodings",
            shape=(self.max_length, model_dim),
            initializer=keras.initializers.RandomNormal(stddev=model_dim**-0.5),
            # Rounded once, in the sum.
            autocast=False,
        )
        self.built = True

    def call(self, inputs, start=0, mask=None):
        self._check_length(ops.shape(inputs)[1], start)
        return _add(self, inputs, start, mask)

    def compute_mask(self, inputs, mask=None):
        return masks.attended_keys(implicit.both(inputs, mask))

    def compute_output_shape(self, inputs_shape):
        return tuple(inputs_shape)

    def encode(self, numbers, model_dim):
        """Looks positions (T,), counted from 0, up: float32 (T, D)."""
        numbers = ops.minimum(numbers, self.max_length - 1)
        return ops.cast(ops.take(self.encodings, numbers, axis=0), "float32")

    def get_config(self):
        return {**super().get_config(), "max_length": self.max_length}

    def _check_length(self, length, start):
        length, start = checks.known_int(length), checks.known_int(start)
        known = None not in (length, start)
        if known and start + length > self.max_length:
            raise ValueError(
                f"There are {self.max_length} learned positions. Received: "
                f"length={length}, start={start}. Use shorter rows, a larger "
                "max_length, or sinusoidal positions, which have no end."
            )


def _add(layer, inputs, start, mask):
    """Adds what `layer` encodes; padding is not counted and gets nothing."""
    # As of attention with one query: other ranks than (B, T) do not fit.
    masks.check_fits(mask, inputs.shape[0], 1, 1, inputs.shape[1])
    mask = masks.attended_keys(implicit.both(inputs, mask))
    numbers = count_positions(ops.shape(inputs)[1], start)[0]
    encoding = layer.encode(numbers, inputs.shape[-1])
    if mask is not None:
        # Of each row, the first for its first token, and so on.
        places = count_positions(ops.shape(inputs)[1], mask=mask)
        encoding = ops.take(encoding, places, axis=0)
        encoding *= ops.cast(mask, "float32")[..., None]
    summed = ops.cast(inputs, "float32") + encoding
    return ops.cast(summed, layer.compute_dtype)
