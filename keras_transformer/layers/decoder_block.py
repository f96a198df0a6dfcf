"""One block of the decoder, for whole sequences and step by step.

B batch   T target length   S source length   D model_dim   H heads
K head_dim   N key-value heads   M positions kept while decoding   W hypotheses
of a row
"""

import keras
from keras import ops

from keras_transformer.layers import (
    block,
    causal_block,
    implicit,
    past,
    templates,
)


@keras.saving.register_keras_serializable("keras_transformer")
class DecoderBlock(causal_block.CausalBlock):
    """A `CausalBlock` that reads the memory too, in the paper's decoder.

    Encoder-decoder attention stands between causal self-attention and
    feed-forward (section 3.1). So `call` and `start` also take the memory, and
    the state of `step` holds its keys and values.

    Args:
        attention: a part, copied for both attentions: `MultiHeadAttention`
            of any kind. Between target and source it is what its method
            `between_sequences` returns, if it has one.
        feed_forward: a part, copied: `FeedForward` or `GatedFeedForward`.
        norm: a part, copied; see `Residual`.
        dropout: P_drop.
        normalization: `"pre"` or `"post"`, see `Residual`.

    Call arguments:
        inputs: shape `(B, T, D)`.
        memory: the encoder's output, shape `(B, S, D)`.
        inputs_mask: boolean padding mask `(B, T)`, or an attention mask
            `(B, T, T)` or `(B, H, T, T)`; the block is causal besides.
        memory_mask: boolean padding mask `(B, S)`, or an attention mask
            `(B, T, S)` or `(B, H, T, S)`.
        return_attention_scores: whether to return the scores too.

    Returns:
        Shape `(B, T, D)`; with `return_attention_scores=True` the triple of
        it, self-attention scores `(B, H, T, T)` and encoder-decoder scores
        `(B, H, T, S)`.

    Raises:
        ValueError: parts of different `model_dim`; see also the parts.

    Example:

    >>> from keras_transformer import layers
    >>> block = DecoderBlock(
    ...     layers.MultiHeadAttention(model_dim=6, num_heads=2),
    ...     layers.FeedForward(model_dim=6, feed_forward_dim=11),
    ... )
    >>> block(keras.ops.ones((3, 5, 6)), keras.ops.ones((3, 7, 6))).shape
    TensorShape([3, 5, 6])
    """

    def _attentions(self, attention):
        """See `Block`."""
        return {
            **super()._attentions(attention),
            "cross_attention": templates.between_sequences(attention),
        }

    def build(self, inputs_shape=None, memory_shape=None):
        super().build(inputs_shape)

    def call(
        self,
        inputs,
        memory,
        inputs_mask=None,
        memory_mask=None,
        training=None,
        return_attention_scores=False,
    ):
        memory_mask = implicit.both(memory, memory_mask)
        x, self_scores = self._attend_to_past(
            inputs, inputs_mask, training, return_attention_scores
        )
        x, cross_scores = self.cross_attention_residual(
            x,
            sublayer=lambda x: block.call_with_scores(
                self.cross_attention,
                x,
                memory,
                attention_mask=memory_mask,
                return_attention_scores=return_attention_scores,
            ),
            training=training,
        )
        x = self._transform(x, training)
        if return_attention_scores:
            return x, self_scores, cross_scores
        return x

    def compute_output_shape(
        self, inputs_shape, memory_shape=None, return_attention_scores=False
    ):
        outputs = super().compute_output_shape(
            inputs_shape, return_attention_scores
        )
        if not return_attention_scores:
            return outputs
        shape, self_scores = outputs
        _, cross_scores = self.cross_attention.compute_output_shape(
            shape, memory_shape, return_attention_scores=True
        )
        return shape, self_scores, cross_scores

    def start(self, memory, max_length=None):
        """Makes the state before the first step from memory (B, S, D).

        Args:
            memory: the encoder's output, shape `(B, S, D)`.
            max_length: M, the most steps that will be taken: the state then
                keeps its shape, as XLA needs. With `None` it grows.

        Returns:
            A dict of tensors, batch first; see `Decoder.start`.
        """
        before = past.start(ops.shape(memory)[0], max_length)
        return {"past": before, **self.start_kept(memory, before)}

    def step(self, inputs, position, state, memory_mask=None):
        """Computes one target position of W hypotheses, `inputs` (B, W, D).

        Args:
            inputs: shape `(B, W, D)`.
            position: the position of it, a scalar, counted from 0.
            state: what `start` or the step before returned.
            memory_mask: boolean padding mask `(B, S)`.

        Returns:
            The pair (output `(B, W, D)`, the state of the next step).

        Raises:
            ValueError: outside of a graph, a position or a number of rows
                that the state is not of.
        """
        now = past.take_step(state["past"], inputs, position)
        x, kept, _ = self.stepper()(inputs, now, state, memory_mask)
        return x, {"past": now.past, **kept}

    def start_kept(self, memory, before):
        """Keys and values, of the memory and of the past, which is empty.

        Args:
            memory: shape `(B, S, D)`.
            before: of `past.start`.

        Returns:
            A dict of two pairs, key and value: those of the `"memory"`,
            `(B, N, S, K)`, and room for the `"target"`'s, `(B, N, M, K)`.
        """
        kept = super().start_kept(ops.shape(memory)[0], before)
        return {"memory": self.cross_attention.project_memory(memory), **kept}

    def stepper(self):
        """Makes a function for many steps of a past that all blocks share.

        Returns:
            A function of inputs `(B, W, D)`, the `Step` that `past.take_step`
            made, what is kept, of `start_kept` or the step before, and the
            memory's padding mask `(B, S)` or `None`. It returns the triple
            of the output `(B, W, D)`, what is kept for the next step, and
            encoder-decoder scores `(B, H, W, S)`.
        """
        attend_to_past = self._stepper_of_past()

        def step(inputs, now, kept, memory_mask):
            x, target, _ = attend_to_past(inputs, now, kept["target"])
            x, scores = self.cross_attention_residual(
                x,
                sublayer=lambda x: self.cross_attention.attend(
                    x, *kept["memory"], memory_mask
                ),
                training=False,
            )
            x = self._transform(x, training=False)
            return x, {"memory": kept["memory"], "target": target}, scores

        return step
