"""Position encodings: what tells the model the order of its tokens.

Those of this file are added to the embeddings; `rotary` and `relative` have
those that act inside of attention.

B batch   T length   D model_dim
"""

import keras
import numpy as np
from keras import ops

from keras_transformer.layers import masks

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
    has_paper_frequencies, is_by_turns, first = _FORMS[form]
    pairs = np.arange(model_dim // 2, dtype="float64")
    if has_paper_frequencies:
        frequencies = 10000.0 ** (-2 * pairs / model_dim)
    else:
        frequencies = 10000.0 ** (-pairs / max(model_dim // 2 - 1, 1))
    numbers = ops.cast(positions, "float32") + first
    angles = numbers[..., None] * ops.convert_to_tensor(frequencies, "float32")
    waves = [ops.sin(angles), ops.cos(angles)]
    if is_by_turns:
        shape = (*ops.shape(numbers), model_dim)
        return ops.reshape(ops.stack(waves, axis=-1), shape)
    return ops.concatenate(waves, axis=-1)


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
        start: the number of the first position.
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
class SinusoidalPositions(keras.layers.Layer):
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
        _check_mask(inputs, mask)
        numbers = count_positions(ops.shape(inputs)[1], start, mask)
        encoding = sinusoidal_encoding(numbers, inputs.shape[-1], self.form)
        return _add(inputs, encoding, mask, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "form": self.form}


@keras.saving.register_keras_serializable("keras_transformer")
class LearnedPositions(keras.layers.Layer):
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
        if max_length < 1:
            raise ValueError(
                "`max_length` is the number of learned positions. Received: "
                f"{max_length}. Expected at least 1."
            )
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
        _check_mask(inputs, mask)
        length = ops.shape(inputs)[1]
        self._check_length(length, start)
        numbers = count_positions(length, start, mask)
        numbers = ops.minimum(numbers, self.max_length - 1)
        encodings = ops.take(self.encodings, numbers, axis=0)
        return _add(inputs, encodings, mask, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "max_length": self.max_length}

    def _check_length(self, length, start):
        try:
            end = int(start) + int(length)
        except (NotImplementedError, TypeError, ValueError):
            return  # Inside of a graph, where they are not known yet.
        if end > self.max_length:
            raise ValueError(
                f"There are {self.max_length} learned positions. Received: "
                f"length={int(length)}, start={int(start)}. Use shorter rows, "
                "a larger max_length, or sinusoidal positions, which have no "
                "end."
            )


def _check_mask(inputs, mask):
    # As of attention with one query: other ranks than (B, T) do not fit.
    masks.check_fits(mask, inputs.shape[0], 1, 1, inputs.shape[1])


def _add(inputs, encoding, mask, dtype):
    if mask is not None:
        encoding *= ops.cast(mask, "float32")[..., None]
    return ops.cast(ops.cast(inputs, "float32") + encoding, dtype)
