"""The encoder: source embeddings to memory (section 3.1).

B batch   S source length   D model_dim   H heads   L layers
"""

import keras
from keras import ops

from keras_transformer.layers import attention, feed_forward, residual


@keras.saving.register_keras_serializable("keras_transformer")
class EncoderBlock(keras.layers.Layer):
    """Self-attention, then feed-forward, each in a residual connection.

    Args:
        model_dim: D, d_model.
        num_heads: H.
        feed_forward_dim: F, d_ff.
        dropout: P_drop.
        normalization: `"pre"` or `"post"`, see `Residual`.

    Call arguments:
        inputs: shape `(B, S, D)`.
        mask: boolean padding mask `(B, S)`, True at real positions.
        return_attention_scores: whether to return the scores too.

    Returns:
        Shape `(B, S, D)`; with `return_attention_scores=True` the pair of it
        and the scores `(B, H, S, S)`.

    Example:

    >>> block = EncoderBlock(model_dim=6, num_heads=2, feed_forward_dim=11)
    >>> block(keras.ops.ones((3, 5, 6))).shape
    TensorShape([3, 5, 6])
    """

    def __init__(
        self,
        model_dim,
        num_heads,
        feed_forward_dim,
        dropout=0.1,
        normalization="pre",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self._settings = {
            "model_dim": model_dim,
            "num_heads": num_heads,
            "feed_forward_dim": feed_forward_dim,
            "dropout": dropout,
            "normalization": normalization,
        }
        policy = self.dtype_policy
        self.attention = attention.MultiHeadAttention(
            model_dim, num_heads, dtype=policy, name="attention"
        )
        self.attention_residual = residual.Residual(
            model_dim,
            dropout,
            normalization,
            dtype=policy,
            name="attention_residual",
        )
        self.feed_forward = feed_forward.FeedForward(
            model_dim, feed_forward_dim, dtype=policy, name="feed_forward"
        )
        self.feed_forward_residual = residual.Residual(
            model_dim,
            dropout,
            normalization,
            dtype=policy,
            name="feed_forward_residual",
        )

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
        return {**super().get_config(), **self._settings}


@keras.saving.register_keras_serializable("keras_transformer")
class Encoder(keras.layers.Layer):
    """A stack of encoder blocks; the output is called memory.

    With `normalization="pre"` a last layer normalization ends the stack.

    Args:
        num_layers: L, N in the paper.
        model_dim: D, d_model.
        num_heads: H.
        feed_forward_dim: F, d_ff.
        dropout: P_drop.
        normalization: `"pre"` or `"post"`, see `Residual`.

    Call arguments:
        inputs: embeddings with positions, shape `(B, S, D)`.
        mask: boolean padding mask `(B, S)`, True at real positions.
        return_attention_scores: whether to return the scores too.

    Returns:
        Memory, shape `(B, S, D)`; with `return_attention_scores=True` the
        pair of it and the scores `(B, L, H, S, S)`.

    Example:

    >>> encoder = Encoder(3, model_dim=6, num_heads=2, feed_forward_dim=11)
    >>> memory, scores = encoder(
    ...     keras.ops.ones((2, 5, 6)), return_attention_scores=True
    ... )
    >>> memory.shape, scores.shape
    (TensorShape([2, 5, 6]), TensorShape([2, 3, 2, 5, 5]))
    """

    def __init__(
        self,
        num_layers,
        model_dim,
        num_heads,
        feed_forward_dim,
        dropout=0.1,
        normalization="pre",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self._settings = {
            "num_layers": num_layers,
            "model_dim": model_dim,
            "num_heads": num_heads,
            "feed_forward_dim": feed_forward_dim,
            "dropout": dropout,
            "normalization": normalization,
        }
        policy = self.dtype_policy
        self.blocks = [
            EncoderBlock(
                model_dim,
                num_heads,
                feed_forward_dim,
                dropout,
                normalization,
                dtype=policy,
                name=f"block_{i + 1}",
            )
            for i in range(num_layers)
        ]
        self.final_norm = (
            residual.layer_norm("final_norm", policy)
            if normalization == "pre"
            else keras.layers.Identity(name="final_norm", dtype=policy)
        )

    def build(self, inputs_shape=None):
        for block in self.blocks:
            block.build()
        self.final_norm.build((None, None, self._settings["model_dim"]))
        self.built = True

    def call(
        self, inputs, mask=None, training=None, return_attention_scores=False
    ):
        x, scores = inputs, []
        for block in self.blocks:
            x, block_scores = block(
                x, mask=mask, training=training, return_attention_scores=True
            )
            scores.append(block_scores)
        memory = self.final_norm(x)
        if return_attention_scores:
            return memory, ops.stack(scores, axis=1)
        return memory

    def get_config(self):
        return {**super().get_config(), **self._settings}
