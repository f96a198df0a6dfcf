"""The causal self-attention of decoders, for sequences and for decoding steps.

B batch   T length   D model_dim   H heads   K head_dim   N key-value heads
M positions in the cache   W hypotheses of a row

In a shape, `M W` is one size, M times W.
"""

from keras import ops

from keras_transformer.layers import block, implicit, masks, past


class CausalFrame(block.Block):
    """A base class for blocks whose first sublayer is causal self-attention.

    Each position attends to itself and to earlier positions (section 3.2.3).
    Decoding steps cache the keys and values of earlier positions, see
    `layers.past`.
    """

    def _attentions(self, attention):
        return {"self_attention": attention}

    def _self_attend(self, inputs, mask, training, return_attention_scores):
        """Applies self-attention with its residual connection to sequences.

        Returns:
            The pair of the output `(B, T, D)` and the attention scores
            `(B, H, T, T)`. Without `return_attention_scores`, the scores are
            `None`.
        """
        length = inputs.shape[1]
        masks.check_fits(mask, inputs.shape[0], None, length, length)
        mask = implicit.both(inputs, mask)
        # The padding mask is attached, so that Keras passes it on to the
        # sublayers and to the output.
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

    def _empty_cache(self, batch_size, empty_past):
        """Makes empty slots for keys and for values, each (B, N, M, K).

        If the past grows, M is 0.
        """
        if not self.built:
            self.build()
        # One position is projected to learn the shape and dtype of keys and
        # values. Before Keras 3.13, quantized layers cannot project 0
        # positions.
        one_position = ops.zeros(
            (batch_size, 1, self.model_dim), dtype=self.compute_dtype
        )
        keys, values = self.self_attention.project_memory(one_position)
        return (
            past.empty_slots(empty_past, keys[:, :, :0]),
            past.empty_slots(empty_past, values[:, :, :0]),
        )

    def _self_attention_stepper(self):
        """Makes a function that applies self-attention at one position.

        The function also applies the residual connection.

        Returns:
            A function of inputs `(B, W, D)`, a `past.Step`, and the pair of
            cached keys and values. It returns the output `(B, W, D)`, a new
            pair of cached keys and values, and the attention scores
            `(B, H, W, M W)` over all slots. The new pair also has the keys
            and values of the inputs, in their slots.
        """
        if not self.built:
            self.build()
        attend = self.self_attention.stepper()

        def step(inputs, current, cached):
            written = []

            def append_to_past(keys, values):
                written.extend(current.write(cached, (keys, values)))
                return written

            x, scores = self.self_attention_residual(
                inputs,
                sublayer=lambda x: attend(
                    x,
                    append_to_past,
                    current.attention_bias,
                    current.query_positions,
                    current.key_positions,
                ),
                training=False,
            )
            return x, tuple(written), scores

        return step
