"""The position-wise feed-forward network of each block.

B batch   T length   D model_dim   F feed_forward_dim
"""

import keras

from keras_transformer.layers import checks, composite, dense


@keras.saving.register_keras_serializable("keras_transformer")
class FeedForward(composite.Composite):
    """f(x W1 + b1) W2 + b2, at every position alike (section 3.3).

    Args:
        model_dim: D, size of the inputs and of the output, d_model.
        feed_forward_dim: F, size between the two, d_ff.
        activation: f, the name of a Keras activation; the paper's is
            `"relu"`. `"gelu"` is the exact one, `"silu"` is also called
            swish.
        use_bias: whether there are b1 and b2.

    Call arguments:
        inputs: shape `(B, T, D)`.

    Returns:
        Shape `(B, T, D)`.

    Raises:
        ValueError: a size below 1 or an unknown activation.

    Example:

    >>> FeedForward(4, 8)(keras.ops.ones((2, 3, 4))).shape
    TensorShape([2, 3, 4])
    """

    def __init__(
        self,
        model_dim,
        feed_forward_dim,
        activation="relu",
        use_bias=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        checks.check_size("model_dim", model_dim)
        checks.check_size("feed_forward_dim", feed_forward_dim)
        self._settings = {
            "model_dim": model_dim,
            "feed_forward_dim": feed_forward_dim,
            "activation": activation,
            "use_bias": use_bias,
        }
        self.expand = _dense(
            self, "expand", feed_forward_dim, use_bias, activation
        )
        self.contract = _dense(self, "contract", model_dim, use_bias)

    def build(self, inputs_shape=None):
        self.expand.build((None, None, self._settings["model_dim"]))
        self.contract.build((None, None, self._settings["feed_forward_dim"]))
        self.built = True

    def call(self, inputs):
        return self.contract(self.expand(inputs))

    def compute_output_shape(self, inputs_shape):
        return (*inputs_shape[:-1], self._settings["model_dim"])

    def get_config(self):
        return {**super().get_config(), **self._settings}


@keras.saving.register_keras_serializable("keras_transformer")
class GatedFeedForward(composite.Composite):
    """(f(x W) * x V) W2: a gate on each number in between (Shazeer 2020).

    With f = `"silu"` it is called SwiGLU, with `"gelu"` GEGLU, with `"relu"`
    ReGLU. It has three matrices; two thirds of the usual F make it as large
    as `FeedForward`.

    Args:
        model_dim: D, size of the inputs and of the output, d_model.
        feed_forward_dim: F, size between the two, d_ff.
        activation: f, the name of a Keras activation.
        use_bias: whether the three projections add a bias.

    Call arguments:
        inputs: shape `(B, T, D)`.

    Returns:
        Shape `(B, T, D)`.

    Raises:
        ValueError: a size below 1 or an unknown activation.

    Example:

    >>> GatedFeedForward(4, 8)(keras.ops.ones((2, 3, 4))).shape
    TensorShape([2, 3, 4])
    """

    def __init__(
        self,
        model_dim,
        feed_forward_dim,
        activation="silu",
        use_bias=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        checks.check_size("model_dim", model_dim)
        checks.check_size("feed_forward_dim", feed_forward_dim)
        self._settings = {
            "model_dim": model_dim,
            "feed_forward_dim": feed_forward_dim,
            "activation": activation,
            "use_bias": use_bias,
        }
        self.gate = _dense(self, "gate", feed_forward_dim, use_bias, activation)
        self.expand = _dense(self, "expand", feed_forward_dim, use_bias)
        self.contract = _dense(self, "contract", model_dim, use_bias)

    def build(self, inputs_shape=None):
        self.gate.build((None, None, self._settings["model_dim"]))
        self.expand.build((None, None, self._settings["model_dim"]))
        self.contract.build((None, None, self._settings["feed_forward_dim"]))
        self.built = True

    def call(self, inputs):
        return self.contract(self.gate(inputs) * self.expand(inputs))

    def compute_output_shape(self, inputs_shape):
        return (*inputs_shape[:-1], self._settings["model_dim"])

    def get_config(self):
        return {**super().get_config(), **self._settings}


def _dense(owner, name, units, use_bias, activation=None):
    return dense.Dense(
        units,
        activation=activation,
        use_bias=use_bias,
        dtype=owner.dtype_policy,
        trainable=owner.trainable,
        name=name,
    )
