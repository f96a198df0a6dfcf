"""Position encodings that are added to embeddings (section 3.5 of the paper).

The modules `rotary` and `relative` have positions that act inside attention.

B batch   T length   D model_dim
"""

from typing import Any

import keras
from keras import ops

from keras_transformer.layers import (
    checks,
    composite,
    implicit,
    masks,
    segments,
    sinusoids,
)
from keras_transformer.layers.typing import Shape, Tensor


def count_positions(
    length: Tensor, start: Tensor = 0, mask: Tensor | None = None
) -> Tensor:
    """Returns the position of each column; padding is not counted.

    The first token of a row has the position `start`, also after padding. A
    column of padding has the position of the last token before it. Before the
    first token, padding has the position `start` - 1, but at least 0.

    Args:
        length: T, an int or a scalar tensor. It is not used if there is a mask.
        start: the position of the first token, an int or a scalar tensor.
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
    """A layer that adds sinusoids of positions to embeddings (section 3.5).

    The sinusoids and the sum are computed in float32, because a dtype of 16
    bits would round neighbouring large positions to the same number. The result
    has the layer's compute dtype. There are no weights and no maximum length.
    Padding gets no encoding and is not counted.

    Args:
        form: the name of a form, see `sinusoids.sinusoidal_encoding`.

    Call arguments:
        inputs: shape `(B, T, D)`.
        start: the position of the first token, an int or a scalar tensor.
        mask: boolean padding mask `(B, T)`, or `None`.
        segment_ids: integers `(B, T)`, see `layers.segments`, or `None`. With
            segment ids, positions start at 0 in each segment. Do not give
            `start` or `mask` together with segment ids.

    Returns:
        Shape `(B, T, D)`.

    Raises:
        ValueError: `form` is unknown, D is odd or not known, or the mask is not
            boolean or does not fit the inputs.

    Example:

    >>> SinusoidalPositions()(keras.ops.zeros((1, 2, 4)))[0, 0].numpy().tolist()
    [0.0, 1.0, 0.0, 1.0]
    """

    def __init__(self, form: str = "paper", **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        sinusoids.check_form(form, 0)
        self.form = form

    def build(self, inputs_shape: Shape) -> None:
        sinusoids.check_form(self.form, checks.last_size(inputs_shape))
        self.built = True

    def call(
        self,
        inputs: Tensor,
        start: Tensor = 0,
        mask: Tensor | None = None,
        segment_ids: Tensor | None = None,
    ) -> Tensor:
        return _add(self, inputs, start, mask, segment_ids)

    def compute_mask(
        self, inputs: Tensor, mask: Tensor | None = None
    ) -> Tensor | None:
        return masks.attended_keys(implicit.both(inputs, mask))

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return tuple(inputs_shape)

    def encode(self, token_positions: Tensor, model_dim: int) -> Tensor:
        """Encodes positions `(T,)`, counted from 0, as float32 `(T, D)`."""
        return sinusoids.sinusoidal_encoding(
            token_positions, model_dim, self.form
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "form": self.form}


@keras.saving.register_keras_serializable("keras_transformer")
class LearnedPositions(composite.TracedLayer):
    """A layer that adds a learned vector for each position to embeddings.

    Row (E) of table 3 of the paper uses such vectors (Gehring et al. 2017). The
    initial vectors have a standard deviation of 1/sqrt(D). Padding gets no
    vector and is not counted.

    Args:
        max_length: the number of positions.

    Call arguments:
        inputs: shape `(B, T, D)`. `start` + T is at most `max_length`, except
            with `segment_ids`.
        start: the position of the first token, an int or a scalar tensor.
        mask: boolean padding mask `(B, T)`, or `None`.
        segment_ids: integers `(B, T)`, see `layers.segments`, or `None`. With
            segment ids, positions start at 0 in each segment, so a row may be
            longer than `max_length`. Do not give `start` or `mask` together
            with segment ids.

    Returns:
        Shape `(B, T, D)`. With `segment_ids`, or if T or `start` is known only
        when a graph runs, positions from `max_length` on get the vector of the
        last position.

    Raises:
        ValueError: `max_length` is below 1; D is not known; the mask is not
            boolean or does not fit the inputs; or, without `segment_ids`, the
            sum of `start` and T is known and is above `max_length`.

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
            # Keras must not round the vectors to the compute dtype, because
            # `_add` adds them to the inputs in float32.
            autocast=False,
        )
        self.built = True

    def call(
        self,
        inputs: Tensor,
        start: Tensor = 0,
        mask: Tensor | None = None,
        segment_ids: Tensor | None = None,
    ) -> Tensor:
        if segment_ids is None:
            self._check_length(ops.shape(inputs)[1], start)
        return _add(self, inputs, start, mask, segment_ids)

    def compute_mask(
        self, inputs: Tensor, mask: Tensor | None = None
    ) -> Tensor | None:
        return masks.attended_keys(implicit.both(inputs, mask))

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return tuple(inputs_shape)

    def encode(self, token_positions: Tensor, model_dim: int) -> Tensor:
        """Encodes positions `(T,)`, counted from 0, as float32 `(T, D)`.

        Positions from `max_length` on get the vector of the last position.
        """
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
                "max_length, or sinusoidal positions, which have no limit."
            )


def _add(layer, inputs, start, mask, segment_ids):
    """Adds the encoding of a layer to inputs; padding gets no encoding."""
    # The two sizes 1 refuse a mask that differs between heads or queries,
    # because `_add` needs a padding mask.
    masks.check_fits(mask, inputs.shape[0], 1, 1, inputs.shape[1])
    length = ops.shape(inputs)[1]
    token_positions = count_positions(length, start)[0]
    encoding = layer.encode(token_positions, inputs.shape[-1])
    if segment_ids is not None:
        mask = segments.segment_mask(segment_ids)
        columns = segments.positions_in_segments(segment_ids)
    else:
        mask = masks.attended_keys(implicit.both(inputs, mask))
        # `encoding[0]` is the vector of position `start`. So these indices of
        # `encoding` are counted from 0, and not from `start`.
        columns = None if mask is None else count_positions(length, mask=mask)
    if mask is not None:
        encoding = ops.take(encoding, columns, axis=0)
        encoding *= ops.cast(mask, "float32")[..., None]
    summed = ops.cast(inputs, "float32") + encoding
    return ops.cast(summed, layer.compute_dtype)
