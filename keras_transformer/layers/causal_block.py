"""A block of a language model, for whole sequences and for decoding steps.

B batch   T length   D model_dim   H heads   K head_dim   N key-value heads
M positions in the cache   W hypotheses of a row

In a shape, `M W` is one size, M times W.
"""

from collections.abc import Callable
from typing import Any

import keras

from keras_transformer.layers import causal_frame, past
from keras_transformer.layers.typing import Shape, Tensor


@keras.saving.register_keras_serializable("keras_transformer")
class CausalBlock(causal_frame.CausalFrame):
    """Causal self-attention, then feed-forward, each in a residual connection.

    It is a `DecoderBlock` without encoder-decoder attention.

    Args:
        attention: a template, `MultiHeadAttention` with any settings.
        feed_forward: a template, `FeedForward` or `GatedFeedForward`.
        norm: a template; `None` means layer normalization, epsilon 1e-6.
        dropout: the dropout rate, P_drop.
        normalization: `"pre"` for a norm before each sublayer, `"post"` for a
            norm after each residual connection.

    Call arguments:
        inputs: shape `(B, T, D)`.
        mask: boolean padding mask `(B, T)`, True at real positions, or an
            attention mask `(B, T, T)` or `(B, H, T, T)`; `None` for no mask. A
            mask that Keras attached to `inputs` is used too. Self-attention is
            always causal.
        training: whether to apply dropout; `None` as in Keras.
        return_attention_scores: whether to return the scores too.

    Returns:
        Output, shape `(B, T, D)`; with `return_attention_scores=True` the
        pair of the output and the scores `(B, H, T, T)`.

    Raises:
        ValueError: a template is a layer of another kind, the templates differ
            in `model_dim`, a mask does not fit, or a sublayer raises this
            error.

    Example:

    >>> from keras_transformer import layers
    >>> block = CausalBlock(
    ...     layers.MultiHeadAttention(model_dim=6, num_heads=2),
    ...     layers.FeedForward(model_dim=6, feed_forward_dim=11),
    ... )
    >>> inputs = keras.ops.ones((3, 5, 6))
    >>> block(inputs).shape
    TensorShape([3, 5, 6])
    >>> state = block.start(batch_size=3)
    >>> output, state = block.step(inputs[:, :1], 0, state)
    >>> output.shape
    TensorShape([3, 1, 6])
    """

    def call(
        self,
        inputs: Tensor,
        mask: Tensor | None = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        x, scores = self._self_attend(
            inputs, mask, training, return_attention_scores
        )
        x = self._transform(x, training)
        return (x, scores) if return_attention_scores else x

    def compute_output_shape(
        self, inputs_shape: Shape, return_attention_scores: bool = False
    ) -> Shape | tuple[Shape, Shape]:
        return self._output_shape(inputs_shape, return_attention_scores)

    def start(
        self, batch_size: Tensor, max_length: Tensor | None = None
    ) -> dict[str, Any]:
        """Makes the state before the first step, with one hypothesis per row.

        Args:
            batch_size: B, an int or a scalar tensor.
            max_length: M, the maximum number of steps, an int or a scalar
                tensor. With M, the state has a fixed shape, as XLA needs. With
                `None`, the state grows with each step.

        Returns:
            A dict of nested tuples of tensors, batch axis first: `"past"` and
            the entries that `start_cache` returns.

        Raises:
            ValueError: `max_length` is below 1. A value that is known only when
                a graph runs is not checked.
        """
        empty_past = past.start(batch_size, max_length)
        return {
            "past": empty_past,
            **self.start_cache(batch_size, empty_past),
        }

    def step(
        self, inputs: Tensor, position: Tensor, state: dict[str, Any]
    ) -> tuple[Tensor, dict[str, Any]]:
        """Computes the output of `call` at one position, for W hypotheses.

        Args:
            inputs: the vectors of all hypotheses at `position`, shape
                `(B, W, D)`. W is 1 after `start`; `Decoder.widen` shows how to
                change the state for a larger W.
            position: the position of the inputs, a scalar, counted from 0.
            state: the state that `start` or the previous step returned.

        Returns:
            The pair (output `(B, W, D)`, the state for the next step).

        Raises:
            ValueError: the position, or the number of rows or hypotheses, does
                not fit the state. Values that are known only when a graph runs
                are not checked.
        """
        current = past.take_step(state["past"], inputs, position)
        x, cache, _ = self.stepper()(inputs, current, state)
        return x, {"past": current.past, **cache}

    def start_cache(
        self, batch_size: Tensor, empty_past: past.Past
    ) -> dict[str, Any]:
        """Makes the cache of keys and values before the first step.

        Args:
            batch_size: B, an int or a scalar tensor.
            empty_past: the result of `past.start`.

        Returns:
            A dict with the entry `"target"`: the pair of empty slots for keys
            and empty slots for values, each `(B, N, M, K)`; M is 0 if the
            past grows.
        """
        return {"target": self._empty_cache(batch_size, empty_past)}

    def stepper(self) -> Callable[..., tuple[Tensor, dict[str, Any], Tensor]]:
        """Makes a function to call at each step.

        The function does not advance the `past.Past`, the table of the slots
        that each hypothesis reads. All blocks of a stack share this table, so
        the caller calls `past.take_step` once for all blocks. The keys and
        values are in the cache. Each block has its own cache.

        Returns:
            A function of inputs `(B, W, D)`, a `Step` from `past.take_step`,
            and the cache (from `start_cache` or the previous step). It
            returns the triple of the output `(B, W, D)`, the cache for the
            next step, and attention scores `(B, H, W, M W)` over all slots.
        """
        self_attend = self._self_attention_stepper()

        def step(inputs, current, cache):
            x, target, scores = self_attend(inputs, current, cache["target"])
            x = self._transform(x, training=False)
            return x, {"target": target}, scores

        return step
