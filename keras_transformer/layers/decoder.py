"""The decoder, from target embeddings and memory to outputs (section 3.1).

B batch   T target length   S source length   D model_dim   H heads
L layers   M positions in the cache   W hypotheses of a row
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_transformer.layers import (
    decoder_block,
    implicit,
    past,
    segments,
    stack,
)
from keras_transformer.layers.typing import Shape, Tensor


@keras.saving.register_keras_serializable("keras_transformer")
class Decoder(stack.Stack):
    """A stack of decoder blocks, for whole sequences and for decoding steps.

    Before the blocks, the decoder adds positions to the embeddings and applies
    dropout to the sum (section 5.4). With `normalization="pre"` there is one
    more norm after the blocks.

    Args:
        num_layers: L, the number of blocks, N in the paper.
        attention: a template, see `DecoderBlock`. Each block has two copies.
        feed_forward: a template: `FeedForward` or `GatedFeedForward`. Each
            block has a copy.
        norm: a template; `None` means layer normalization, epsilon 1e-6.
        dropout: the dropout rate, P_drop.
        normalization: `"pre"`: norms before sublayers; `"post"`: after them.
        positions: a template: `SinusoidalPositions`, `LearnedPositions` or
            `NormalizedPositions`; with `None` no positions are added.

    Call arguments:
        inputs: embeddings, shape `(B, T, D)`.
        memory: the encoder's output, shape `(B, S, D)`.
        inputs_mask: boolean padding mask `(B, T)`, or an attention mask
            `(B, T, T)` or `(B, H, T, T)`; `None` for no mask. Self-attention is
            always causal.
        memory_mask: boolean padding mask `(B, S)`, or an attention mask
            `(B, T, S)` or `(B, H, T, S)`; `None` for no mask. Masks that Keras
            attached to `inputs` and `memory` are used too.
        training: whether to apply dropout; `None` as in Keras.
        return_attention_scores: whether to return the scores too.
        segment_ids: integers `(B, T)` that say which sentence of its row a
            token belongs to, see `layers.segments`; `None` if each row is one
            sentence.
        memory_segment_ids: integers `(B, S)`, the segment ids of the memory;
            given if and only if `segment_ids` are given.

    Returns:
        Output, shape `(B, T, D)`; with `return_attention_scores=True` the
        triple of the output, self-attention scores `(B, L, H, T, T)` and
        encoder-decoder scores `(B, L, H, T, S)`.

    Raises:
        ValueError: `num_layers` is not a positive int, a template is of the
            wrong kind, the templates differ in `model_dim`, the inputs or a
            mask have another shape, or only one of the two arguments with
            segment ids is given; or a sublayer raises this error.

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
        inputs: Tensor,
        memory: Tensor,
        inputs_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        segment_ids: Tensor | None = None,
        memory_segment_ids: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        inputs_mask = segments.restrict(
            implicit.both(inputs, inputs_mask), segment_ids, segment_ids
        )
        memory_mask = segments.restrict(
            implicit.both(memory, memory_mask), segment_ids, memory_segment_ids
        )
        x = self.enter(
            inputs,
            mask=inputs_mask,
            training=training,
            segment_ids=segment_ids,
        )
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
        self,
        inputs_shape: Shape,
        memory_shape: Shape | None = None,
        return_attention_scores: bool = False,
    ) -> Shape | tuple[Shape, Shape, Shape]:
        outputs = self.blocks[0].compute_output_shape(
            inputs_shape, memory_shape, return_attention_scores
        )
        if not return_attention_scores:
            return outputs
        shape, self_scores, cross_scores = outputs
        return (
            shape,
            stack.stacked_shape(self_scores, self.blocks),
            stack.stacked_shape(cross_scores, self.blocks),
        )

    def start(
        self, memory: Tensor, max_length: Tensor | None = None
    ) -> dict[str, Any]:
        """Makes the state before the first step, with one hypothesis per row.

        Args:
            memory: the encoder's output, shape `(B, S, D)`.
            max_length: M, the maximum number of steps, an int or a scalar
                tensor. With M, the state has a fixed shape, as XLA needs. With
                `None`, the state grows with each step.

        Returns:
            A dict of nested tuples and dicts of tensors, batch axis first:
            `"past"`, which all blocks share, and `"blocks"`, a tuple with the
            cached keys and values of each block, see
            `DecoderBlock.start_cache`.

        Raises:
            ValueError: `memory` has another shape, or `max_length` is below 1.
                A value that is known only when a graph runs is not checked.
        """
        if not self.built:
            self.build()
        empty_past = past.start(ops.shape(memory)[0], max_length)
        blocks = tuple(
            block.start_cache(memory, empty_past) for block in self.blocks
        )
        return {"past": empty_past, "blocks": blocks}

    def step(
        self,
        inputs: Tensor,
        position: Tensor,
        state: dict[str, Any],
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Any]]:
        """Computes the output at one position, for W hypotheses of each row.

        Args:
            inputs: the embeddings of all hypotheses at `position`, shape
                `(B, W, D)`; W is 1 unless the state was widened.
            position: the position of the inputs, a scalar, counted from 0.
            state: the state that `start` or the previous step returned.
            memory_mask: boolean padding mask `(B, S)`; `None` for no padding.

        Returns:
            The pair (output `(B, W, D)`, the state for the next step).

        Raises:
            ValueError: the position, or the number of rows or hypotheses, does
                not fit the state. Values that are known only when a graph runs
                are not checked.
        """
        output, state, _ = self.stepper()(inputs, position, state, memory_mask)
        return output, state

    def stepper(self) -> Callable[..., tuple[Tensor, dict[str, Any], Tensor]]:
        """Makes a function to call at each step.

        In each block, the matrices of query, key and value of self-attention
        are put side by side once, when the function is made. Quantized matrices
        are not, see `MultiHeadAttention.stepper`.

        Returns:
            A function with the arguments of `step`. It returns the output,
            the state for the next step, and encoder-decoder scores
            `(B, L, H, W, S)`.
        """
        if not self.built:
            self.build()
        block_steps = [block.stepper() for block in self.blocks]

        def step(inputs, position, state, memory_mask=None):
            current = past.take_step(state["past"], inputs, position)
            # `enter` counts positions along axis 1, but all hypotheses are at
            # the same position. So axis 1 gets the size 1 here.
            x = ops.reshape(inputs, (-1, 1, self.model_dim))
            x = self.enter(x, start=position, training=False)
            x = ops.reshape(x, current.shape(self.model_dim))
            caches, scores = [], []
            for take_step, cache in zip(
                block_steps, state["blocks"], strict=True
            ):
                x, cache, block_scores = take_step(
                    x, current, cache, memory_mask
                )
                caches.append(cache)
                scores.append(block_scores)
            outputs = self.final_norm(x)
            state = {"past": current.past, "blocks": tuple(caches)}
            return outputs, state, ops.stack(scores, axis=1)

        return step

    def widen(self, state: dict[str, Any], width: int) -> dict[str, Any]:
        """Returns a state with `width` adjacent copies of each hypothesis.

        Raises:
            ValueError: `width` is below 1.
        """
        return {
            "past": past.widen(state["past"], width),
            "blocks": _map_target(
                state["blocks"], lambda x: past.widen_cached(x, width)
            ),
        }

    def select(self, state: dict[str, Any], parents: Tensor) -> dict[str, Any]:
        """Lets hypothesis w of row b continue hypothesis `parents[b, w]`.

        `parents[b, w]` is the index of a hypothesis of the same row. Only the
        table of ancestors changes, see `layers.past`: no keys and values are
        moved.

        Raises:
            ValueError: the shape of `parents` is not `(B, W)`.
        """
        return {**state, "past": past.select(state["past"], parents)}

    def shapes(self, state: dict[str, Any]) -> dict[str, Any]:
        """Returns the shapes of the tensors of a state.

        The shapes are nested like the tensors. A size that grows at each step,
        or is not known, is `None`.
        """
        current = state["past"]
        shapes = tuple(
            {name: tuple(tuple(x.shape) for x in cache[name]) for name in cache}
            for cache in state["blocks"]
        )
        return {
            "past": current._replace(
                ancestors=current.shape_at_all_steps(current.ancestors.shape)
            ),
            "blocks": _map_target(shapes, current.shape_at_all_steps),
        }


def _map_target(caches, function):
    """Applies a function to the target's keys and values in each cache."""
    return tuple(
        {**cache, "target": tuple(function(x) for x in cache["target"])}
        for cache in caches
    )
