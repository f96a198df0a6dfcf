"""The loss of every target token, in nats.

B batch   T target length   V vocabulary_size
"""

import keras
import tensorflow as tf

# Where the smoothed share goes.
SMOOTHING_OVER = ("all", "others")


def cross_entropy(labels, logits, label_smoothing=0.0, smoothing_over="all"):
    """Cross-entropy of each token with a smoothed target distribution.

    The target is 1 - e at the label, and e is spread evenly: over `"all"`
    V tokens, the label too (Szegedy et al., whom section 5.4 cites; Marian,
    Keras and PyTorch), or over the V - 1 `"others"` (Tensor2Tensor, fairseq,
    OpenNMT). Written without that distribution:
    logsumexp(z) - (1 - e) z[label] - e mean(z), in float32, where the mean
    is over those tokens.

    Args:
        labels: integers in [0, V), shape `(B, T)`.
        logits: z, shape `(B, T, V)`.
        label_smoothing: e, in [0, 1).
        smoothing_over: `"all"` or `"others"`.

    Returns:
        float32, shape `(B, T)`.

    Raises:
        ValueError: unknown `smoothing_over`.

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
        label_smoothing: e, 0.1 in the paper.
        smoothing_over: `"all"` or `"others"`.

    Raises:
        ValueError: `label_smoothing` outside [0, 1), or unknown
            `smoothing_over`.

    Example:

    >>> loss = SmoothedCrossEntropy(label_smoothing=0.1)
    >>> round(float(loss([[0]], [[[0.0, 0.0]]])), 4)
    0.6931
    """

    def __init__(
        self,
        label_smoothing=0.1,
        smoothing_over="all",
        name="smoothed_cross_entropy",
        **kwargs,
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

    def call(self, y_true, y_pred):
        return cross_entropy(
            y_true, y_pred, self.label_smoothing, self.smoothing_over
        )

    def get_config(self):
        return {
            **super().get_config(),
            "label_smoothing": self.label_smoothing,
            "smoothing_over": self.smoothing_over,
        }


def _check_smoothing_over(smoothing_over):
    if smoothing_over not in SMOOTHING_OVER:
        raise ValueError(
            f"Unknown `smoothing_over`. Received: {smoothing_over!r}. Expected "
            f"one of {SMOOTHING_OVER}."
        )
