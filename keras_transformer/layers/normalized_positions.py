"""Adds positions to embeddings and normalizes the sum, as in BART.

B batch   T length   D model_dim
"""

from typing import Any

import keras

from keras_transformer.layers import checks, composite, residual, templates
from keras_transformer.layers.typing import Shape, Tensor


@keras.saving.register_keras_serializable("keras_transformer")
class NormalizedPositions(composite.Composite):
    """A layer that adds positions and normalizes the sum (Lewis et al. 2020).

    In BART and mBART the normalized sum is the input of the first block. Give
    this layer to a stack as its `positions`.

    Args:
        positions: a template: `SinusoidalPositions` or `LearnedPositions`.
        norm: a template of the normalization; `None` means layer normalization
            with epsilon 1e-6.

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
        ValueError: `positions` is a layer that does not add positions to
            embeddings, such as `RotaryPositions`; or the positions or the norm
            refuse their input.

    Example:

    >>> from keras_transformer import layers
    >>> layer = NormalizedPositions(layers.LearnedPositions(max_length=7))
    >>> layer(keras.ops.zeros((2, 5, 4))).shape
    TensorShape([2, 5, 4])
    """

    def __init__(
        self,
        positions: templates.Template,
        norm: templates.Template | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self._settings = {
            "positions": templates.template_of(positions),
            "norm": templates.template_of(norm),
        }
        self.positions = templates.copy_into(self, positions, "positions")
        templates.check_kind(
            self.positions,
            "positions to normalize",
            "SinusoidalPositions or LearnedPositions",
            ("encode", "compute_mask"),
        )
        self.norm = residual.make_norm(
            norm, "norm", self.dtype_policy, self.trainable
        )

    def build(self, inputs_shape: Shape) -> None:
        shape = (None, None, checks.last_size(inputs_shape))
        self.positions.build(shape)
        self.norm.build(shape)
        self.built = True

    def call(
        self,
        inputs: Tensor,
        start: Tensor = 0,
        mask: Tensor | None = None,
        segment_ids: Tensor | None = None,
    ) -> Tensor:
        return self.norm(
            self.positions(
                inputs, start=start, mask=mask, segment_ids=segment_ids
            )
        )

    def compute_mask(
        self, inputs: Tensor, mask: Tensor | None = None
    ) -> Tensor | None:
        return self.positions.compute_mask(inputs, mask)

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return tuple(inputs_shape)

    def encode(self, token_positions: Tensor, model_dim: int) -> Tensor:
        """Encodes positions `(T,)` as float32 `(T, D)`, without the norm.

        Args:
            token_positions: integers `(T,)`, counted from 0.
            model_dim: D.
        """
        return self.positions.encode(token_positions, model_dim)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **templates.plain_copy(self._settings)}
