"""The loss of every target token, in nats.

B batch   T target length   V vocabulary_size
"""

import keras
import tensorflow as tf


def cross_entropy(labels, logits, label_smoothing=0.0):
    """Cross-entropy of each token with a smoothed target distribution.

    The target is (1 - e) at the label plus e / V everywhere (section 5.4,
    after Szegedy et al.). Written without that distribution:
    logsumexp(z) - (1 - e) z[label] - e mean(z), in float32.

    Args:
        labels: integers in [0, V), shape `(B, T)`.
        logits: z, shape `(B, T, V)`.
        label_smoothing: e, in [0, 1).

    Returns:
        float32, shape `(B, T)`.

    Example:

    >>> round(float(cross_entropy([[0]], [[[0.0, 0.0]]])[0, 0]), 4)
    0.6931
    """
    logits = tf.cast(logits, "float32")
    labels = tf.cast(labels, "int32")
    label_logits = tf.gather(logits, labels, batch_dims=2)
    expected = (1 - label_smoothing) * label_logits
    if label_smoothing:
        expected += label_smoothing * tf.reduce_mean(logits, axis=-1)
    return tf.reduce_logsumexp(logits, axis=-1) - expected


@keras.saving.register_keras_serializable("keras_transformer")
class SmoothedCrossEntropy(keras.losses.Loss):
    """Label-smoothed cross-entropy as a Keras loss, see `cross_entropy`.

    Args:
        label_smoothing: e, 0.1 in the paper.

    Raises:
        ValueError: `label_smoothing` outside [0, 1).

    Example:

    >>> loss = SmoothedCrossEntropy(label_smoothing=0.1)
    >>> round(float(loss([[0]], [[[0.0, 0.0]]])), 4)
    0.6931
    """

    def __init__(
        self, label_smoothing=0.1, name="smoothed_cross_entropy", **kwargs
    ):
        super().__init__(name=name, **kwargs)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                "`label_smoothing` must be in [0, 1). Received: "
                f"{label_smoothing}."
            )
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        return cross_entropy(y_true, y_pred, self.label_smoothing)

    def get_config(self):
        return {
            **super().get_config(),
            "label_smoothing": self.label_smoothing,
        }
