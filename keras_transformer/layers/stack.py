"""The base class of encoder and decoder, which are stacks of blocks.

B batch   T length   D model_dim
"""

from collections.abc import Sequence
from typing import Any

from keras_transformer.layers import (
    block,
    checks,
    composite,
    masks,
    residual,
    templates,
)
from keras_transformer.layers.dropout import Dropout
from keras_transformer.layers.typing import Shape, Tensor


class Stack(composite.Composite):
    """A base class for `Encoder` and `Decoder`.

    Before the blocks, a stack adds positions, if it has any, to the embeddings.
    Then it applies dropout (section 5.4 of the paper). After pre-norm blocks
    there is one more norm. The arguments and errors are those of `Encoder`.

    Attributes:
        block_class: the class of the blocks.
    """

    block_class: type[block.Block]

    def __init__(
        self,
        num_layers: int,
        attention: templates.Template,
        feed_forward: templates.Template,
        norm: templates.Template | None = None,
        dropout: float = 0.1,
        normalization: str = "pre",
        positions: templates.Template | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        checks.check_size("num_layers", num_layers)
        self._settings = {
            "num_layers": num_layers,
            "attention": templates.template_of(attention),
            "feed_forward": templates.template_of(feed_forward),
            "norm": templates.template_of(norm),
            "dropout": dropout,
            "normalization": normalization,
            "positions": templates.template_of(positions),
        }
        self.model_dim = templates.shared_model_dim(attention, feed_forward)
        self.positions = None
        if positions is not None:
            self.positions = templates.copy_into(self, positions, "positions")
            templates.check_kind(
                self.positions,
                "positions of a stack",
                "SinusoidalPositions or LearnedPositions (RotaryPositions and "
                "RelativePositions go into its attention)",
                ("encode",),
            )
        self.blocks = [
            self.block_class(
                attention,
                feed_forward,
                norm,
                dropout,
                normalization,
                dtype=self.dtype_policy,
                trainable=self.trainable,
                name=f"block_{i + 1}",
            )
            for i in range(num_layers)
        ]
        self.drop = Dropout(
            dropout,
            dtype=self.dtype_policy,
            trainable=self.trainable,
            name="drop",
        )
        self.final_norm = residual.make_final_norm(
            normalization, norm, self.dtype_policy, self.trainable
        )

    def build(self, inputs_shape: Shape | None = None) -> None:
        shape = (None, None, self.model_dim)
        if self.positions is not None:
            self.positions.build(shape)
        composite.build_all(*self.blocks)
        self.drop.build(shape)
        self.final_norm.build(shape)
        self.built = True

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **templates.plain_copy(self._settings)}

    def enter(
        self,
        inputs: Tensor,
        start: Tensor = 0,
        mask: Tensor | None = None,
        training: bool | None = None,
        segment_ids: Tensor | None = None,
    ) -> Tensor:
        """Turns embeddings into the inputs of the first block.

        Args:
            inputs: embeddings, shape `(B, T, D)`.
            start: the position of the first token, an int or a scalar tensor.
            mask: a mask as for `combine_masks`. A position that no query may
                attend to is padding. `None` if there is no padding.
            training: whether to apply dropout; `None` as in Keras.
            segment_ids: integers `(B, T)`, see `layers.segments`; `None` if
                each row is one sentence. With segments, positions do not depend
                on `start` and `mask`.

        Returns:
            Shape `(B, T, D)`.

        Raises:
            ValueError: the inputs have another shape, the mask does not fit
                them, or the positions refuse the inputs.
        """
        checks.check_vectors("inputs", inputs.shape, self.model_dim)
        length = inputs.shape[1]
        masks.check_fits(mask, inputs.shape[0], None, length, length)
        if self.positions is not None and segment_ids is not None:
            inputs = self.positions(inputs, segment_ids=segment_ids)
        elif self.positions is not None:
            inputs = self.positions(
                inputs, start=start, mask=masks.attended_keys(mask)
            )
        return self.drop(inputs, training=training)


def stacked_shape(scores_shape: Shape, blocks: Sequence[Any]) -> Shape:
    """Returns the shape of the stacked scores of L blocks, (B, L, H, T, S).

    Args:
        scores_shape: the shape of the scores of one block, `(B, H, T, S)`.
        blocks: the L blocks.
    """
    return (scores_shape[0], len(blocks), *scores_shape[1:])
