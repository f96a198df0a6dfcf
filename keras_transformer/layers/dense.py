"""A matrix and its bias, which can be quantized and adapted (LoRA).

Keras's `Dense` and `Embedding` merge LoRA into the matrix when they are saved,
and a loaded one starts from LoRA matrices that are both zero: it can learn no
more. Here what is saved is what was there.
"""

import keras


class LoraIsSaved:
    """Goes before `keras.layers.Dense` or `Embedding`; not used by itself."""

    def build(self, input_shape=None):
        # Keras would enable LoRA in its own `build`, before the weights of a
        # subclass are there, and with the rank for the alpha.
        rank, self.lora_rank = self.lora_rank, None
        alpha = getattr(self, "lora_alpha", None)
        self.build_weights(input_shape)
        if rank is not None:
            given = {} if alpha is None else {"lora_alpha": alpha}
            self.enable_lora(rank, **given)

    def build_weights(self, input_shape=None):
        """Makes all weights but those of LoRA."""
        super().build(input_shape)

    def quantize(self, mode=None, type_check=True, **kwargs):
        # Keras refuses subclasses, since it does not know what they compute.
        return super().quantize(mode, type_check=False, **kwargs)

    def save_own_variables(self, store):
        if not self.lora_enabled:
            super().save_own_variables(store)
            return
        for i, weight in enumerate(self.weights):
            store[str(i)] = weight

    def load_own_variables(self, store):
        # A file that was written before LoRA was enabled, or by Keras's own
        # layers, has the merged matrix.
        if not self.lora_enabled or len(store.keys()) != len(self.weights):
            super().load_own_variables(store)
            return
        for i, weight in enumerate(self.weights):
            weight.assign(store[str(i)])


@keras.saving.register_keras_serializable("keras_transformer")
class Dense(LoraIsSaved, keras.layers.Dense):
    """`keras.layers.Dense`, whose LoRA a file keeps.

    Example:

    >>> dense = Dense(3)
    >>> dense.build((None, 2))
    >>> dense.enable_lora(1)
    >>> len(dense.trainable_weights)  # Two matrices and the bias.
    3
    """


class Projection(Dense):
    """One of the four matrices of an attention, whose weights it makes.

    The weights are the attention's, as they are in its files and by their
    names; this layer is what Keras looks for to quantize or adapt them.

    Quantized, it keeps its matrix in 8 or 4 bits and multiplies in the compute
    dtype: what it reads is not quantized, so that a step of decoding is what
    the whole sequence is. It cannot be calibrated (GPTQ, AWQ) or trained in
    float8, since attention takes the matrix and computes by itself.

    Args:
        owner: the attention.
        units: as in Keras.
        **kwargs: as in Keras.
    """

    def __init__(self, owner, units, **kwargs):
        super().__init__(units, **kwargs)
        # A method, since Keras would take its layer for one inside of this.
        self._add_to_owner = owner.add_weight

    def add_weight(self, *args, name=None, dtype=None, **kwargs):
        if name not in ("kernel", "bias") or dtype is not None:
            return super().add_weight(*args, name=name, dtype=dtype, **kwargs)
        full_name = f"{self.name}_{name}"
        weight = self._add_to_owner(*args, name=full_name, **kwargs)
        weight.trainable = self.trainable
        setattr(self._owner(), full_name, weight)
        return weight

    def quantize(self, mode=None, type_check=True, config=None):
        name = mode or getattr(config, "mode", None)
        if name not in ("int8", "int4"):
            raise NotImplementedError(
                f"The projection {self.name!r} of an attention can be "
                f"quantized to 'int8' and 'int4'. Received: mode={name!r}. It "
                "stays as it is."
            )
        given = {}
        if config is not None:  # Older versions of Keras have none.
            described = {**config.get_config(), "activation_quantizer": None}
            given["config"] = type(config).from_config(described)
        super().quantize(mode, **given)
        # Keras has put another matrix in its place.
        delattr(self._owner(), f"{self.name}_kernel")

    def save_own_variables(self, store):
        for i, weight in enumerate(self._own_weights()):
            store[str(i)] = weight

    def load_own_variables(self, store):
        weights = self._own_weights()
        if len(store.keys()) != len(weights):
            raise ValueError(
                f"The projection {self.name!r} of an attention has "
                f"{len(weights)} weights besides its matrix and bias. "
                f"Received: a file with {len(store.keys())}. Quantize the "
                "attention and enable LoRA as they were when it was saved."
            )
        for i, weight in enumerate(weights):
            weight.assign(store[str(i)])

    def _owner(self):
        return self._add_to_owner.__self__

    def _own_weights(self):
        theirs = [
            getattr(self._owner(), f"{self.name}_{name}", None)
            for name in ("kernel", "bias")
        ]
        return [
            weight
            for weight in self.weights
            if not any(weight is one for one in theirs)
        ]
