"""The residual connection around every sub-layer; it alone knows the norm.

B batch   T length   D model_dim
"""

import keras

from keras_transformer.layers import checks, composite, templates

NORMALIZATIONS = ("pre", "post")
# Keras's own default, 1e-3, is a thousand times what the paper's code used.
EPSILON = 1e-6


def make_norm(norm, name, dtype, trainable=True):
    """Makes the normalization of a block or at the end of a stack.

    Args:
        norm: a part to copy, such as `keras.layers.RMSNormalization()`;
            `None` is layer normalization with epsilon 1e-6.
        name: of the new layer.
        dtype: its dtype policy.
        trainable: whether its owner is.
    """
    if norm is None:
        return keras.layers.LayerNormalization(
            epsilon=EPSILON, name=name, dtype=dtype, trainable=trainable
        )
    trainable = trainable and templates.setting(norm, "trainable", True)
    copy = templates.copy_of(norm, name=name, dtype=dtype, trainable=trainable)
    # Each position is normalised by itself, so masks pass, though Keras's
    # RMSNormalization does not say so of itself.
    copy.supports_masking = True
    return copy


def make_final_norm(normalization, norm, dtype, trainable=True):
    """What ends a stack: a norm after pre-norm blocks, else nothing.

    Args:
        normalization: `"pre"` or `"post"`.
        norm: as for `make_norm`.
        dtype: the dtype policy.
        trainable: whether the stack is.
    """
    if normalization == "pre":
        return make_norm(norm, "final_norm", dtype, trainable)
    return keras.layers.Identity(
        name="final_norm", dtype=dtype, trainable=trainable
    )


@keras.saving.register_keras_serializable("keras_transformer")
class Residual(composite.Composite):
    """Residual connection, normalization and dropout (section 5.4).

    `"post"`, as in the paper:  Norm(x + Dropout(sublayer(x)))
    `"pre"`, easier to train:   x + Dropout(sublayer(Norm(x)))

    With `"pre"` a stack of blocks needs one more norm at its end.

    Args:
        model_dim: D.
        dropout: probability of dropping a unit, P_drop.
        normalization: `"pre"` or `"post"`.
        norm: the normalization, copied, such as
            `keras.layers.RMSNormalization()`; layer normalization with
            epsilon 1e-6 if `None`.

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

    def __init__(
        self, model_dim, dropout=0.1, normalization="pre", norm=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        checks.check_name("normalization", normalization, NORMALIZATIONS)
        checks.check_size("model_dim", model_dim)
        checks.check_share("dropout", dropout)
        self._settings = {
            "model_dim": model_dim,
            "dropout": dropout,
            "normalization": normalization,
            "norm": templates.template_of(norm),
        }
        self.norm = make_norm(norm, "norm", self.dtype_policy, self.trainable)
        self.drop = keras.layers.Dropout(
            dropout,
            dtype=self.dtype_policy,
            trainable=self.trainable,
            name="drop",
        )

    def build(self, inputs_shape=None):
        shape = (None, None, self._settings["model_dim"])
        self.norm.build(shape)
        self.drop.build(shape)
        self.built = True

    def call(self, inputs, sublayer, training=None):
        if self._settings["normalization"] == "pre":
            outputs, extra = sublayer(self.norm(inputs))
            return inputs + self.drop(outputs, training=training), extra
        outputs, extra = sublayer(inputs)
        outputs = self.norm(inputs + self.drop(outputs, training=training))
        return outputs, extra

    def compute_output_shape(self, inputs_shape, sublayer=None):
        # What the sublayer returns beside its output is its own affair.
        return tuple(inputs_shape)

    def get_config(self):
        return {**super().get_config(), **templates.plain_copy(self._settings)}
