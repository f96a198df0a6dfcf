"""The base class of all blocks: of encoders, decoders and language models."""

from typing import Any

import keras

from keras_transformer.layers import (
    composite,
    implicit,
    masks,
    residual,
    templates,
)
from keras_transformer.layers.typing import Shape, Tensor


class Block(composite.Composite):
    """A base class for blocks (section 3.1 of the paper).

    A block has one or two attentions, then a feed-forward network, each in a
    residual connection. All of these layers are attributes. `_attentions` gives
    the names of the attentions, and the network has the name `feed_forward`.
    A sublayer `x` has the residual connection `x_residual`. The arguments and
    errors are the same as in `EncoderBlock`.
    """

    def __init__(
        self,
        attention: templates.Template,
        feed_forward: templates.Template,
        norm: templates.Template | None = None,
        dropout: float = 0.1,
        normalization: str = "pre",
        **kwargs: Any,
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
        # Variables are made and listed in the order of the sublayers.
        # Checkpoints and the random initial weights depend on this order.
        self._sublayers = tuple(sublayers)
        for name, template in sublayers.items():
            sublayer = templates.copy_into(self, template, name)
            if name in attentions:
                templates.check_attention(sublayer)
            setattr(self, name, sublayer)
            connection = residual.Residual(
                self.model_dim,
                dropout,
                normalization,
                norm,
                dtype=self.dtype_policy,
                trainable=self.trainable,
                name=f"{name}_residual",
            )
            setattr(self, connection.name, connection)

    def _attentions(
        self, attention: templates.Template
    ) -> dict[str, templates.Template]:
        """Returns the template of each attention, in the order of their use.

        Args:
            attention: the template that the block was given.

        Returns:
            A dict from the attribute name of each attention to its template.
        """
        raise NotImplementedError

    def build(self, inputs_shape: Shape | None = None) -> None:
        for name in self._sublayers:
            composite.build_all(
                getattr(self, name), getattr(self, f"{name}_residual")
            )
        self.built = True

    def compute_mask(
        self, inputs: Tensor, mask: Tensor | None = None
    ) -> Tensor | None:
        return masks.attended_keys(implicit.both(inputs, mask))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **templates.plain_copy(self._settings)}

    def _output_shape(self, inputs_shape, return_attention_scores):
        """Returns the shapes of the output and of self-attention scores.

        If `return_attention_scores` is False, only the shape of the output is
        returned.
        """
        shape = (*inputs_shape[:-1], self.model_dim)
        if not return_attention_scores:
            return shape
        attention = getattr(self, self._sublayers[0])
        return attention.compute_output_shape(
            shape, return_attention_scores=True
        )

    def _transform(self, x, training):
        """Applies the feed-forward network in its residual connection."""
        x, _ = self.feed_forward_residual(
            x,
            sublayer=lambda x: (self.feed_forward(x), None),
            training=training,
        )
        return x


def call_with_scores(
    layer: keras.layers.Layer,
    *args: Any,
    return_attention_scores: bool,
    **kwargs: Any,
) -> tuple[Any, ...]:
    """Calls a layer that has attention; returns a tuple of output and scores.

    The layer returns scores only if they are needed, because an activity
    regularizer penalizes all outputs of a layer, the scores too.

    Args:
        layer: an attention, a block, or a stack.
        *args: arguments of the layer's call.
        return_attention_scores: whether the scores are needed.
        **kwargs: keyword arguments of the layer's call.

    Returns:
        The output and the scores. A decoder or a decoder block has two tensors
        of scores, so the tuple has three elements. If the scores are not
        needed, the tuple is the output and `None`.
    """
    if return_attention_scores:
        return layer(*args, return_attention_scores=True, **kwargs)
    return layer(*args, **kwargs), None
