"""Token embeddings, and the output projection that shares their weights.

B batch   T length   D model_dim   V vocabulary_size
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_transformer")
class ScaledEmbedding(keras.layers.Layer):
    """Embeds ids, times sqrt(D), and scores tokens with the same matrix.

    Section 3.4: source embedding, target embedding and the projection before
    the softmax are one matrix. It is initialised from N(0, 1/sqrt(D)), so that
    the scaled embeddings have unit variance and are not drowned by the
    positions, and the projection's logits start small.

    Args:
        vocabulary_size: V.
        model_dim: D.

    Call arguments:
        ids: integers in [0, V), shape `(B, T)`.

    Returns:
        Shape `(B, T, D)`.

    Example:

    >>> embedding = ScaledEmbedding(vocabulary_size=11, model_dim=4)
    >>> vectors = embedding(keras.ops.array([[1, 2, 3]]))
    >>> embedding.logits(vectors).shape
    TensorShape([1, 3, 11])
    """

    def __init__(self, vocabulary_size, model_dim, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.model_dim = model_dim

    def build(self, ids_shape=None):
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.vocabulary_size, self.model_dim),
            initializer=keras.initializers.RandomNormal(
                stddev=self.model_dim**-0.5
            ),
        )
        self.built = True

    def call(self, ids):
        # Keras's inputs are float32 unless they are told otherwise.
        vectors = ops.take(self.embeddings, ops.cast(ids, "int32"), axis=0)
        scale = ops.cast(self.model_dim**0.5, vectors.dtype)
        return ops.cast(vectors * scale, self.compute_dtype)

    def logits(self, inputs):
        """Scores every token: `inputs` (B, T, D) to float32 (B, T, V)."""
        embeddings = ops.cast(self.embeddings, self.compute_dtype)
        inputs = ops.cast(inputs, self.compute_dtype)
        logits = ops.einsum("BTD,VD->BTV", inputs, embeddings)
        return ops.cast(logits, "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "model_dim": self.model_dim,
        }
