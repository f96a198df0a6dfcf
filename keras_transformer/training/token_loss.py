"""Sums the `loss` of `compile` over tokens.

A loss of Keras returns a mean over the rows that it is called with. These rows
may be only a share of a batch, and shares have different numbers of tokens. So
the mean of these means is not the mean over all tokens of the batch. Therefore
this module takes the loss of each token before Keras computes the mean, and
sums the losses.

B batch   T target length   V vocabulary_size
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from keras_transformer.training import token_weights

# A weighted mean over tokens replaces each of these reductions of Keras.
_MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")


class TokenSum(NamedTuple):
    """The sums over the tokens of a share of a batch.

    loss: the sum of weighted losses, times `loss_weights`, scalar.
    tokens: the sum of weights, scalar.
    weights: the weight of each token, 0 where it is masked, `(B, T)`.
    mask: False where a token is masked, `(B, T)`; `None` if there is no mask.
    """

    loss: tf.Tensor
    tokens: tf.Tensor
    weights: tf.Tensor
    mask: tf.Tensor | None


class TokenLoss:
    """A loss that is summed over tokens.

    As in Keras, labels and logits are cast to the dtype of the loss. A Keras
    mask on the logits can mask a token, or the loss can mask it by
    `ignore_class`. A masked token has no loss and no weight.

    Args:
        loss: a `keras.losses.Loss`, a function of labels and logits, or the
            name of a loss; or a list or dict with one of these.
        loss_weights: a number, or a list or dict with one number.

    Raises:
        ValueError: the number of losses or of their weights is not 1; the
            `reduction` of the loss is no mean; the class of the loss overrides
            `__call__`; or the dtype of the loss has fewer than 32 bits.

    Example:

    >>> loss = TokenLoss(lambda labels, logits: logits[..., 0], 0.5)
    >>> total = loss(tf.zeros([2, 3]), tf.ones([2, 3, 7]))
    >>> float(total.loss), float(total.tokens)
    (3.0, 6.0)
    """

    def __init__(
        self,
        loss: keras.losses.Loss | Callable[..., Any] | str,
        loss_weights: Any = 1.0,
    ):
        loss = _only("loss", loss)
        self.weight = _only("loss_weights", loss_weights)
        if loss in ("crossentropy", "ce"):
            # In Keras, these names stand for the loss that fits the labels.
            # Here, labels are ids.
            loss = "sparse_categorical_crossentropy"
        loss = keras.losses.get(loss)
        self.dtype = keras.config.floatx()
        self._values = loss
        if isinstance(loss, keras.losses.Loss):
            _check(loss)
            self.dtype = loss.dtype
            self._values = loss.call

    def __call__(
        self,
        labels: token_weights.TensorLike,
        logits: tf.Tensor,
        weights: token_weights.TensorLike | None = None,
    ) -> TokenSum:
        """Adds up the losses of tokens.

        Args:
            labels: ids `(B, T)`.
            logits: `(B, T, V)`.
            weights: `(B,)` or `(B, 1)`, one for each row; or `(B, T)`, one for
                each token. With `None`, each token has the weight 1.

        Returns:
            The sums over the tokens.

        Raises:
            ValueError: shapes differ from these; there are several outputs or
                no labels; the loss does not return a number for each token.
        """
        _check_output(labels, logits)
        weights = token_weights.per_token(weights, labels)
        values = self._values(
            tf.cast(labels, self.dtype), tf.cast(logits, self.dtype)
        )
        values = tf.convert_to_tensor(values)
        if not values.shape.is_compatible_with(logits.shape[:-1]):
            raise ValueError(
                "A loss must return one number for each token; the model "
                "computes the mean over all replicas. Received: values of "
                f"shape {tuple(values.shape)} for logits of shape "
                f"{tuple(logits.shape)}. Remove the mean over tokens from the "
                "loss."
            )
        mask = token_weights.combine(
            token_weights.mask_of(logits), token_weights.mask_of(values)
        )
        if mask is not None:
            weights *= tf.cast(mask, "float32")
        total = tf.reduce_sum(tf.cast(values, "float32") * weights)
        return TokenSum(
            self.weight * total, tf.reduce_sum(weights), weights, mask
        )


def make(loss: Any, loss_weights: Any) -> TokenLoss | None:
    """Makes a `TokenLoss`, or returns `None` if `compile` got no loss.

    Args:
        loss, loss_weights: these arguments of `compile`.

    Raises:
        ValueError: the same errors as in `TokenLoss`, or there are
            `loss_weights` without a loss.
    """
    if loss is None and loss_weights is not None:
        raise ValueError(
            f"There is no loss to weigh. Received: loss_weights={loss_weights} "
            "with loss=None. Give a loss, or leave `loss_weights` out."
        )
    if loss is None:
        return None
    return TokenLoss(loss, 1.0 if loss_weights is None else loss_weights)


def _only(name, value):
    values = keras.tree.flatten(value)
    if len(values) != 1:
        raise ValueError(
            f"The model has one output, with one loss. Received: {name}="
            f"{value!r}. Sum several losses up in one function, or call "
            "`add_loss` in a layer."
        )
    return values[0]


def _check(loss):
    rule = (
        "The loss is always the mean over the tokens of all replicas, in "
        "float32."
    )
    if loss.reduction not in _MEANS:
        raise ValueError(
            f"{rule} Received: a loss with reduction={loss.reduction!r}. "
            f"Expected one of {_MEANS}; to scale it, use `loss_weights`."
        )
    if tf.as_dtype(loss.dtype).size < 4:
        raise ValueError(
            f"{rule} Received: a loss with dtype={loss.dtype!r}, in which "
            "ids of tokens are rounded. Leave `dtype` out."
        )
    if type(loss).__call__ is not keras.losses.Loss.__call__:
        raise ValueError(
            f"{rule} Received: {type(loss).__name__}, whose `__call__` "
            "computes a mean itself. Override `call` instead, which returns "
            "the loss of each token."
        )


def _check_output(labels, logits):
    if isinstance(logits, dict | list | tuple):
        raise ValueError(
            "The model has one output, the logits (B, T, V). Received: a "
            f"{type(logits).__name__} of {len(logits)}. Return the logits "
            "alone from `call`, and add other losses by `add_loss`."
        )
    if labels is None:
        raise ValueError(
            "The loss needs labels. Received: y=None. Give the ids of target "
            "tokens, (B, T), or `compile(loss=None)` to train on `add_loss` "
            "alone."
        )
    if logits.shape.rank != 3:
        raise ValueError(
            "The model's output must be the logits (B, T, V). Received: shape "
            f"{tuple(logits.shape)}."
        )
