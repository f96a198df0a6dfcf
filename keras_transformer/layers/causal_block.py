"""A block that reads what came before, for whole sequences and step by step.

B batch   T length   D model_dim   H heads   K head_dim   N key-value heads
M positions kept while decoding   W hypotheses of a row
"""

import keras
from keras import ops

from keras_transformer.layers import block, implicit, masks, past


@keras.saving.register_keras_serializable("keras_transformer")
class CausalBlock(block.Block):
    """Causal self-attention, then feed-forward, as in the paper's decoder.

    What decoders have in common: each position reads itself and those before
    it (section 3.2.3), in a language model as in a translator, whose
    `DecoderBlock` reads the source too. Step by step, keys and values of the
    past are kept, see `layers.past`.

    Args:
        attention: a part, copied: `MultiHeadAttention` of any kind.
        feed_forward: a part, copied: `FeedForward` or `GatedFeedForward`.
        norm: a part, copied; see `Residual`.
        dropout: P_drop.
        normalization: `"pre"` or `"post"`, see `Residual`.

    Call arguments:
        inputs: shape `(B, T, D)`.
        mask: boolean padding mask `(B, T)`, True at real positions, or an
            attention mask `(B, T, T)` or `(B, H, T, T)`; the block is causal
            besides.
        return_attention_scores: whether to return the scores too.

    Returns:
        Shape `(B, T, D)`; with `return_attention_scores=True` the pair of it
        and the scores `(B, H, T, T)`.

    Raises:
        ValueError: parts of different `model_dim`, or a mask that does not
            fit; see also the parts.

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

    def _attentions(self, attention):
        """See `Block`."""
        return {"self_attention": attention}

    def call(
        self, inputs, mask=None, training=None, return_attention_scores=False
    ):
        x, scores = self._attend_to_past(
            inputs, mask, training, return_attention_scores
        )
        x = self._transform(x, training)
        return (x, scores) if return_attention_scores else x

    def start(self, batch_size, max_length=None):
        """Makes the state before the first step.

        Args:
            batch_size: B, an int or a scalar tensor.
            max_length: M, the most steps that will be taken: the state then
                keeps its shape, as XLA needs. With `None` it grows.

        Returns:
            A dict of tensors, batch first: the `"past"`, and what
            `start_kept` makes.

        Raises:
            ValueError: `max_length` is below 1.
        """
        before = past.start(batch_size, max_length)
        return {"past": before, **self.start_kept(batch_size, before)}

    def step(self, inputs, position, state):
        """Computes one position of W hypotheses, as a call of the whole does.

        Args:
            inputs: shape `(B, W, D)`.
            position: the position of it, a scalar, counted from 0.
            state: what `start` or the step before returned.

        Returns:
            The pair (output `(B, W, D)`, the state of the next step).

        Raises:
            ValueError: outside of a graph, a position or a number of rows
                that does not fit the state.
        """
        now = past.take_step(state["past"], inputs, position)
        x, kept, _ = self.stepper()(inputs, now, state)
        return x, {"past": now.past, **kept}

    def start_kept(self, batch_size, before):
        """Keys and values of the past, which is empty.

        Args:
            batch_size: B, an int or a scalar tensor.
            before: of `past.start`.

        Returns:
            A dict: under `"target"` the pair of room for keys and for values,
            `(B, N, M, K)`.
        """
        if not self.built:
            self.build()
        # Zero positions are projected, to learn the shape and the dtype.
        nothing = ops.zeros(
            (batch_size, 0, self.model_dim), dtype=self.compute_dtype
        )
        heads = self.self_attention.project_memory(nothing)
        return {"target": tuple(past.room(before, some) for some in heads)}

    def stepper(self):
        """Makes a function for many steps of a past that all blocks share.

        Returns:
            A function of inputs `(B, W, D)`, the `Step` that `past.take_step`
            made, and what is kept, of `start_kept` or the step before. It
            returns the triple of the output `(B, W, D)`, what is kept for the
            next step, and scores `(B, H, W, M W)` of all places kept.
        """
        attend_to_past = self._stepper_of_past()

        def step(inputs, now, kept):
            x, target, scores = attend_to_past(inputs, now, kept["target"])
            x = self._transform(x, training=False)
            return x, {"target": target}, scores

        return step

    def _attend_to_past(self, inputs, mask, training, return_attention_scores):
        """The first sub-layer, for a whole sequence: output and scores."""
        length = inputs.shape[1]
        masks.check_fits(mask, inputs.shape[0], None, length, length)
        mask = implicit.both(inputs, mask)
        # Keras hands on what is attached to the inputs; now that is all.
        inputs = implicit.attach(inputs, masks.attended_keys(mask))
        causal = masks.combine_masks(
            masks.causal_mask(ops.shape(inputs)[1]), mask
        )
        return self.self_attention_residual(
            inputs,
            sublayer=lambda x: block.call_with_scores(
                self.self_attention,
                x,
                attention_mask=causal,
                return_attention_scores=return_attention_scores,
            ),
            training=training,
        )

    def _stepper_of_past(self):
        """The first sub-layer, for many steps: output, all kept, scores."""
        if not self.built:
            self.build()
        attend = self.self_attention.stepper()

        def step(inputs, now, kept):
            everything = []

            def append_to_past(*heads):
                everything.extend(now.write(kept, heads))
                return everything

            x, scores = self.self_attention_residual(
                inputs,
                sublayer=lambda x: attend(
                    x,
                    append_to_past,
                    now.attention_bias,
                    now.query_positions,
                    now.key_positions,
                ),
                training=False,
            )
            return x, tuple(everything), scores

        return step
