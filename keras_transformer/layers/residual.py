"""The residual connection around every sublayer, with its normalization.

B batch   T length   D model_dim
"""

from collections.abc import Callable
from typing import Any

import keras

from keras_transformer.layers import checks, composite, templates
from keras_transformer.layers.dropout import Dropout
from keras_transformer.layers.typing import Shape, Tensor

NORMALIZATIONS = ("pre", "post")
# The epsilon of layer normalization in the paper's code. Keras's default is
# 1e-3.
EPSILON = 1e-6


def make_norm(
    norm: templates.Template | None,
    name: str,
    dtype: Any,
    trainable: bool = True,
) -> keras.layers.Layer:
    """Makes a normalization layer, frozen if its owner or template is frozen.

    Args:
        norm: a template, such as `keras.layers.RMSNormalization()`; `None`
            means layer normalization with epsilon 1e-6.
        name: the name of the new layer.
        dtype: the dtype policy of the new layer.
        trainable: whether the owner of the new layer is trainable.

    Raises:
        NotImplementedError: the class of `norm` has no `get_config`, and Keras
            cannot make one.
        ValueError: Keras cannot copy `norm` for another reason.
    """
    if norm is None:
        return keras.layers.LayerNormalization(
            epsilon=EPSILON, name=name, dtype=dtype, trainable=trainable
        )
    trainable = trainable and templates.setting(norm, "trainable", True)
    copy = templates.copy_of(norm, name=name, dtype=dtype, trainable=trainable)
    # Each position is normalized separately, so masks stay valid. But Keras's
    # RMSNormalization does not declare that it supports masks, so Keras would
    # drop the mask of its input.
    copy.supports_masking = True
    return copy


def make_final_norm(
    normalization: str,
    norm: templates.Template | None,
    dtype: Any,
    trainable: bool = True,
) -> keras.layers.Layer:
    """Makes the last layer of a stack of blocks.

    It is a norm after pre-norm blocks, and an identity layer after post-norm
    blocks.

    Args:
        normalization: `"pre"` or `"post"`.
        norm: as for `make_norm`.
        dtype: the dtype policy of the new layer.
        trainable: whether the stack is trainable.

    Raises:
        NotImplementedError, ValueError: as for `make_norm`.
    """
    if normalization == "pre":
        return make_norm(norm, "final_norm", dtype, trainable)
    return keras.layers.Identity(
        name="final_norm", dtype=dtype, trainable=trainable
    )


@keras.saving.register_keras_serializable("keras_transformer")
class Residual(composite.Composite):
    """A residual connection with normalization and dropout (section 5.4).

    `"post"`, as in the paper:  Norm(x + Dropout(sublayer(x)))
    `"pre"`, easier to train:   x + Dropout(sublayer(Norm(x)))

    With `"pre"` a stack of blocks needs one more norm at its end.

    Args:
        model_dim: D.
        dropout: probability of dropping a unit, P_drop.
        normalization: `"pre"` or `"post"`.
        norm: a template of the normalization, such as
            `keras.layers.RMSNormalization()`; `None` means layer
            normalization with epsilon 1e-6.

    Call arguments:
        inputs: x, shape `(B, T, D)`.
        sublayer: a function from `(B, T, D)` to a pair of `(B, T, D)` and an
            extra result, such as attention scores.
        training: whether to apply dropout; `None` as in Keras.

    Returns:
        The pair of the output `(B, T, D)` and the sublayer's extra result.

    Raises:
        NotImplementedError: as for `make_norm`.
        ValueError: `model_dim` is not a whole number of at least 1,
            `normalization` is unknown, `dropout` is not in [0, 1), or Keras
            cannot copy `norm` for another reason.

    Example:

    >>> residual = Residual(model_dim=4, normalization="pre")
    >>> output, extra = residual(
    ...     keras.ops.ones((1, 2, 4)), sublayer=lambda x: (2 * x, "scores")
    ... )
    >>> output.shape, extra
    (TensorShape([1, 2, 4]), 'scores')
    """

    def __init__(
        self,
        model_dim: int,
        dropout: float = 0.1,
        normalization: str = "pre",
        norm: templates.Template | None = None,
        **kwargs: Any,
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
        self.drop = Dropout(
            dropout,
            dtype=self.dtype_policy,
            trainable=self.trainable,
            name="drop",
        )

    def build(self, inputs_shape: Shape | None = None) -> None:
        shape = (None, None, self._settings["model_dim"])
        self.norm.build(shape)
        self.drop.build(shape)
        self.built = True

    def call(
        self,
        inputs: Tensor,
        sublayer: Callable[[Tensor], tuple[Tensor, Any]],
        training: bool | None = None,
    ) -> tuple[Tensor, Any]:
        if self._settings["normalization"] == "pre":
            outputs, extra = sublayer(self.norm(inputs))
            return inputs + self.drop(outputs, training=training), extra
        outputs, extra = sublayer(inputs)
        outputs = self.norm(inputs + self.drop(outputs, training=training))
        return outputs, extra

    def compute_output_shape(
        self, inputs_shape: Shape, sublayer: Callable[..., Any] | None = None
    ) -> Shape:
        # The result is only the shape of the output, because the extra result
        # can have any shape.
        return tuple(inputs_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **templates.plain_copy(self._settings)}
