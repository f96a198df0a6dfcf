"""The residual connection around every sub-layer; it alone knows the norm.

B batch   T length   D model_dim
"""

import keras

NORMALIZATIONS = ("pre", "post")
# Keras's own default, 1e-3, is a thousand times what the paper's code used.
EPSILON = 1e-6


def layer_norm(name, dtype=None):
    """The layer normalization used throughout: epsilon 1e-6."""
    return keras.layers.LayerNormalization(
        epsilon=EPSILON, name=name, dtype=dtype
    )


@keras.saving.register_keras_serializable("keras_transformer")
class Residual(keras.layers.Layer):
    """Residual connection, layer normalization and dropout (section 5.4).

    `"post"`, as in the paper:  LayerNorm(x + Dropout(sublayer(x)))
    `"pre"`, easier to train:   x + Dropout(sublayer(LayerNorm(x)))

    With `"pre"` a stack of blocks needs one more LayerNorm at its end.

    Args:
        model_dim: D.
        dropout: probability of dropping a unit, P_drop.
        normalization: `"pre"` or `"post"`.

    Call arguments:
        inputs: x, shape `(B, T, D)`.
        sublayer: function from `(B, T, D)` to a pair of `(B, T, D)` and
            anything, such as attention scores.

    Returns:
        The pair of the output `(B, T, D)` and the sublayer's second result.

    Raises:
        ValueError: unknown `normalization`, or `dropout` outside [0, 1).

    Example:

    >>> residual = Residual(model_dim=4, normalization="pre")
    >>> output, extra = residual(
    ...     keras.ops.ones((1, 2, 4)), sublayer=lambda x: (2 * x, "scores")
    ... )
    >>> output.shape, extra
    (TensorShape([1, 2, 4]), 'scores')
    """

    def __init__(self, model_dim, dropout=0.1, normalization="pre", **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        if normalization not in NORMALIZATIONS:
            raise ValueError(
                "Unknown `normalization`. Received: "
                f"{normalization!r}. Expected one of {NORMALIZATIONS}."
            )
        if not 0 <= dropout < 1:
            raise ValueError(
                "`dropout` is the share of units dropped in training. "
                f"Received: {dropout}. Expected a number in [0, 1)."
            )
        self.model_dim = model_dim
        self.dropout = dropout
        self.normalization = normalization
        self.norm = layer_norm("norm", self.dtype_policy)
        self.drop = keras.layers.Dropout(
            dropout, dtype=self.dtype_policy, name="drop"
        )

    def build(self, inputs_shape=None):
        self.norm.build((None, None, self.model_dim))
        self.drop.build((None, None, self.model_dim))
        self.built = True

    def call(self, inputs, sublayer, training=None):
        if self.normalization == "pre":
            outputs, extra = sublayer(self.norm(inputs))
            return inputs + self.drop(outputs, training=training), extra
        outputs, extra = sublayer(inputs)
        outputs = self.norm(inputs + self.drop(outputs, training=training))
        return outputs, extra

    def get_config(self):
        return {
            **super().get_config(),
            "model_dim": self.model_dim,
            "dropout": self.dropout,
            "normalization": self.normalization,
        }
