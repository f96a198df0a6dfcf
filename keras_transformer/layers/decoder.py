"""The decoder: target embeddings and memory to outputs (section 3.1).

B batch   T target length   S source length   D model_dim   H heads
K head_dim   N key-value heads   L layers   M longest target length that a
decoding state holds
"""

import keras
from keras import ops

from keras_transformer.layers import checks, masks, parts, residual, stack


@keras.saving.register_keras_serializable("keras_transformer")
class DecoderBlock(keras.layers.Layer):
    """Causal self-attention, encoder-decoder attention, feed-forward.

    Args:
        attention: a part, copied for both attentions: `MultiHeadAttention`
            of any kind. Its positions are those of the self-attention;
            between target and source there are none.
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
            "attention": parts.settings_of(attention),
            "feed_forward": parts.settings_of(feed_forward),
            "norm": parts.settings_of(norm),
            "dropout": dropout,
            "normalization": normalization,
        }
        model_dim = parts.shared_model_dim(attention, feed_forward)
        policy = self.dtype_policy

        def in_residual(name):
            return residual.Residual(
                model_dim, dropout, normalization, norm, dtype=policy, name=name
            )

        self.self_attention = parts.copy_of(
            attention, name="self_attention", dtype=policy
        )
        parts.check_attention(self.self_attention)
        self.self_attention_residual = in_residual("self_attention_residual")
        # Between target and source no position has a meaning.
        has_positions = "positions" in parts.settings_of(attention)["config"]
        self.cross_attention = parts.copy_of(
            attention,
            name="cross_attention",
            dtype=policy,
            **({"positions": None} if has_positions else {}),
        )
        self.cross_attention_residual = in_residual("cross_attention_residual")
        self.feed_forward = parts.copy_of(
            feed_forward, name="feed_forward", dtype=policy
        )
        self.feed_forward_residual = in_residual("feed_forward_residual")

    def build(self, inputs_shape=None, memory_shape=None):
        self.self_attention.build()
        self.self_attention_residual.build()
        self.cross_attention.build()
        self.cross_attention_residual.build()
        self.feed_forward.build()
        self.feed_forward_residual.build()
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
        causal = masks.combine_masks(
            masks.causal_mask(ops.shape(inputs)[1]), inputs_mask
        )
        x, self_scores, cross_scores = self._apply(
            inputs,
            self_attend=lambda x: self.self_attention(
                x, attention_mask=causal, return_attention_scores=True
            ),
            cross_attend=lambda x: self.cross_attention(
                x,
                memory,
                attention_mask=memory_mask,
                return_attention_scores=True,
            ),
            training=training,
        )
        if return_attention_scores:
            return x, self_scores, cross_scores
        return x

    def start(self, memory, max_length):
        """Makes the state for `max_length` = M steps from memory (B, S, D).

        Returns:
            A dict of tensors, batch first: keys and values of the memory,
            `(B, S, N, K)`, and room for those of the target, `(B, M, N, K)`.
        """
        if not self.built:
            self.build()
        longest = checks.known_int(max_length)
        if longest is not None:
            checks.check_size("max_length", longest)
        memory_key, memory_value = self.cross_attention.project_memory(memory)
        batch_size = ops.shape(memory)[0]
        heads = memory_key.shape[2:]
        empty = ops.zeros(
            (batch_size, max_length, *heads), dtype=memory_key.dtype
        )
        return {
            "memory_key": memory_key,
            "memory_value": memory_value,
            "key": empty,
            "value": empty,
        }

    def step(self, inputs, position, state, memory_mask=None):
        """Computes one target position, `inputs` (B, 1, D).

        Args:
            inputs: shape `(B, 1, D)`.
            position: the position of it, a scalar, counted from 0.
            state: what `start` or the step before returned.
            memory_mask: boolean padding mask `(B, S)`.

        Returns:
            The pair (output `(B, 1, D)`, the state of the next step).
        """
        self._check_step(inputs, position, state)
        position = ops.cast(position, "int32")
        positions = ops.arange(ops.shape(state["key"])[1])
        is_now = (positions == position)[None, :, None, None]
        is_past = (positions <= position)[None, None, :]
        new_state = dict(state)

        def self_attend(x):
            key, value = self.self_attention.project_memory(x, start=position)
            new_state["key"] = ops.where(is_now, key, state["key"])
            new_state["value"] = ops.where(is_now, value, state["value"])
            return self.self_attention.attend(
                x, new_state["key"], new_state["value"], is_past, position
            )

        x, _, _ = self._apply(
            inputs,
            self_attend=self_attend,
            cross_attend=lambda x: self.cross_attention.attend(
                x, state["memory_key"], state["memory_value"], memory_mask
            ),
            training=False,
        )
        return x, new_state

    def get_config(self):
        return {**super().get_config(), **parts.plain_copy(self._settings)}

    def _check_step(self, inputs, position, state):
        rows, room = state["key"].shape[:2]
        now = checks.known_int(position)
        if None not in (now, room) and not 0 <= now < room:
            raise ValueError(
                f"The state has room for the positions 0 to {room - 1}. "
                f"Received: position={now}. Start with a larger max_length."
            )
        if None not in (rows, inputs.shape[0]) and rows != inputs.shape[0]:
            raise ValueError(
                f"The state is of {rows} rows. Received: {inputs.shape[0]} "
                "rows of inputs. Start with as many sources, or gather the "
                "rows of the state."
            )

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

    block_class = DecoderBlock

    def call(
        self,
        inputs,
        memory,
        inputs_mask=None,
        memory_mask=None,
        training=None,
        return_attention_scores=False,
    ):
        x = self.enter(inputs, mask=inputs_mask, training=training)
        self_scores, cross_scores = [], []
        for block in self.blocks:
            x, block_self_scores, block_cross_scores = block(
                x,
                memory,
                inputs_mask=inputs_mask,
                memory_mask=memory_mask,
                training=training,
                return_attention_scores=True,
            )
            self_scores.append(block_self_scores)
            cross_scores.append(block_cross_scores)
        outputs = self.final_norm(x)
        if return_attention_scores:
            return (
                outputs,
                ops.stack(self_scores, axis=1),
                ops.stack(cross_scores, axis=1),
            )
        return outputs

    def start(self, memory, max_length):
        """Makes the state of every block, see `DecoderBlock.start`.

        Args:
            memory: the encoder's output, shape `(B, S, D)`.
            max_length: M, the most steps that will be taken.

        Returns:
            A tuple of one state for each block.
        """
        if not self.built:
            self.build()
        return tuple(block.start(memory, max_length) for block in self.blocks)

    def step(self, inputs, position, state, memory_mask=None):
        """Computes one target position, see `DecoderBlock.step`.

        Args:
            inputs: the embedding at `position`, shape `(B, 1, D)`.
            position: a scalar, counted from 0.
            state: what `start` or the step before returned.
            memory_mask: boolean padding mask `(B, S)`.

        Returns:
            The pair (output `(B, 1, D)`, the state of the next step).

        Raises:
            ValueError: outside of a graph, a position or a number of rows
                that the state has no room for.
        """
        x, new_state = self.enter(inputs, start=position, training=False), []
        for block, block_state in zip(self.blocks, state, strict=True):
            x, block_state = block.step(x, position, block_state, memory_mask)
            new_state.append(block_state)
        return self.final_norm(x), tuple(new_state)
