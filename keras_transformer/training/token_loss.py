"""What `compile` was given as `loss`, token by token.

Keras's losses end in a mean over what they are called on, which may be a part
of a batch. Here their values are taken before that, and only added up.

B batch   T target length   V vocabulary_size
"""

from typing import NamedTuple

import keras
import tensorflow as tf

from keras_transformer.training import token_weights

# Reductions that mean the same here: a mean over tokens, by their weights.
_MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")


class TokenSum(NamedTuple):
    """What the tokens of some rows add up to.

    loss: their weighted losses, times `loss_weights`, scalar.
    tokens: their weights, scalar.
    weights: what each counts for, 0 where it is masked, `(B, T)`.
    mask: which tokens are there, `(B, T)`, or `None`: all.
    """

    loss: object
    tokens: object
    weights: object
    mask: object


class TokenLoss:
    """A loss of each token, and the sum of them.

    As in Keras, labels and logits are cast to the loss's type, and a token
    that is masked, by a mask on the logits or by the loss itself as with
    `ignore_class`, has no loss and no weight.

    Args:
        loss: a `keras.losses.Loss`, a function of labels and logits, or the
            name of one.
        loss_weights: a number, perhaps alone in a list or dict.

    Raises:
        ValueError: several losses, or one that means no mean over tokens.

    Example:

    >>> loss = TokenLoss(lambda labels, logits: logits[..., 0], 0.5)
    >>> total = loss(tf.zeros([2, 3]), tf.ones([2, 3, 7]))
    >>> float(total.loss), float(total.tokens)
    (3.0, 6.0)
    """

    def __init__(self, loss, loss_weights=1.0):
        loss = _only("loss", loss)
        self.weight = _only("loss_weights", loss_weights)
        if loss in ("crossentropy", "ce"):
            loss = "sparse_categorical_crossentropy"  # Of labels (B, T).
        loss = keras.losses.get(loss)
        self.dtype = keras.config.floatx()
        self._values = loss
        if isinstance(loss, keras.losses.Loss):
            _check(loss)
            self.dtype = loss.dtype
            self._values = loss.call

    def __call__(self, labels, logits, weights=None):
        """Adds up the losses of tokens.

        Args:
            labels: `(B, T)`.
            logits: `(B, T, V)`.
            weights: `(B,)`, `(B, 1)`, `(B, T)` or `None`.

        Returns:
            `TokenSum`.

        Raises:
            ValueError: other shapes; several outputs; a loss that does not
                give a number for each token.
        """
        _check_output(labels, logits)
        weights = token_weights.per_token(weights, labels)
        values = self._values(
            tf.cast(labels, self.dtype), tf.cast(logits, self.dtype)
        )
        values = tf.convert_to_tensor(values)
        if not values.shape.is_compatible_with(logits.shape[:-1]):
            raise ValueError(
                "A loss gives one number for each token, of which the model "
                "makes the mean over all replicas. Received: values of shape "
                f"{tuple(values.shape)} for logits of shape "
                f"{tuple(logits.shape)}. Leave the mean over tokens out."
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


def make(loss, loss_weights):
    """A `TokenLoss`, or `None` if `compile` was given no loss.

    Raises:
        ValueError: as `TokenLoss`; weights of no loss.
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
            f"{value!r}. Add other losses to it, or give them by `add_loss`."
        )
    return values[0]


def _check(loss):
    advice = (
        "The loss is the mean over the tokens of all replicas, in float32, "
        "whatever shares a replica reads."
    )
    if loss.reduction not in _MEANS:
        raise ValueError(
            f"{advice} Received: a loss with reduction={loss.reduction!r}. "
            f"Expected one of {_MEANS}; to scale it, use `loss_weights`."
        )
    if tf.as_dtype(loss.dtype).size < 4:
        raise ValueError(
            f"{advice} Received: a loss with dtype={loss.dtype!r}, in which "
            "ids of tokens are rounded. Leave `dtype` out."
        )
    if type(loss).__call__ is not keras.losses.Loss.__call__:
        raise ValueError(
            f"{advice} Received: {type(loss).__name__}, whose `__call__` "
            "makes a mean of its own. Override `call`, which gives the loss "
            "of each token."
        )


def _check_output(labels, logits):
    if isinstance(logits, dict | list | tuple):
        raise ValueError(
            "The model has one output, the logits (B, T, V). Received: a "
            f"{type(logits).__name__} of {len(logits)}. Return the logits "
            "alone from `call`, and give other losses by `add_loss`."
        )
    if labels is None:
        raise ValueError(
            "The loss needs labels. Received: y=None. Give the ids of target "
            "tokens, (B, T), or `compile(loss=None)` to train on `add_loss` "
            "alone."
        )
    if logits.shape.rank != 3:
        raise ValueError(
            "The model's output is the logits (B, T, V). Received: shape "
            f"{tuple(logits.shape)}."
        )
