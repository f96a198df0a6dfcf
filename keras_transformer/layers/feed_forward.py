"""The position-wise feed-forward networks of blocks, plain and gated.

B batch   T length   D model_dim   F feed_forward_dim
"""

from typing import Any

import keras

from keras_transformer.layers import checks, composite, dense
from keras_transformer.layers.dropout import Dropout
from keras_transformer.layers.typing import Shape, Tensor


@keras.saving.register_keras_serializable("keras_transformer")
class FeedForward(composite.Composite):
    """Two projections at each position, f(x W1 + b1) W2 + b2.

    x is the input at one position. W1 and W2 are matrices, and b1 and b2 are
    vectors, as in section 3.3 of the paper.

    Args:
        model_dim: D, the size of the inputs and of the output, d_model.
        feed_forward_dim: F, the size between the two projections, d_ff.
        activation: f, the name of a Keras activation. The paper uses
            `"relu"`; `"gelu"` is the exact form, not the approximation by
            tanh; `"silu"` is also called swish.
        use_bias: whether the projections add the biases b1 and b2.
        dropout: the dropout rate of the F units between the projections.

    Call arguments:
        inputs: shape `(B, T, D)`.
        training: whether to apply dropout; `None` as in Keras.

    Returns:
        Shape `(B, T, D)`.

    Raises:
        ValueError: a size is below 1, the activation is unknown, or the dropout
            rate is not in [0, 1).

    Example:

    >>> FeedForward(4, 8)(keras.ops.ones((2, 3, 4))).shape
    TensorShape([2, 3, 4])
    """

    def __init__(
        self,
        model_dim: int,
        feed_forward_dim: int,
        activation: str = "relu",
        use_bias: bool = True,
        dropout: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        checks.check_size("model_dim", model_dim)
        checks.check_size("feed_forward_dim", feed_forward_dim)
        checks.check_share("dropout", dropout)
        self._settings: dict[str, Any] = {
            "model_dim": model_dim,
            "feed_forward_dim": feed_forward_dim,
            "activation": activation,
            "use_bias": use_bias,
            "dropout": dropout,
        }
        self.expand = _dense(
            self, "expand", feed_forward_dim, use_bias, activation
        )
        self.contract = _dense(self, "contract", model_dim, use_bias)
        self.drop = Dropout(
            dropout,
            dtype=self.dtype_policy,
            trainable=self.trainable,
            name="drop",
        )

    def build(self, inputs_shape: Shape | None = None) -> None:
        self.expand.build((None, None, self._settings["model_dim"]))
        self.contract.build((None, None, self._settings["feed_forward_dim"]))
        self.built = True

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        units = self.drop(self.expand(inputs), training=training)
        return self.contract(units)

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return (*inputs_shape[:-1], self._settings["model_dim"])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._settings}


@keras.saving.register_keras_serializable("keras_transformer")
class GatedFeedForward(composite.Composite):
    """A gated network, (f(x W) * x V) W2, at each position (Shazeer 2020).

    W, V and W2 are matrices, and * multiplies numbers at the same index. With
    f = `"silu"` the network is called SwiGLU, with `"gelu"` GEGLU, with
    `"relu"` ReGLU. With F = 1000, the three matrices have as many weights as
    the two matrices of a `FeedForward` with F = 1500.

    Args:
        model_dim: D, the size of the inputs and of the output, d_model.
        feed_forward_dim: F, the size of the gate f(x W) and of x V.
        activation: f, the name of a Keras activation.
        use_bias: whether the three projections add a bias.
        dropout: the dropout rate of the F units before the last projection.

    Call arguments:
        inputs: shape `(B, T, D)`.
        training: whether to apply dropout; `None` as in Keras.

    Returns:
        Shape `(B, T, D)`.

    Raises:
        ValueError: a size is below 1, the activation is unknown, or the dropout
            rate is not in [0, 1).

    Example:

    >>> GatedFeedForward(4, 8)(keras.ops.ones((2, 3, 4))).shape
    TensorShape([2, 3, 4])
    """

    def __init__(
        self,
        model_dim: int,
        feed_forward_dim: int,
        activation: str = "silu",
        use_bias: bool = False,
        dropout: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        checks.check_size("model_dim", model_dim)
        checks.check_size("feed_forward_dim", feed_forward_dim)
        checks.check_share("dropout", dropout)
        self._settings: dict[str, Any] = {
            "model_dim": model_dim,
            "feed_forward_dim": feed_forward_dim,
            "activation": activation,
            "use_bias": use_bias,
            "dropout": dropout,
        }
        self.gate = _dense(self, "gate", feed_forward_dim, use_bias, activation)
        self.expand = _dense(self, "expand", feed_forward_dim, use_bias)
        self.contract = _dense(self, "contract", model_dim, use_bias)
        self.drop = Dropout(
            dropout,
            dtype=self.dtype_policy,
            trainable=self.trainable,
            name="drop",
        )

    def build(self, inputs_shape: Shape | None = None) -> None:
        self.gate.build((None, None, self._settings["model_dim"]))
        self.expand.build((None, None, self._settings["model_dim"]))
        self.contract.build((None, None, self._settings["feed_forward_dim"]))
        self.built = True

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        units = self.gate(inputs) * self.expand(inputs)
        return self.contract(self.drop(units, training=training))

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return (*inputs_shape[:-1], self._settings["model_dim"])

    def get_config(self) -> dict[str, Any]:
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
