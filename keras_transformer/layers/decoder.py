"""The decoder: target embeddings and memory to outputs (section 3.1).

B batch   T target length   S source length   D model_dim   H heads
L layers   W hypotheses of a row
"""

import keras
from keras import ops

from keras_transformer.layers import decoder_block, implicit, past, stack


@keras.saving.register_keras_serializable("keras_transformer")
class Decoder(stack.Stack):
    """A stack of decoder blocks, for whole sequences and step by step.

    Adds positions to the embeddings, drops units of the sum (section 5.4),
    and with `normalization="pre"` ends with one more norm.

    Args:
        num_layers: L, N in the paper.
        attention: a part, copied for each block, see `DecoderBlock`.
        feed_forward: a part, copied for each block: `FeedForward` or
            `GatedFeedForward`.
        norm: a part, copied; layer normalization, epsilon 1e-6, if `None`.
        dropout: P_drop.
        normalization: `"pre"` or `"post"`, see `Residual`.
        positions: a part, copied: `SinusoidalPositions` or
            `LearnedPositions`; `None` adds nothing.

    Call arguments:
        inputs: embeddings, shape `(B, T, D)`.
        memory: the encoder's output, shape `(B, S, D)`.
        inputs_mask: boolean padding mask `(B, T)`, or an attention mask
            `(B, T, T)` or `(B, H, T, T)`; the decoder is causal besides.
        memory_mask: boolean padding mask `(B, S)`, or an attention mask
            `(B, T, S)` or `(B, H, T, S)`.
        return_attention_scores: whether to return the scores too.

    Returns:
        Shape `(B, T, D)`; with `return_attention_scores=True` the triple of
        it, self-attention scores `(B, L, H, T, T)` and encoder-decoder
        scores `(B, L, H, T, S)`.

    Raises:
        ValueError: no layers, or parts of different `model_dim`; see also
            the parts.

    Example:

    >>> from keras_transformer import layers
    >>> decoder = Decoder(
    ...     3,
    ...     layers.MultiHeadAttention(model_dim=6, num_heads=2),
    ...     layers.FeedForward(model_dim=6, feed_forward_dim=11),
    ... )
    >>> decoder(keras.ops.ones((2, 5, 6)), keras.ops.ones((2, 7, 6))).shape
    TensorShape([2, 5, 6])
    """

    block_class = decoder_block.DecoderBlock

    def call(
        self,
        inputs,
        memory,
        inputs_mask=None,
        memory_mask=None,
        training=None,
        return_attention_scores=False,
    ):
        inputs_mask = implicit.both(inputs, inputs_mask)
        memory_mask = implicit.both(memory, memory_mask)
        x = self.enter(inputs, mask=inputs_mask, training=training)
        scores = []
        for block in self.blocks:
            outputs = block(
                x,
                memory,
                inputs_mask=inputs_mask,
                memory_mask=memory_mask,
                training=training,
                return_attention_scores=return_attention_scores,
            )
            x, *block_scores = outputs if return_attention_scores else [outputs]
            scores.append(block_scores)
        outputs = self.final_norm(x)
        if not return_attention_scores:
            return outputs
        self_scores, cross_scores = zip(*scores, strict=True)
        return (
            outputs,
            ops.stack(self_scores, axis=1),
            ops.stack(cross_scores, axis=1),
        )

    def compute_output_shape(
        self, inputs_shape, memory_shape=None, return_attention_scores=False
    ):
        block = self.blocks[0].compute_output_shape(
            inputs_shape, memory_shape, return_attention_scores
        )
        if not return_attention_scores:
            return block
        shape, *scores = block
        return (
            shape,
            *(stack.of_all_layers(some, self.blocks) for some in scores),
        )

    def start(self, memory, max_length=None):
        """Makes the state before the first step, of one hypothesis a row.

        Args:
            memory: the encoder's output, shape `(B, S, D)`.
            max_length: M, the most steps that will be taken: the state then
                keeps its shape, as XLA needs. With `None` it grows with each
                step, and no step reads what is not there yet.

        Returns:
            A dict of tensors, batch first: `"past"`, which all blocks share,
            and `"blocks"`, keys and values of each.

        Raises:
            ValueError: `max_length` is below 1.
        """
        if not self.built:
            self.build()
        before = past.start(ops.shape(memory)[0], max_length)
        blocks = tuple(
            block.start_kept(memory, before) for block in self.blocks
        )
        return {"past": before, "blocks": blocks}

    def step(self, inputs, position, state, memory_mask=None):
        """Computes one target position of W hypotheses.

        Args:
            inputs: their embeddings at `position`, shape `(B, W, D)`, W being
                1 unless the state was widened.
            position: a scalar, counted from 0.
            state: what `start` or the step before returned.
            memory_mask: boolean padding mask `(B, S)`.

        Returns:
            The pair (output `(B, W, D)`, the state of the next step).

        Raises:
            ValueError: outside of a graph, a position or a number of rows
                that the state is not of.
        """
        return self.stepper()(inputs, position, state, memory_mask)[:2]

    def stepper(self):
        """Makes a function for many steps: what they share is computed once.

        Returns:
            A function like `step` that returns, thirdly, encoder-decoder
            scores `(B, L, H, W, S)`.
        """
        if not self.built:
            self.build()
        steps = [block.stepper() for block in self.blocks]

        def step(inputs, position, state, memory_mask=None):
            now = past.take_step(state["past"], inputs, position)
            # The hypotheses of a row are at one position, not at W of them.
            x = ops.reshape(inputs, (-1, 1, self.model_dim))
            x = self.enter(x, start=position, training=False)
            x = ops.reshape(x, now.shape(self.model_dim))
            blocks, scores = [], []
            for take, kept in zip(steps, state["blocks"], strict=True):
                x, kept, block_scores = take(x, now, kept, memory_mask)
                blocks.append(kept)
                scores.append(block_scores)
            outputs = self.final_norm(x)
            state = {"past": now.past, "blocks": tuple(blocks)}
            return outputs, state, ops.stack(scores, axis=1)

        return step

    def widen(self, state, width):
        """Makes `width` hypotheses of each, which stand side by side."""
        return {
            "past": past.widen(state["past"], width),
            "blocks": _change_target(
                state["blocks"], lambda kept: past.widen_kept(kept, width)
            ),
        }

    def select(self, state, parents):
        """Lets hypothesis w of row b continue hypothesis `parents[b, w]`.

        Keys and values stay where they are; only the table of ancestors
        changes.
        """
        return {**state, "past": past.select(state["past"], parents)}

    def shapes(self, state):
        """Shapes of the state that hold at every step, `None` what varies."""
        before = state["past"]
        blocks = tuple(
            {name: tuple(tuple(x.shape) for x in kept[name]) for name in kept}
            for kept in state["blocks"]
        )
        return {
            "past": before._replace(
                ancestors=before.shape_at_all_steps(before.ancestors.shape)
            ),
            "blocks": _change_target(blocks, before.shape_at_all_steps),
        }


def _change_target(blocks, change):
    """Changes the keys and values of the target, not those of the memory."""
    return tuple(
        {**kept, "target": tuple(change(x) for x in kept["target"])}
        for kept in blocks
    )
