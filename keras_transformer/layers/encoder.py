"""The encoder, from source embeddings to memory (section 3.1).

B batch   S source length   D model_dim   H heads   L layers
"""

import keras
from keras import ops

from keras_transformer.layers import block, implicit, masks, segments, stack
from keras_transformer.layers.typing import Shape, Tensor


@keras.saving.register_keras_serializable("keras_transformer")
class EncoderBlock(block.Block):
    """A block of self-attention and feed-forward, in residual connections.

    Args:
        attention: a template: `MultiHeadAttention` with any settings.
        feed_forward: a template: `FeedForward` or `GatedFeedForward`.
        norm: a template; `None` means layer normalization, epsilon 1e-6.
        dropout: the rate of dropout after each sublayer, P_drop.
        normalization: `"pre"`: norms before sublayers; `"post"`: after them.

    Call arguments:
        inputs: shape `(B, S, D)`.
        mask: boolean padding mask `(B, S)`, True at real positions, or an
            attention mask `(B, S, S)` or `(B, H, S, S)`; `None` for no mask. A
            mask that Keras attached to `inputs` is used too.
        training: whether to apply dropout; `None` as in Keras.
        return_attention_scores: whether to return the scores too.

    Returns:
        Output, shape `(B, S, D)`; with `return_attention_scores=True` the
        pair of the output and the scores `(B, H, S, S)`.

    Raises:
        ValueError: a template is of the wrong kind, or the templates differ in
            `model_dim`; or a sublayer raises this error.

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
        return {"attention": attention}

    def call(
        self,
        inputs: Tensor,
        mask: Tensor | None = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        mask = implicit.both(inputs, mask)
        # The padding mask is attached, so that Keras passes it on to the
        # sublayers and to the output.
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

    def compute_output_shape(
        self, inputs_shape: Shape, return_attention_scores: bool = False
    ) -> Shape | tuple[Shape, Shape]:
        return self._output_shape(inputs_shape, return_attention_scores)


@keras.saving.register_keras_serializable("keras_transformer")
class Encoder(stack.Stack):
    """A stack of encoder blocks. Its output is called memory.

    Before the blocks, the encoder adds positions to the embeddings and applies
    dropout to the sum (section 5.4). With `normalization="pre"`, one more norm
    follows the last block.

    Args:
        num_layers: L, the number of blocks, N in the paper.
        attention: a template: `MultiHeadAttention` with any settings, also
            with rotary or relative positions. Each block has a copy.
        feed_forward: a template: `FeedForward` or `GatedFeedForward`. Each
            block has a copy.
        norm: a template; `None` means layer normalization, epsilon 1e-6.
        dropout: the rate of dropout after each sublayer, and after the sum of
            embeddings and positions, P_drop.
        normalization: `"pre"`: norms before sublayers; `"post"`: after them.
        positions: a template: `SinusoidalPositions`, `LearnedPositions` or
            `NormalizedPositions`; with `None` no positions are added.

    Call arguments:
        inputs: embeddings, shape `(B, S, D)`.
        mask: boolean padding mask `(B, S)`, True at real positions, or an
            attention mask `(B, S, S)` or `(B, H, S, S)`; `None` for no mask. A
            mask that Keras attached to `inputs` is used too. Padding before or
            after the tokens does not change their positions.
        training: whether to apply dropout; `None` as in Keras.
        return_attention_scores: whether to return the scores too.
        segment_ids: integers `(B, S)` if rows hold several sentences, see
            `layers.segments`; `None` if each row holds one sentence.

    Returns:
        Memory, shape `(B, S, D)`; with `return_attention_scores=True` the
        pair of memory and the scores `(B, L, H, S, S)`.

    Raises:
        ValueError: `num_layers` is not a positive int, a template is of the
            wrong kind, the templates differ in `model_dim`, or the inputs or
            the mask have another shape; or a sublayer raises this error.

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
        self,
        inputs: Tensor,
        mask: Tensor | None = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        segment_ids: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        mask = segments.restrict(
            implicit.both(inputs, mask), segment_ids, segment_ids
        )
        x = self.enter(
            inputs, mask=mask, training=training, segment_ids=segment_ids
        )
        scores = []
        for encoder_block in self.blocks:
            x, block_scores = block.call_with_scores(
                encoder_block,
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

    def compute_mask(
        self, inputs: Tensor, mask: Tensor | None = None
    ) -> Tensor | None:
        return masks.attended_keys(implicit.both(inputs, mask))

    def compute_output_shape(
        self, inputs_shape: Shape, return_attention_scores: bool = False
    ) -> Shape | tuple[Shape, Shape]:
        outputs = self.blocks[0].compute_output_shape(
            inputs_shape, return_attention_scores
        )
        if not return_attention_scores:
            return outputs
        shape, scores_shape = outputs
        return shape, stack.stacked_shape(scores_shape, self.blocks)
