"""What the encoder's and the decoder's stack of blocks have in common.

B batch   T length   D model_dim
"""

import keras

from keras_transformer.layers import (
    checks,
    composite,
    masks,
    residual,
    templates,
)


class Stack(composite.Composite):
    """The frame of `Encoder` and `Decoder`; not used by itself.

    Adds positions to the embeddings and drops units of the sum before the
    blocks (section 5.4); with pre-norm blocks a norm follows them.
    """

    block_class = None

    def __init__(
        self,
        num_layers,
        attention,
        feed_forward,
        norm=None,
        dropout=0.1,
        normalization="pre",
        positions=None,
        **kwargs,
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
                "RelativePositions are a part of its attention)",
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
        self.drop = keras.layers.Dropout(
            dropout,
            dtype=self.dtype_policy,
            trainable=self.trainable,
            name="drop",
        )
        self.final_norm = residual.make_final_norm(
            normalization, norm, self.dtype_policy, self.trainable
        )

    def build(self, inputs_shape=None):
        shape = (None, None, self.model_dim)
        if self.positions is not None:
            self.positions.build(shape)
        composite.build_all(*self.blocks)
        self.drop.build(shape)
        self.final_norm.build(shape)
        self.built = True

    def get_config(self):
        return {**super().get_config(), **templates.plain_copy(self._settings)}

    def enter(self, inputs, start=0, mask=None, training=None):
        """Embeddings (B, T, D) as the first block takes them, (B, T, D).

        Args:
            inputs: shape `(B, T, D)`.
            start: position of the first column.
            mask: any mask of the inputs; what none may attend to is padding.
            training: whether to drop units.
        """
        checks.check_vectors("inputs", inputs.shape, self.model_dim)
        length = inputs.shape[1]
        masks.check_fits(mask, inputs.shape[0], None, length, length)
        if self.positions is not None:
            inputs = self.positions(
                inputs, start=start, mask=masks.attended_keys(mask)
            )
        return self.drop(inputs, training=training)


def of_all_layers(scores_shape, blocks):
    """The shape of scores (B, H, T, S) of each block: (B, L, H, T, S)."""
    return (scores_shape[0], len(blocks), *scores_shape[1:])
