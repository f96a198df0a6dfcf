"""One block of the decoder, for whole sequences and step by step.

B batch   T target length   S source length   D model_dim   H heads
K head_dim   N key-value heads   M positions kept while decoding   W hypotheses
of a row
"""

from typing import NamedTuple

import keras
from keras import ops

from keras_transformer.layers import (
    composite,
    encoder,
    implicit,
    masks,
    parts,
    past,
    residual,
)


@keras.saving.register_keras_serializable("keras_transformer")
class DecoderBlock(composite.Composite):
    """Causal self-attention, encoder-decoder attention, feed-forward.

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
            "attention": parts.template_of(attention),
            "feed_forward": parts.template_of(feed_forward),
            "norm": parts.template_of(norm),
            "dropout": dropout,
            "normalization": normalization,
        }
        self.model_dim = parts.shared_model_dim(attention, feed_forward)

        def in_residual(name):
            return residual.Residual(
                self.model_dim,
                dropout,
                normalization,
                norm,
                dtype=self.dtype_policy,
                trainable=self.trainable,
                name=name,
            )

        self.self_attention = parts.copy_into(self, attention, "self_attention")
        parts.check_attention(self.self_attention)
        self.self_attention_residual = in_residual("self_attention_residual")
        self.cross_attention = parts.copy_into(
            self, parts.between_sequences(attention), "cross_attention"
        )
        self.cross_attention_residual = in_residual("cross_attention_residual")
        self.feed_forward = parts.copy_into(self, feed_forward, "feed_forward")
        self.feed_forward_residual = in_residual("feed_forward_residual")

    def build(self, inputs_shape=None, memory_shape=None):
        composite.build_all(
            self.self_attention,
            self.self_attention_residual,
            self.cross_attention,
            self.cross_attention_residual,
            self.feed_forward,
            self.feed_forward_residual,
        )
        self.built = True

    def call(
        self,
        inputs,
        memory,
        inputs_mask=None,
        memory_mask=None,
        training=None,
        return_attention_scores=False,
    ):
        length = inputs.shape[1]
        masks.check_fits(inputs_mask, inputs.shape[0], None, length, length)
        inputs_mask = implicit.both(inputs, inputs_mask)
        memory_mask = implicit.both(memory, memory_mask)
        # Keras hands on what is attached to the inputs; now that is all.
        inputs = implicit.attach(inputs, masks.attended_keys(inputs_mask))
        causal = masks.combine_masks(
            masks.causal_mask(ops.shape(inputs)[1]), inputs_mask
        )
        x, self_scores, cross_scores = self._apply(
            inputs,
            self_attend=lambda x: encoder.attend(
                self.self_attention,
                x,
                attention_mask=causal,
                return_attention_scores=return_attention_scores,
            ),
            cross_attend=lambda x: encoder.attend(
                self.cross_attention,
                x,
                memory,
                attention_mask=memory_mask,
                return_attention_scores=return_attention_scores,
            ),
            training=training,
        )
        if return_attention_scores:
            return x, self_scores, cross_scores
        return x

    def compute_output_shape(
        self, inputs_shape, memory_shape=None, return_attention_scores=False
    ):
        shape = (*inputs_shape[:-1], self.model_dim)
        if not return_attention_scores:
            return shape
        _, self_scores = self.self_attention.compute_output_shape(
            shape, return_attention_scores=True
        )
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
        now = take_step(state["past"], inputs, position)
        kept = {name: state[name] for name in state if name != "past"}
        x, kept, _ = self.stepper()(inputs, now, kept, memory_mask)
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
        if not self.built:
            self.build()
        key, value = self.cross_attention.project_memory(memory)
        batch_size, heads, _, head_dim = ops.shape(key)
        room = ops.shape(before.ancestors)[2]
        empty = ops.zeros((batch_size, heads, room, head_dim), dtype=key.dtype)
        return {"memory": (key, value), "target": (empty, empty)}

    def stepper(self):
        """Makes a function for many steps of a past that all blocks share.

        Returns:
            A function of inputs `(B, W, D)`, the `Step` that `take_step`
            made, what is kept, of `start_kept` or the step before, and the
            memory's padding mask `(B, S)` or `None`. It returns the triple
            of the output `(B, W, D)`, what is kept for the next step, and
            encoder-decoder scores `(B, H, W, S)`.
        """
        if not self.built:
            self.build()
        attend_to_target = self.self_attention.stepper()

        def step(inputs, now, kept, memory_mask):
            target = []

            def keep(*heads):
                target.extend(
                    now.past.write(before, new, now.position)
                    for before, new in zip(kept["target"], heads, strict=True)
                )
                return target

            x, _, scores = self._apply(
                inputs,
                self_attend=lambda x: attend_to_target(
                    x, keep, now.bias, now.positions
                ),
                cross_attend=lambda x: self.cross_attention.attend(
                    x, *kept["memory"], memory_mask
                ),
                training=False,
            )
            new = {"memory": kept["memory"], "target": tuple(target)}
            return x, new, scores

        return step

    def get_config(self):
        return {**super().get_config(), **parts.plain_copy(self._settings)}

    def _apply(self, x, self_attend, cross_attend, training):
        """The three sub-layers, for a whole sequence or for one position."""
        x, self_scores = self.self_attention_residual(
            x, sublayer=self_attend, training=training
        )
        x, cross_scores = self.cross_attention_residual(
            x, sublayer=cross_attend, training=training
        )
        x, _ = self.feed_forward_residual(
            x,
            sublayer=lambda x: (self.feed_forward(x), None),
            training=training,
        )
        return x, self_scores, cross_scores


class Step(NamedTuple):
    """What all blocks share at one step.

    position: int32 scalar.
    past: the past, this position included.
    bias: what forbids places, `(B, 1, W, M W)`, or `None`.
    positions: of the inputs, `(1,)`, and of all places kept, `(M W,)`.
    """

    position: object
    past: object
    bias: object
    positions: tuple

    def shape(self, model_dim):
        """The shape of inputs, (B, W, D), with -1 for an unknown B."""
        batch_size, width = self.past.ancestors.shape[:2]
        return (-1 if batch_size is None else batch_size, width, model_dim)


def take_step(before, inputs, position):
    """Makes the `Step` of inputs (B, W, D) at `position`.

    Raises:
        ValueError: outside of a graph, a position that the past has no room
            for, or other rows or hypotheses than the past is of.
    """
    before.check(position)
    expected = tuple(before.ancestors.shape[:2])
    received = tuple(inputs.shape[:2])
    if any(
        None not in pair and pair[0] != pair[1]
        for pair in zip(expected, received, strict=True)
    ):
        raise ValueError(
            f"The state is of {expected[0]} rows, {expected[1]} hypotheses "
            f"each. Received: inputs of {received[0]} rows, {received[1]} "
            "each. Start with as many sources, and widen or gather the state."
        )
    position = ops.cast(position, "int32")
    now = before.advance(position)
    width, length = ops.shape(now.ancestors)[1:]
    places = ops.repeat(ops.arange(length, dtype="int32"), width)
    positions = (ops.reshape(position, (1,)), places)
    return Step(position, now, now.bias(position), positions)
