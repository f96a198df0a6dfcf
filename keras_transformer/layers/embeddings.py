"""Token embeddings, and the output projection that may share their matrix.

B batch   T length   D model_dim   V vocabulary_size
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_transformer.layers import checks, dense, symbolic
from keras_transformer.layers.typing import Shape, Tensor

SCALES = ("sqrt_dim", "none")
INITIALIZERS = ("normal", "uniform", "glorot_uniform")
# `get_config` leaves out these arguments of `keras.layers.Embedding`, because
# `TokenEmbedding` has other names or values for them.
_KERAS_ARGUMENTS = ("input_dim", "output_dim", "embeddings_initializer")


@keras.saving.register_keras_serializable("keras_transformer")
class TokenEmbedding(dense.SavesLora, keras.layers.Embedding):
    """A matrix that embeds ids and computes logits (section 3.4 of the paper).

    A model needs a source embedding, a target embedding and a projection before
    the softmax. Two or three of them share a matrix if they are the same
    `TokenEmbedding` object. `keras.callbacks.TensorBoard` and `quantize`
    recognize a `TokenEmbedding`, because the class is a subclass of Keras's
    `Embedding`.

    Args:
        vocabulary_size: V.
        model_dim: D.
        scale: `"sqrt_dim"`, as in the paper, multiplies embeddings, but not
            logits, by sqrt(D); `"none"` does not scale.
        initializer: with `"normal"` and `"uniform"` the initial standard
            deviation is 1/sqrt(D), so that scaled embeddings have unit
            variance and are not small beside the positions. With
            `"glorot_uniform"` the standard deviation is far smaller for a
            large vocabulary.
        zero_id: an id whose embedding is always zero, or `None`. The logits
            are not affected.
        output_bias: whether a bias is added to the logits.
        **kwargs: other arguments of `keras.layers.Embedding`, such as
            `embeddings_regularizer`.

    Call arguments:
        ids: integers in [0, V), shape `(B, T)`; with `reverse=True` vectors,
            shape `(B, T, D)`.
        reverse: whether to compute logits from vectors.

    Returns:
        Shape `(B, T, D)`; with `reverse=True` float32 `(B, T, V)`.

    Raises:
        ValueError: a size is below 1, `scale` or `initializer` is unknown,
            vectors have another shape, `zero_id` is not in [0, V), or, outside
            of a graph, an id of `ids` is not in [0, V).

    Example:

    >>> embedding = TokenEmbedding(vocabulary_size=11, model_dim=4)
    >>> vectors = embedding(keras.ops.array([[1, 2, 3]]))
    >>> embedding.logits(vectors).shape
    TensorShape([1, 3, 11])
    """

    def __init__(
        self,
        vocabulary_size: int,
        model_dim: int,
        scale: str = "sqrt_dim",
        initializer: str = "normal",
        zero_id: int | None = None,
        output_bias: bool = False,
        **kwargs: Any,
    ):
        checks.check_size("vocabulary_size", vocabulary_size)
        checks.check_size("model_dim", model_dim)
        super().__init__(
            int(vocabulary_size),
            int(model_dim),
            # `build_weights` sets the real initializer. Until then the
            # initializer is zeros, because zeros need no random seed.
            embeddings_initializer="zeros",
            **kwargs,
        )
        checks.check_name("scale", scale, SCALES)
        checks.check_name("initializer", initializer, INITIALIZERS)
        if zero_id is not None:
            checks.check_id("zero_id", zero_id, vocabulary_size)
        self._settings: dict[str, Any] = {
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

    def build_weights(self, input_shape: Shape | None = None) -> None:
        initializers = {
            "normal": keras.initializers.RandomNormal(
                stddev=self.model_dim**-0.5
            ),
            # The bound is sqrt(3 / D), because a uniform variable in [-a, a]
            # has the standard deviation a / sqrt(3).
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

    def call(self, ids: Tensor, reverse: bool = False) -> Tensor:
        if reverse:
            return self.logits(ids)
        self.check_ids(ids)
        return self._scaled(super().call(ids), ids)

    def quantized_call(self, ids: Tensor, reverse: bool = False) -> Tensor:
        if reverse:
            return self.logits(ids)
        self.check_ids(ids)
        return self._scaled(super().quantized_call(ids), ids)

    def compute_mask(
        self, ids: Tensor, mask: Tensor | None = None
    ) -> Tensor | None:
        is_reverse = len(ids.shape) == 3
        return mask if is_reverse else super().compute_mask(ids, mask)

    def compute_output_shape(
        self, ids_shape: Shape, reverse: bool = False
    ) -> Shape:
        if reverse:
            return (*ids_shape[:-1], self.vocabulary_size)
        return (*ids_shape, self.model_dim)

    def compute_output_spec(self, ids: Tensor, reverse: bool = False) -> Any:
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
            # `keras.Input` is float32 by default, so ids may be floats.
            is_not_zero = ops.not_equal(ops.cast(ids, "int32"), zero_id)
            is_not_zero = is_not_zero[..., None]
            vectors *= ops.cast(is_not_zero, vectors.dtype)
        return vectors

    def logits(self, inputs: Tensor) -> Tensor:
        """Computes the logits of all tokens, float32 `(B, T, V)`.

        Args:
            inputs: vectors, shape `(B, T, D)`.

        Raises:
            ValueError: the vectors have another shape.
        """
        if not self.built:
            self.build()
        if symbolic.has_no_values(inputs):
            return self(inputs, reverse=True)
        checks.check_vectors("inputs", inputs.shape, self.model_dim)
        embeddings = self._matrix()
        inputs = ops.cast(inputs, self.compute_dtype)
        # This is a product of two matrices, and not an einsum, because the
        # gradient of an einsum would hold a matrix (V, D) for each row of the
        # batch, and then add these matrices.
        *batch, model_dim = ops.shape(inputs)
        flat = ops.matmul(
            ops.reshape(inputs, (-1, model_dim)), ops.transpose(embeddings)
        )
        return self._biased(ops.reshape(flat, (*batch, self.vocabulary_size)))

    def scorer(
        self, output_ids: Tensor | None = None
    ) -> Callable[[Tensor], Tensor]:
        """Makes a function that computes the logits of each decoding step.

        The matrix is cast and transposed once, when the function is made. For
        few rows, the cast and the transposition take as long as the product.

        Args:
            output_ids: the ids of the tokens whose logits are computed, a
                vector of integers; `None` means all V tokens.

        Returns:
            A function from vectors `(B, D)` to float32 logits `(B, V)`. If
            `output_ids` are given, the logits have only the columns of these
            ids.
        """
        if not self.built:
            self.build()
        embeddings_DV = ops.transpose(self._matrix(output_ids))
        return lambda inputs: self._biased(
            ops.matmul(ops.cast(inputs, self.compute_dtype), embeddings_DV),
            output_ids,
        )

    def _matrix(self, ids=None):
        """Returns the matrix (V, D), or only its rows for `ids`.

        LoRA is added to the matrix. The result has the compute dtype.
        """
        if self.quantization_mode is not None:
            # `quantized_call` of Keras dequantizes only the rows of its ids. So
            # the whole matrix is the result for all V ids.
            ids = ops.arange(self.vocabulary_size) if ids is None else ids
            matrix = super().quantized_call(ids)
        elif ids is None:
            matrix = self.embeddings
        else:
            matrix = ops.take(self.embeddings, ids, axis=0)
        return ops.cast(matrix, self.compute_dtype)

    def _biased(self, logits, ids=None):
        logits = ops.cast(logits, "float32")
        if self.bias is not None:
            bias = self.bias if ids is None else ops.take(self.bias, ids)
            logits += ops.cast(bias, "float32")
        return logits

    def check_ids(self, ids: Tensor) -> None:
        """Checks that ids are in the vocabulary, if their values are known.

        Args:
            ids: integers of any shape.

        Raises:
            ValueError: an id is not in [0, V).
        """
        try:
            values = np.asarray(ids)
        except (NotImplementedError, TypeError, ValueError):
            return  # In a graph, ids have no values yet.
        if values.size and not (
            0 <= values.min() and values.max() < self.vocabulary_size
        ):
            raise ValueError(
                f"Ids must be in [0, {self.vocabulary_size}), the vocabulary. "
                f"Received: ids from {values.min()} to {values.max()}. Encode "
                "with the tokenizer whose vocabulary_size the model has."
            )

    def get_config(self) -> dict[str, Any]:
        config = {
            name: value
            for name, value in super().get_config().items()
            if name not in _KERAS_ARGUMENTS
        }
        return {**config, **self._settings}

    def save_own_variables(self, store: dict[str, Any]) -> None:
        super().save_own_variables(store)
        if self.bias is not None and not self.lora_enabled:
            store[str(len(store.keys()))] = self.bias

    def load_own_variables(self, store: dict[str, Any]) -> None:
        super().load_own_variables(store)
        # If LoRA is enabled and the file has the LoRA matrices, the bias is
        # already loaded.
        is_whole = self.lora_enabled and len(store.keys()) == len(self.weights)
        if self.bias is not None and not is_whole:
            self.bias.assign(store[str(len(store.keys()) - 1)])
