"""Layers that a user may write around layers of this package.

`Residual` takes a function, and the logits of `TokenEmbedding` are a method. So
a functional model needs a layer around each.
"""

import keras
from keras import ops


class _Around(keras.layers.Layer):
    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.inner = inner

    def build(self, inputs_shape):
        self.inner.build(inputs_shape)
        self.built = True

    def compute_output_spec(self, inputs):
        # Keras traces a call to find the dtype.
        return keras.Operation.compute_output_spec(self, inputs)

    def get_config(self):
        inner = keras.saving.serialize_keras_object(self.inner)
        # The input shape is not a setting.
        inner.pop("build_config", None)
        return {**super().get_config(), "inner": inner}

    @classmethod
    def from_config(cls, config):
        inner = keras.saving.deserialize_keras_object(config["inner"])
        return cls(**{**config, "inner": inner})


@keras.saving.register_keras_serializable("conformance")
class TanhInResidual(_Around):
    """A `Residual` around a hyperbolic tangent."""

    def call(self, inputs):
        outputs, _ = self.inner(inputs, sublayer=lambda x: (ops.tanh(x), None))
        return outputs

    def compute_output_shape(self, inputs_shape):
        return self.inner.compute_output_shape(inputs_shape)


@keras.saving.register_keras_serializable("conformance")
class LogitsOfEmbedded(_Around):
    """The logits of embedded tokens, both by one `TokenEmbedding`."""

    def call(self, ids):
        return self.inner.logits(self.inner(ids))

    def compute_output_shape(self, ids_shape):
        vectors_shape = self.inner.compute_output_shape(ids_shape)
        return self.inner.compute_output_shape(vectors_shape, reverse=True)
