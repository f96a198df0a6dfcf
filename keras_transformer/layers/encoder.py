"""The encoder: source embeddings to memory (section 3.1).

B batch   S source length   D model_dim   H heads   L layers
"""

import keras
from keras import ops

from keras_transformer.layers import parts, residual, stack


@keras.saving.register_keras_serializable("keras_transformer")
class EncoderBlock(keras.layers.Layer):
    """Self-attention, then feed-forward, each in a residual connection.

    Args:
        attention: a part, copied: `MultiHeadAttention` of any kind.
        feed_forward: a part, copied: `FeedForward` or `GatedFeedForward`.
        norm: a part, copied; see `Residual`.
        dropout: P_drop.
        normalization: `"pre"` or `"post"`, see `Residual`.

    Call arguments:
        inputs: shape `(B, S, D)`.
        mask: boolean padding mask `(B, S)`, True at real positions, or an
            attention mask `(B, S, S)` or `(B, H, S, S)`.
        return_attention_scores: whether to return the scores too.

    Returns:
        Shape `(B, S, D)`; with `return_attention_scores=True` the pair of it
        and the scores `(B, H, S, S)`.

    Raises:
        ValueError: parts of different `model_dim`; see also the parts.

    Example:

    >>> from keras_transformer import layers
    >>> block = EncoderBlock(
    ...     layers.MultiHeadAttention(model_dim=6, num_heads=2),
    ...     layers.FeedForward(model_dim=6, feed_forward_dim=11),
    ... )
    >>> block(keras.ops.ones((3, 5, 6))).shape
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

        self.attention = parts.copy_of(
            attention, name="attention", dtype=policy
        )
        parts.check_attention(self.attention)
        self.attention_residual = in_residual("attention_residual")
        self.feed_forward = parts.copy_of(
            feed_forward, name="feed_forward", dtype=policy
        )
        self.feed_forward_residual = in_residual("feed_forward_residual")

    def build(self, inputs_shape=None):
        self.attention.build()
        self.attention_residual.build()
        self.feed_forward.build()
        self.feed_forward_residual.build()
        self.built = True

    def call(
        self, inputs, mask=None, training=None, return_attention_scores=False
    ):
        x, scores = self.attention_residual(
            inputs,
            sublayer=lambda x: self.attention(
                x, attention_mask=mask, return_attention_scores=True
            ),
            training=training,
        )
        x, _ = self.feed_forward_residual(
            x,
            sublayer=lambda x: (self.feed_forward(x), None),
            training=training,
        )
        return (x, scores) if return_attention_scores else x

    def get_config(self):
        return {**super().get_config(), **parts.plain_copy(self._settings)}


@keras.saving.register_keras_serializable("keras_transformer")
class Encoder(stack.Stack):
    """A stack of encoder blocks; the output is called memory.

    Adds positions to the embeddings, drops units of the sum (section 5.4),
    and with `normalization="pre"` ends with one more norm.

    Args:
        num_layers: L, N in the paper.
        attention: a part, copied for each block: `MultiHeadAttention` of any
            kind; rotary and relative positions are a part of it.
        feed_forward: a part, copied for each block: `FeedForward` or
            `GatedFeedForward`.
        norm: a part, copied; layer normalization, epsilon 1e-6, if `None`.
        dropout: P_drop.
        normalization: `"pre"` or `"post"`, see `Residual`.
        positions: a part, copied: `SinusoidalPositions` or
            `LearnedPositions`; `None` adds nothing.

    Call arguments:
        inputs: embeddings, shape `(B, S, D)`.
        mask: boolean padding mask `(B, S)`, True at real positions, or an
            attention mask `(B, S, S)` or `(B, H, S, S)`. Padding on either
            side moves no token.
        return_attention_scores: whether to return the scores too.

    Returns:
        Memory, shape `(B, S, D)`; with `return_attention_scores=True` the
        pair of it and the scores `(B, L, H, S, S)`.

    Raises:
        ValueError: no layers, or parts of different `model_dim`; see also
            the parts.

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
        self, inputs, mask=None, training=None, return_attention_scores=False
    ):
        x, scores = self.enter(inputs, mask=mask, training=training), []
        for block in self.blocks:
            x, block_scores = block(
                x, mask=mask, training=training, return_attention_scores=True
            )
            scores.append(block_scores)
        memory = self.final_norm(x)
        if return_attention_scores:
            return memory, ops.stack(scores, axis=1)
        return memory
