"""Computes the loss of every target token, in nats.

B batch   T target length   V vocabulary_size
"""

from typing import Any, TypeAlias

import keras
import tensorflow as tf

TensorLike: TypeAlias = tf.types.experimental.TensorLike

# Which tokens share the probability that label smoothing takes from the label:
# all tokens, or all except the label.
SMOOTHING_OVER = ("all", "others")
# In a graph, XLA compiles the loss for vocabularies of at least this size. For
# smaller vocabularies the compilation takes more time than it saves.
WORTH_COMPILING = 512


def cross_entropy(
    labels: TensorLike,
    logits: TensorLike,
    label_smoothing: float = 0.0,
    smoothing_over: str = "all",
) -> tf.Tensor:
    """Returns the cross-entropy of each token, with label smoothing.

    With e for `label_smoothing`, the target distribution gives 1 - e to the
    label, and spreads e evenly. With `"all"`, e is spread over all V tokens, so
    the label gets a part of e, as in Szegedy et al. (cited in section 5.4 of
    the paper), Marian, Keras and PyTorch. With `"others"`, e is spread over the
    V - 1 other tokens, as in Tensor2Tensor, fairseq and OpenNMT. The result,
    logsumexp(z) - (1 - e) z[label] - e mean(z), is computed in float32; the
    mean is over the tokens that share e.

    Args:
        labels: integers in [0, V), shape `(B, T)`.
        logits: z, shape `(B, T, V)`.
        label_smoothing: e, in [0, 1). It is not checked.
        smoothing_over: `"all"` or `"others"`.

    Returns:
        float32, shape `(B, T)`.

    Raises:
        ValueError: `smoothing_over` is unknown.

    Example:

    >>> round(float(cross_entropy([[0]], [[[0.0, 0.0]]])[0, 0]), 4)
    0.6931
    """
    _check_smoothing_over(smoothing_over)
    logits = tf.cast(logits, "float32")
    labels = tf.cast(labels, "int32")
    label_logits = tf.gather(logits, labels, batch_dims=2)
    expected = (1 - label_smoothing) * label_logits
    if label_smoothing and smoothing_over == "all":
        expected += label_smoothing * tf.reduce_mean(logits, axis=-1)
    elif label_smoothing:
        others = tf.reduce_sum(logits, axis=-1) - label_logits
        num_others = tf.cast(tf.shape(logits)[-1] - 1, "float32")
        expected += label_smoothing * others / num_others
    return tf.reduce_logsumexp(logits, axis=-1) - expected


@keras.saving.register_keras_serializable("keras_transformer")
class SmoothedCrossEntropy(keras.losses.Loss):
    """Label-smoothed cross-entropy as a Keras loss, see `cross_entropy`.

    Args:
        label_smoothing: as for `cross_entropy`; 0.1 in the paper.
        smoothing_over: as for `cross_entropy`, `"all"` or `"others"`.
        name: the name of the loss.
        **kwargs: further arguments of `keras.losses.Loss`.

    Raises:
        ValueError: `label_smoothing` is outside [0, 1), or `smoothing_over`
            is unknown.

    Example:

    >>> loss = SmoothedCrossEntropy(label_smoothing=0.1)
    >>> round(float(loss([[0]], [[[0.0, 0.0]]])), 4)
    0.6931
    """

    def __init__(
        self,
        label_smoothing: float = 0.1,
        smoothing_over: str = "all",
        name: str = "smoothed_cross_entropy",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                "`label_smoothing` must be in [0, 1). Received: "
                f"{label_smoothing}."
            )
        _check_smoothing_over(smoothing_over)
        self.label_smoothing = label_smoothing
        self.smoothing_over = smoothing_over

    def call(self, y_true: TensorLike, y_pred: TensorLike) -> tf.Tensor:
        compute = cross_entropy
        vocabulary_size = tf.convert_to_tensor(y_pred).shape[-1] or 0
        if tf.inside_function() and vocabulary_size >= WORTH_COMPILING:
            compute = _compiled_cross_entropy
        return compute(
            y_true, y_pred, self.label_smoothing, self.smoothing_over
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "label_smoothing": self.label_smoothing,
            "smoothing_over": self.smoothing_over,
        }


@tf.function(jit_compile=True, reduce_retracing=True)
def _compiled_cross_entropy(*arguments):
    """Computes `cross_entropy` and its gradient in few passes over the logits.

    Without XLA, each operation reads and writes tensors of the size of the
    logits. XLA fuses the operations. It compiles the function once for each
    shape.
    """
    return cross_entropy(*arguments)


def _check_smoothing_over(smoothing_over):
    if smoothing_over not in SMOOTHING_OVER:
        raise ValueError(
            f"Unknown `smoothing_over`. Received: {smoothing_over!r}. Expected "
            f"one of {SMOOTHING_OVER}."
        )
