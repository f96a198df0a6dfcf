"""One block of the decoder, for whole sequences and for decoding steps.

B batch   T target length   S source length   D model_dim   H heads
K head_dim   N key-value heads   M positions in the cache
W hypotheses of a row
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_transformer.layers import (
    block,
    causal_frame,
    implicit,
    past,
    templates,
)
from keras_transformer.layers.typing import Shape, Tensor


@keras.saving.register_keras_serializable("keras_transformer")
class DecoderBlock(causal_frame.CausalFrame):
    """A block of two attentions and a feed-forward network.

    The sublayers are causal self-attention, encoder-decoder attention and the
    network, each in a residual connection (section 3.1). For decoding steps,
    `start` caches the keys and values of the memory.

    Args:
        attention: a template for both attentions: `MultiHeadAttention` with
            any settings. If it has a method `between_sequences`, the result
            of this method is the template of the encoder-decoder attention.
        feed_forward: a template: `FeedForward` or `GatedFeedForward`.
        norm: a template; `None` means layer normalization, epsilon 1e-6.
        dropout: the dropout rate, P_drop.
        normalization: `"pre"` for a norm before each sublayer, `"post"` for a
            norm after each residual connection.

    Call arguments:
        inputs: shape `(B, T, D)`.
        memory: the encoder's output, shape `(B, S, D)`.
        inputs_mask: boolean padding mask `(B, T)`, or an attention mask
            `(B, T, T)` or `(B, H, T, T)`; `None` for no mask. Self-attention is
            always causal.
        memory_mask: boolean padding mask `(B, S)`, or an attention mask
            `(B, T, S)` or `(B, H, T, S)`; `None` for no mask. Masks that Keras
            attached to `inputs` and `memory` are used too.
        training: whether to apply dropout; `None` as in Keras.
        return_attention_scores: whether to return the scores too.

    Returns:
        Output, shape `(B, T, D)`; with `return_attention_scores=True` the
        triple of the output, self-attention scores `(B, H, T, T)` and
        encoder-decoder scores `(B, H, T, S)`.

    Raises:
        ValueError: a template is a layer of another kind, the templates differ
            in `model_dim`, a mask does not fit, or a sublayer raises this
            error.

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
        return {
            **super()._attentions(attention),
            "cross_attention": templates.between_sequences(attention),
        }

    def build(
        self,
        inputs_shape: Shape | None = None,
        memory_shape: Shape | None = None,
    ) -> None:
        super().build(inputs_shape)

    def call(
        self,
        inputs: Tensor,
        memory: Tensor,
        inputs_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        memory_mask = implicit.both(memory, memory_mask)
        x, self_scores = self._self_attend(
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
        self,
        inputs_shape: Shape,
        memory_shape: Shape | None = None,
        return_attention_scores: bool = False,
    ) -> Shape | tuple[Shape, Shape, Shape]:
        outputs = self._output_shape(inputs_shape, return_attention_scores)
        if not return_attention_scores:
            return outputs
        shape, self_scores = outputs
        _, cross_scores = self.cross_attention.compute_output_shape(
            shape, memory_shape, return_attention_scores=True
        )
        return shape, self_scores, cross_scores

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
            A dict of nested tuples of tensors, batch axis first: `"past"` and
            the entries that `start_cache` returns.

        Raises:
            ValueError: `memory` has another shape, or `max_length` is below 1.
                A value that is known only when a graph runs is not checked.
        """
        empty_past = past.start(ops.shape(memory)[0], max_length)
        return {"past": empty_past, **self.start_cache(memory, empty_past)}

    def step(
        self,
        inputs: Tensor,
        position: Tensor,
        state: dict[str, Any],
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Any]]:
        """Computes the output of `call` at one position, for W hypotheses.

        Args:
            inputs: the vectors of all hypotheses at `position`, shape
                `(B, W, D)`. W is 1 after `start`; `Decoder.widen` shows how to
                change the state for a larger W.
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
        current = past.take_step(state["past"], inputs, position)
        x, cache, _ = self.stepper()(inputs, current, state, memory_mask)
        return x, {"past": current.past, **cache}

    def start_cache(
        self, memory: Tensor, empty_past: past.Past
    ) -> dict[str, Any]:
        """Makes the cache of keys and values before the first step.

        Args:
            memory: shape `(B, S, D)`.
            empty_past: the result of `past.start`.

        Returns:
            A dict of two pairs. `"memory"` has the keys and the values of the
            memory, each `(B, N, S, K)`. `"target"` has empty slots for the
            keys and for the values of the target, each `(B, N, M, K)`; M is 0
            if the past grows.
        """
        target = self._empty_cache(ops.shape(memory)[0], empty_past)
        return {
            "memory": self.cross_attention.project_memory(memory),
            "target": target,
        }

    def stepper(self) -> Callable[..., tuple[Tensor, dict[str, Any], Tensor]]:
        """Makes a function to call at each step.

        The function does not advance the `past.Past`, the table of the slots
        that each hypothesis reads. All blocks of a stack share this table, so
        the caller calls `past.take_step` once for all blocks. The keys and
        values are in the cache. Each block has its own cache.

        Returns:
            A function of inputs `(B, W, D)`, a `Step` from `past.take_step`,
            the cache (from `start_cache` or the previous step), and the
            memory's padding mask `(B, S)` or `None`. It returns the triple
            of the output `(B, W, D)`, the cache for the next step, and
            encoder-decoder scores `(B, H, W, S)`.
        """
        self_attend = self._self_attention_stepper()

        def step(inputs, current, cache, memory_mask):
            x, target, _ = self_attend(inputs, current, cache["target"])
            keys, values = cache["memory"]
            x, scores = self.cross_attention_residual(
                x,
                sublayer=lambda x: self.cross_attention.attend(
                    x, keys, values, memory_mask
                ),
                training=False,
            )
            x = self._transform(x, training=False)
            return x, {"memory": cache["memory"], "target": target}, scores

        return step
