"""Layers as a user may write them around ours, for what is no plain call.

`Residual` takes a function, and the logits of `TokenEmbedding` are a method;
neither can be put between `keras.Input` and an output by itself.
"""

import keras
from keras import ops


class _Around(keras.layers.Layer):
    def __init__(self, part, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.part = part

    def build(self, inputs_shape):
        self.part.build(inputs_shape)
        self.built = True

    def compute_output_spec(self, inputs):
        # By a call, which knows the dtype.
        return keras.Operation.compute_output_spec(self, inputs)

    def get_config(self):
        part = keras.saving.serialize_keras_object(self.part)
        # Whether it is built already is no setting of it.
        part.pop("build_config", None)
        return {**super().get_config(), "part": part}

    @classmethod
    def from_config(cls, config):
        part = keras.saving.deserialize_keras_object(config["part"])
        return cls(**{**config, "part": part})


@keras.saving.register_keras_serializable("conformance")
class TanhInResidual(_Around):
    """A hyperbolic tangent, in a `Residual`."""

    def call(self, inputs):
        outputs, _ = self.part(inputs, sublayer=lambda x: (ops.tanh(x), None))
        return outputs

    def compute_output_shape(self, inputs_shape):
        return self.part.compute_output_shape(inputs_shape)


@keras.saving.register_keras_serializable("conformance")
class LogitsOfEmbedded(_Around):
    """Which tokens a `TokenEmbedding` finds similar to each token."""

    def call(self, ids):
        return self.part.logits(self.part(ids))

    def compute_output_shape(self, ids_shape):
        vectors_shape = self.part.compute_output_shape(ids_shape)
        return self.part.compute_output_shape(vectors_shape, reverse=True)
