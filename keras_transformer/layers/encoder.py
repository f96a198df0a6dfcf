"""The encoder: source embeddings to memory (section 3.1).

B batch   S source length   D model_dim   H heads   L layers
"""

import keras
from keras import ops

from keras_transformer.layers import block, implicit, masks, stack


@keras.saving.register_keras_serializable("keras_transformer")
class EncoderBlock(block.Block):
    """Self-attention, then feed-forward, each in a residual connection.

    Args:
        attention: a part, copied: `MultiHeadAttention` of any kind.
        feed_forward: a part, copied: `FeedForward` or `GatedFeedForward`.
        norm: a part, copied; see `Residual`.
        dropout: P_drop.
        normalization: `"pre"` or `"post"`, see `Residual`.

    Call arguments:
        inputs: shape `(B, S, D)`.
        mask: boolean padding mask `(B, S)`, True at real positions, or an
            attention mask `(B, S, S)` or `(B, H, S, S)`.
        return_attention_scores: whether to return the scores too.

    Returns:
        Shape `(B, S, D)`; with `return_attention_scores=True` the pair of it
        and the scores `(B, H, S, S)`.

    Raises:
        ValueError: parts of different `model_dim`; see also the parts.

    Example:

    >>> from keras_transformer import layers
    >>> block = EncoderBlock(
    ...     layers.MultiHeadAttention(model_dim=6, num_heads=2),
    ...     layers.FeedForward(model_dim=6, feed_forward_dim=11),
    ... )
    >>> block(keras.ops.ones((3, 5, 6))).shape
    TensorShape([3, 5, 6])
    """

    def _attentions(self, attention):
        """See `Block`."""
        return {"attention": attention}

    def call(
        self, inputs, mask=None, training=None, return_attention_scores=False
    ):
        mask = implicit.both(inputs, mask)
        # Keras hands on what is attached to the inputs; now that is all.
        inputs = implicit.attach(inputs, masks.attended_keys(mask))
        x, scores = self.attention_residual(
            inputs,
            sublayer=lambda x: block.call_with_scores(
                self.attention,
                x,
                attention_mask=mask,
                return_attention_scores=return_attention_scores,
            ),
            training=training,
        )
        x = self._transform(x, training)
        return (x, scores) if return_attention_scores else x


@keras.saving.register_keras_serializable("keras_transformer")
class Encoder(stack.Stack):
    """A stack of encoder blocks; the output is called memory.

    Adds positions to the embeddings, drops units of the sum (section 5.4),
    and with `normalization="pre"` ends with one more norm.

    Args:
        num_layers: L, N in the paper.
        attention: a part, copied for each block: `MultiHeadAttention` of any
            kind; rotary and relative positions are a part of it.
        feed_forward: a part, copied for each block: `FeedForward` or
            `GatedFeedForward`.
        norm: a part, copied; layer normalization, epsilon 1e-6, if `None`.
        dropout: P_drop.
        normalization: `"pre"` or `"post"`, see `Residual`.
        positions: a part, copied: `SinusoidalPositions` or
            `LearnedPositions`; `None` adds nothing.

    Call arguments:
        inputs: embeddings, shape `(B, S, D)`.
        mask: boolean padding mask `(B, S)`, True at real positions, or an
            attention mask `(B, S, S)` or `(B, H, S, S)`. Padding on either
            side moves no token.
        return_attention_scores: whether to return the scores too.

    Returns:
        Memory, shape `(B, S, D)`; with `return_attention_scores=True` the
        pair of it and the scores `(B, L, H, S, S)`.

    Raises:
        ValueError: no layers, or parts of different `model_dim`; see also
            the parts.

    Example:

    >>> from keras_transformer import layers
    >>> encoder = Encoder(
    ...     3,
    ...     layers.MultiHeadAttention(model_dim=6, num_heads=2),
    ...     layers.FeedForward(model_dim=6, feed_forward_dim=11),
    ...     positions=layers.SinusoidalPositions(),
    ... )
    >>> memory, scores = encoder(
    ...     keras.ops.ones((2, 5, 6)), return_attention_scores=True
    ... )
    >>> memory.shape, scores.shape
    (TensorShape([2, 5, 6]), TensorShape([2, 3, 2, 5, 5]))
    """

    block_class = EncoderBlock

    def call(
        self, inputs, mask=None, training=None, return_attention_scores=False
    ):
        mask = implicit.both(inputs, mask)
        x, scores = self.enter(inputs, mask=mask, training=training), []
        for one in self.blocks:
            x, block_scores = block.call_with_scores(
                one,
                x,
                mask=mask,
                training=training,
                return_attention_scores=return_attention_scores,
            )
            scores.append(block_scores)
        memory = self.final_norm(x)
        if return_attention_scores:
            return memory, ops.stack(scores, axis=1)
        return memory

    def compute_mask(self, inputs, mask=None):
        return masks.attended_keys(implicit.both(inputs, mask))

    def compute_output_shape(self, inputs_shape, return_attention_scores=False):
        outputs = self.blocks[0].compute_output_shape(
            inputs_shape, return_attention_scores
        )
        if not return_attention_scores:
            return outputs
        shape, scores_shape = outputs
        return shape, stack.of_all_layers(scores_shape, self.blocks)
