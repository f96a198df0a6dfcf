"""Position encodings: what tells the model the order of its tokens.

B batch   T length   D model_dim
"""

import keras
import numpy as np
from keras import ops

FORMS = ("paper", "tensor2tensor")


def sinusoidal_encoding(positions, model_dim, form="paper"):
    """Sinusoids of section 3.5, in either of the two common layouts.

    `"paper"`: sin(p / 10000^(2i/D)) at 2i and the cosine at 2i + 1.
    `"tensor2tensor"`: all sines, then all cosines, with the frequencies
    10000^(-i / (D/2 - 1)). The second is not a reordering of the first: its
    frequencies differ too. The Illustrated Transformer shows both.

    Args:
        positions: the positions p to encode, shape `(T,)`, counted from 0.
        model_dim: D, an even number.
        form: `"paper"` or `"tensor2tensor"`.

    Returns:
        float32 tensor, shape `(T, D)`.

    Raises:
        ValueError: `form` is unknown or `model_dim` is odd.

    Example:

    >>> table = sinusoidal_encoding([1], 4, "tensor2tensor").numpy()
    >>> [round(float(x), 4) for x in table[0]]
    [0.8415, 0.0001, 0.5403, 1.0]
    """
    check_form(form, model_dim)
    pairs = np.arange(model_dim // 2, dtype="float64")
    if form == "paper":
        frequencies = 10000.0 ** (-2 * pairs / model_dim)
    else:
        frequencies = 10000.0 ** (-pairs / max(model_dim // 2 - 1, 1))
    angles = ops.cast(positions, "float32")[:, None] * ops.convert_to_tensor(
        frequencies[None, :], "float32"
    )
    waves = [ops.sin(angles), ops.cos(angles)]
    if form == "paper":
        return ops.reshape(ops.stack(waves, axis=-1), (-1, model_dim))
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


@keras.saving.register_keras_serializable("keras_transformer")
class SinusoidalPositions(keras.layers.Layer):
    """Adds sinusoidal position encodings to embeddings (section 3.5).

    The sum is made in float32 and returned in the layer's compute dtype, so
    that far positions stay apart under mixed precision. It has no weights
    and knows no longest length.

    Args:
        form: `"paper"` or `"tensor2tensor"`, see `sinusoidal_encoding`.

    Call arguments:
        inputs: shape `(B, T, D)`.
        start: position of the first column, an int or a scalar tensor.

    Returns:
        Shape `(B, T, D)`.

    Example:

    >>> SinusoidalPositions()(keras.ops.zeros((1, 2, 4)))[0, 0].numpy().tolist()
    [0.0, 1.0, 0.0, 1.0]
    """

    def __init__(self, form="paper", **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        check_form(form, 0)
        self.form = form

    def call(self, inputs, start=0):
        length, model_dim = ops.shape(inputs)[1], inputs.shape[-1]
        encoding = sinusoidal_encoding(
            ops.arange(length) + start, model_dim, self.form
        )
        summed = ops.cast(inputs, "float32") + encoding[None]
        return ops.cast(summed, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "form": self.form}
