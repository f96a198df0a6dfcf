"""A metric, the share of target tokens that the model predicts correctly.

B batch   T target length   V vocabulary_size
"""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_transformer")
class TokenAccuracy(keras.metrics.MeanMetricWrapper):
    """The share of tokens whose label has the largest logit.

    It computes the same number as `keras.metrics.SparseCategoricalAccuracy`,
    with fewer passes over the logits.

    Args:
        name: the name of the metric.
        **settings: only `dtype`, as in Keras's metrics.

    Call arguments:
        y_true: labels, integers `(B, T)`.
        y_pred: logits `(B, T, V)`.
        sample_weight: the weights of the tokens in the mean, `(B, T)`; `None`
            for equal weights.

    Example:

    >>> accuracy = TokenAccuracy()
    >>> accuracy.update_state([[1, 0]], [[[0.1, 0.3], [0.2, 0.5]]])
    >>> float(accuracy.result())
    0.5
    """

    def __init__(self, name: str = "token_accuracy", **settings: Any):
        super().__init__(_is_predicted, name=name, **settings)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype}


def _is_predicted(labels, logits):
    labels = tf.cast(labels, "int32")
    predicted = tf.argmax(logits, axis=-1, output_type="int32")
    return tf.cast(tf.equal(predicted, labels), "float32")
