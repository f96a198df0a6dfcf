"""What the blocks of encoder and decoder have in common.

B batch   T length   D model_dim   H heads
"""

from keras_transformer.layers import (
    composite,
    implicit,
    masks,
    residual,
    templates,
)


class Block(composite.Composite):
    """The frame of a block; not used by itself (section 3.1).

    Attentions, then a feed-forward network, each in a residual connection of
    its own. Each attention is stored under its name in `_attentions`, the
    network as `feed_forward`, and the residual connection around each under
    that name plus `_residual`.
    """

    def __init__(
        self,
        attention,
        feed_forward,
        norm=None,
        dropout=0.1,
        normalization="pre",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self._settings = {
            "attention": templates.template_of(attention),
            "feed_forward": templates.template_of(feed_forward),
            "norm": templates.template_of(norm),
            "dropout": dropout,
            "normalization": normalization,
        }
        self.model_dim = templates.shared_model_dim(attention, feed_forward)
        attentions = self._attentions(attention)
        sublayers = {**attentions, "feed_forward": feed_forward}
        # Variables are made and listed in this order, on which checkpoints
        # and the draws of a seed depend.
        self._sublayers = tuple(sublayers)
        for name, part in sublayers.items():
            sublayer = templates.copy_into(self, part, name)
            if name in attentions:
                templates.check_attention(sublayer)
            setattr(self, name, sublayer)
            around = residual.Residual(
                self.model_dim,
                dropout,
                normalization,
                norm,
                dtype=self.dtype_policy,
                trainable=self.trainable,
                name=f"{name}_residual",
            )
            setattr(self, around.name, around)

    def _attentions(self, attention):
        """The attentions by their names, in the order of their use.

        Args:
            attention: the part that the block was given.

        Returns:
            A dict of parts.
        """
        raise NotImplementedError

    def build(self, inputs_shape=None):
        for name in self._sublayers:
            composite.build_all(
                getattr(self, name), getattr(self, f"{name}_residual")
            )
        self.built = True

    def compute_mask(self, inputs, mask=None):
        return masks.attended_keys(implicit.both(inputs, mask))

    def compute_output_shape(self, inputs_shape, return_attention_scores=False):
        shape = (*inputs_shape[:-1], self.model_dim)
        if not return_attention_scores:
            return shape
        attention = getattr(self, self._sublayers[0])
        return attention.compute_output_shape(
            shape, return_attention_scores=True
        )

    def get_config(self):
        return {**super().get_config(), **templates.plain_copy(self._settings)}

    def _transform(self, x, training):
        """The last sub-layer, of every block: the feed-forward network."""
        x, _ = self.feed_forward_residual(
            x,
            sublayer=lambda x: (self.feed_forward(x), None),
            training=training,
        )
        return x


def call_with_scores(layer, *args, return_attention_scores, **kwargs):
    """Calls a layer with attention; returns its output and its scores.

    Scores are asked for only where somebody wants them, since a regularizer
    of what a layer returns would count them too.

    Args:
        layer: an attention, a block, or a stack.
        *args: of its call.
        return_attention_scores: whether somebody wants them.
        **kwargs: of its call.

    Returns:
        A tuple of the output and scores; of the output and `None` if they are
        not wanted.
    """
    if return_attention_scores:
        return layer(*args, return_attention_scores=True, **kwargs)
    return layer(*args, **kwargs), None
