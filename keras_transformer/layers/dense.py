"""Dense layers that can be quantized and adapted by LoRA.

When Keras saves its `Dense` or `Embedding`, it merges the LoRA matrices into
the weight matrix. The loaded layer has two LoRA matrices of zeros. Their
gradients are zero too, so these matrices cannot learn any more. The layers here
save the LoRA matrices unchanged.
"""

from typing import Any

import keras

from keras_transformer.layers.typing import Shape

_FIRST_OF_LORA = ("lora_kernel_a", "lora_embeddings_a")


class SavesLora(keras.layers.Layer):
    """A base class of layers that save LoRA matrices beside the weight matrix.

    List it before `keras.layers.Dense` or `Embedding` among the base classes.
    """

    lora_rank: int | None

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SavesLora":
        # Newer versions of Keras write the entry `quantization_config`. Keras
        # 3.12, the last version for Python 3.10, refuses this entry. So the
        # entry is left out if its value is `None`.
        if config.get("quantization_config") is None:
            config = {
                name: value
                for name, value in config.items()
                if name != "quantization_config"
            }
        return super().from_config(config)

    def build(self, input_shape: Shape | None = None) -> None:
        # If `lora_rank` is set, the `build` of Keras enables LoRA before a
        # subclass has made its weights, and uses the rank as alpha. So
        # `lora_rank` is `None` until the weights are made.
        rank = self.lora_rank
        self.lora_rank = None
        alpha = getattr(self, "lora_alpha", None)
        self.build_weights(input_shape)
        if rank is not None:
            options = {} if alpha is None else {"lora_alpha": alpha}
            self.enable_lora(rank, **options)

    def build_weights(self, input_shape: Shape | None = None) -> None:
        """Makes all weights except those of LoRA.

        Args:
            input_shape: the shape of the inputs, as for `build`.
        """
        super().build(input_shape)

    def quantize(
        self,
        mode: str | None = None,
        type_check: bool = True,
        config: Any = None,
    ) -> None:
        options = {} if config is None else {"config": config}
        # The type check of Keras would refuse subclasses.
        super().quantize(mode, type_check=False, **options)

    def save_own_variables(self, store: dict[str, Any]) -> None:
        if not self.lora_enabled:
            super().save_own_variables(store)
            return
        for i, weight in enumerate(self.weights):
            store[str(i)] = weight

    def load_own_variables(self, store: dict[str, Any]) -> None:
        if not self.lora_enabled:
            super().load_own_variables(store)
            return
        if len(store.keys()) != len(self.weights):
            # The file has no LoRA matrices. It is from a layer of Keras, or was
            # saved before LoRA was enabled. Loading it sets both LoRA matrices
            # to zero. The first matrix gets the values back that it had before
            # loading, because LoRA cannot learn from two matrices of zeros.
            first = next(w for w in self.weights if w.name in _FIRST_OF_LORA)
            values = keras.ops.convert_to_numpy(first)
            super().load_own_variables(store)
            first.assign(values)
            return
        for i, weight in enumerate(self.weights):
            weight.assign(store[str(i)])


@keras.saving.register_keras_serializable("keras_transformer")
class Dense(SavesLora, keras.layers.Dense):
    """`keras.layers.Dense` that saves its LoRA matrices.

    Example:

    >>> dense = Dense(3)
    >>> dense.build((None, 2))
    >>> dense.enable_lora(1)
    >>> len(dense.trainable_weights)  # Two matrices and the bias.
    3
    """


class Projection(Dense):
    """One of the four projections of an attention.

    Its matrix and its bias are weights of the attention, and are saved with the
    attention. This layer exists so that Keras finds a `Dense` layer to quantize
    or to adapt by LoRA.

    The matrix of a quantized projection is int8 or int4. Keras 3.12 always
    quantizes the inputs too. With newer versions of Keras, inputs are not
    quantized, and products are computed in the compute dtype. So decoding step
    by step gives the same numbers as a call on the whole sequence. The methods
    GPTQ and AWQ, and training in float8, are not supported.

    Args:
        owner: the attention.
        units: the size of the result, as in Keras.
        **kwargs: as in Keras.
    """

    def __init__(self, owner: keras.layers.Layer, units: int, **kwargs: Any):
        super().__init__(units, **kwargs)
        # This layer does not store the attention itself, because Keras would
        # then track the attention as a sublayer of this layer.
        self._add_to_owner = owner.add_weight

    def add_weight(
        self,
        *args: Any,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> keras.Variable:
        if name not in ("kernel", "bias") or dtype is not None:
            return super().add_weight(*args, name=name, dtype=dtype, **kwargs)
        full_name = f"{self.name}_{name}"
        weight = self._add_to_owner(*args, name=full_name, **kwargs)
        weight.trainable = self.trainable
        setattr(self._owner(), full_name, weight)
        return weight

    def quantize(
        self,
        mode: str | None = None,
        type_check: bool = True,
        config: Any = None,
    ) -> None:
        name = mode or getattr(config, "mode", None)
        if name not in ("int8", "int4"):
            raise NotImplementedError(
                f"The projection {self.name!r} of an attention can be "
                f"quantized to 'int8' and 'int4'. Received: mode={name!r}. "
                "The projection is not changed."
            )
        if config is not None:
            settings = {**config.get_config(), "activation_quantizer": None}
            config = type(config).from_config(settings)
        super().quantize(mode, config=config)
        # Keras has replaced the matrix by a quantized one, so the attention
        # must not keep the old matrix.
        delattr(self._owner(), f"{self.name}_kernel")

    def save_own_variables(self, store: dict[str, Any]) -> None:
        for i, weight in enumerate(self._own_weights()):
            store[str(i)] = weight

    def load_own_variables(self, store: dict[str, Any]) -> None:
        weights = self._own_weights()
        if len(store.keys()) != len(weights):
            raise ValueError(
                f"The projection {self.name!r} of an attention has "
                f"{len(weights)} weights besides its matrix and bias. "
                f"Received: a file with {len(store.keys())}. Quantize the "
                "attention and enable LoRA as before the file was saved."
            )
        for i, weight in enumerate(weights):
            weight.assign(store[str(i)])

    def _owner(self):
        return self._add_to_owner.__self__

    def _own_weights(self):
        """Returns all weights except those that the attention saves."""
        weights_of_owner = [
            getattr(self._owner(), f"{self.name}_{name}", None)
            for name in ("kernel", "bias")
        ]
        return [
            weight
            for weight in self.weights
            if not any(weight is other for other in weights_of_owner)
        ]
