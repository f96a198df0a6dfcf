"""The position-wise feed-forward network of each block.

B batch   T length   D model_dim   F feed_forward_dim
"""

import keras


@keras.saving.register_keras_serializable("keras_transformer")
class FeedForward(keras.layers.Layer):
    """max(0, x W1 + b1) W2 + b2, at every position alike (section 3.3).

    Args:
        model_dim: D, size of the inputs and of the output, d_model.
        feed_forward_dim: F, size between the two, d_ff.

    Call arguments:
        inputs: shape `(B, T, D)`.

    Returns:
        Shape `(B, T, D)`.

    Example:

    >>> FeedForward(4, 8)(keras.ops.ones((2, 3, 4))).shape
    TensorShape([2, 3, 4])
    """

    def __init__(self, model_dim, feed_forward_dim, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.model_dim = model_dim
        self.feed_forward_dim = feed_forward_dim
        self.expand = keras.layers.Dense(
            feed_forward_dim,
            activation="relu",
            dtype=self.dtype_policy,
            name="expand",
        )
        self.contract = keras.layers.Dense(
            model_dim, dtype=self.dtype_policy, name="contract"
        )

    def build(self, inputs_shape=None):
        self.expand.build((None, None, self.model_dim))
        self.contract.build((None, None, self.feed_forward_dim))
        self.built = True

    def call(self, inputs):
        return self.contract(self.expand(inputs))

    def get_config(self):
        return {
            **super().get_config(),
            "model_dim": self.model_dim,
            "feed_forward_dim": self.feed_forward_dim,
        }
