"""Token embeddings, and the output projection that may share their weights.

B batch   T length   D model_dim   V vocabulary_size
"""

import keras
import numpy as np
from keras import ops

from keras_transformer.layers import checks, dense, symbolic

SCALES = ("sqrt_dim", "none")
INITIALIZERS = ("normal", "uniform", "glorot_uniform")
_OF_KERAS = ("input_dim", "output_dim", "embeddings_initializer")


@keras.saving.register_keras_serializable("keras_transformer")
class TokenEmbedding(dense.LoraIsSaved, keras.layers.Embedding):
    """Embeds ids, and scores tokens with the same matrix (section 3.4).

    Where source embedding, target embedding and the projection before the
    softmax share one matrix, they are one layer; where they do not, each is
    a layer of its own and only one half of it is used. It is a Keras
    `Embedding` to all that looks for one, such as `keras.callbacks.TensorBoard`
    and `quantize`.

    Args:
        vocabulary_size: V.
        model_dim: D.
        scale: `"sqrt_dim"`, the paper's, multiplies embeddings, but not
            logits, by sqrt(D); `"none"` does not.
        initializer: `"normal"` and `"uniform"` start with the standard
            deviation 1/sqrt(D), so that scaled embeddings have unit variance
            and are not drowned by the positions; `"glorot_uniform"` is far
            smaller for a large vocabulary.
        zero_id: an id whose embedding is always zero, or `None`.
        output_bias: whether the logits have a bias.
        **kwargs: what else `keras.layers.Embedding` takes, such as
            `embeddings_regularizer`.

    Call arguments:
        ids: integers in [0, V), shape `(B, T)`.
        reverse: whether to score tokens instead, see `logits`: `ids` are
            vectors then.

    Returns:
        Shape `(B, T, D)`; with `reverse=True` float32 `(B, T, V)`.

    Raises:
        ValueError: sizes below 1, unknown names, or, outside of a graph, an
            id that is not in [0, V).

    Example:

    >>> embedding = TokenEmbedding(vocabulary_size=11, model_dim=4)
    >>> vectors = embedding(keras.ops.array([[1, 2, 3]]))
    >>> embedding.logits(vectors).shape
    TensorShape([1, 3, 11])
    """

    def __init__(
        self,
        vocabulary_size,
        model_dim,
        scale="sqrt_dim",
        initializer="normal",
        zero_id=None,
        output_bias=False,
        **kwargs,
    ):
        checks.check_size("vocabulary_size", vocabulary_size)
        checks.check_size("model_dim", model_dim)
        super().__init__(
            int(vocabulary_size),
            int(model_dim),
            # That of `build`; this one draws no seed.
            embeddings_initializer="zeros",
            **kwargs,
        )
        checks.check_name("scale", scale, SCALES)
        checks.check_name("initializer", initializer, INITIALIZERS)
        if zero_id is not None:
            checks.check_id("zero_id", zero_id, vocabulary_size)
        self._settings = {
            "vocabulary_size": vocabulary_size,
            "model_dim": model_dim,
            "scale": scale,
            "initializer": initializer,
            "zero_id": zero_id,
            "output_bias": output_bias,
        }
        self.supports_masking = True
        self.vocabulary_size = vocabulary_size
        self.model_dim = model_dim
        self.bias = None

    def build_weights(self, ids_shape=None):
        initializers = {
            "normal": keras.initializers.RandomNormal(
                stddev=self.model_dim**-0.5
            ),
            # Of a uniform variable in [-a, a] it is a / sqrt(3).
            "uniform": keras.initializers.RandomUniform(
                -((3 / self.model_dim) ** 0.5), (3 / self.model_dim) ** 0.5
            ),
            "glorot_uniform": keras.initializers.GlorotUniform(),
        }
        self.embeddings_initializer = initializers[
            self._settings["initializer"]
        ]
        super().build_weights()
        if self._settings["output_bias"]:
            self.bias = self.add_weight(
                name="bias", shape=(self.vocabulary_size,), initializer="zeros"
            )
        self.built = True

    def call(self, ids, reverse=False):
        if reverse:
            return self.logits(ids)
        self.check_ids(ids)
        return self._scaled(super().call(ids), ids)

    def quantized_call(self, ids, reverse=False):
        if reverse:
            return self.logits(ids)
        self.check_ids(ids)
        return self._scaled(super().quantized_call(ids), ids)

    def compute_mask(self, ids, mask=None):
        is_reverse = len(ids.shape) == 3
        return mask if is_reverse else super().compute_mask(ids, mask)

    def compute_output_shape(self, ids_shape, reverse=False):
        if reverse:
            return (*ids_shape[:-1], self.vocabulary_size)
        return (*ids_shape, self.model_dim)

    def compute_output_spec(self, ids, reverse=False):
        if reverse:
            checks.check_vectors("inputs", ids.shape, self.model_dim)
        return keras.KerasTensor(
            self.compute_output_shape(ids.shape, reverse),
            dtype="float32" if reverse else self.compute_dtype,
        )

    def _scaled(self, vectors, ids):
        vectors = ops.cast(vectors, self.compute_dtype)
        if self._settings["scale"] == "sqrt_dim":
            vectors *= ops.cast(self.model_dim**0.5, vectors.dtype)
        zero_id = self._settings["zero_id"]
        if zero_id is not None:
            # Keras's inputs are float32 unless they are told otherwise.
            is_other = ops.not_equal(ops.cast(ids, "int32"), zero_id)
            is_other = is_other[..., None]
            vectors *= ops.cast(is_other, vectors.dtype)
        return vectors

    def logits(self, inputs):
        """Scores every token: `inputs` (B, T, D) to float32 (B, T, V)."""
        if not self.built:
            self.build()
        if symbolic.has_no_values(inputs):
            return self(inputs, reverse=True)
        checks.check_vectors("inputs", inputs.shape, self.model_dim)
        embeddings = self._matrix()
        inputs = ops.cast(inputs, self.compute_dtype)
        return self._biased(ops.einsum("BTD,VD->BTV", inputs, embeddings))

    def scorer(self):
        """Makes a function like `logits` for many calls.

        It takes `inputs` (B, D) and returns float32 (B, V). The matrix is
        read, cast and transposed once, when it is made: for few rows that
        costs as much as their product.
        """
        if not self.built:
            self.build()
        embeddings_DV = ops.transpose(self._matrix())
        return lambda inputs: self._biased(
            ops.matmul(ops.cast(inputs, self.compute_dtype), embeddings_DV)
        )

    def _matrix(self):
        """The matrix as it is multiplied, (V, D), LoRA and all."""
        if self.quantization_mode is None:
            matrix = self.embeddings
        else:
            # Keras alone knows what its integers mean.
            ids = ops.arange(self.vocabulary_size)
            matrix = super().quantized_call(ids)
        return ops.cast(matrix, self.compute_dtype)

    def _biased(self, logits):
        logits = ops.cast(logits, "float32")
        if self.bias is not None:
            logits += ops.cast(self.bias, "float32")
        return logits

    def check_ids(self, ids):
        """Raises ValueError for ids out of range, where they are known."""
        try:
            values = np.asarray(ids)
        except (NotImplementedError, TypeError, ValueError):
            return  # Inside of a graph, where ids have no values yet.
        if values.size and not (
            0 <= values.min() and values.max() < self.vocabulary_size
        ):
            raise ValueError(
                f"Ids must be in [0, {self.vocabulary_size}), the vocabulary. "
                f"Received: ids from {values.min()} to {values.max()}. Encode "
                "with the tokenizer whose vocabulary_size the model has."
            )

    def get_config(self):
        # Named otherwise here.
        config = {
            name: value
            for name, value in super().get_config().items()
            if name not in _OF_KERAS
        }
        return {**config, **self._settings}

    def save_own_variables(self, store):
        super().save_own_variables(store)
        if self.bias is not None and not self.lora_enabled:
            store[str(len(store.keys()))] = self.bias

    def load_own_variables(self, store):
        super().load_own_variables(store)
        if self.bias is not None and not self.lora_enabled:
            self.bias.assign(store[str(len(store.keys()) - 1)])
