"""Layers made of layers, and what happened to those after they were made.

A layer is saved as the arguments of its constructor. What a user does to a
layer inside of it later is no argument: to freeze it, to add LoRA to it, to
quantize it. Keras forgets that; a `Composite` keeps it in its config, by the
names of the layers, under `"sublayers"`.
"""

import keras

from keras_transformer.layers import templates

# Arguments of a Dense or Embedding that change after it is made.
_LORA = ("lora_rank", "lora_alpha")


class TracedLayer(keras.layers.Layer):
    """A layer whose outputs in a functional model are found by a call.

    As those of a layer without `compute_output_shape`: a call checks what is
    given, and knows every dtype and optional output.
    """

    def compute_output_spec(self, *args, **kwargs):
        return keras.Operation.compute_output_spec(self, *args, **kwargs)


class Composite(TracedLayer):
    """A layer whose sublayers are its public attributes; not used by itself.

    A sublayer must take its `trainable` from the composite when it is made
    (`templates.copy_into`), and be built by the composite's `build` alone.
    """

    def get_config(self):
        described = {
            path: state
            for path, owner, layer in layers_inside(self)
            if (state := _state_of(layer, owner))
        }
        config = super().get_config()
        return {**config, "sublayers": described} if described else config

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        described = config.pop("sublayers", {})
        layer = super().from_config(config)
        for path, _, sublayer in layers_inside(layer):
            if path in described:
                _restore(sublayer, described[path])
        return layer

    def enable_lora(self, rank, **kwargs):
        """Adds low-rank matrices to all projections inside, and freezes those.

        Biases and norms stay as trainable as they are.

        Args:
            rank: of the matrices that are trained instead.
            **kwargs: as for `keras.layers.Dense.enable_lora`.

        Raises:
            ValueError: the layer is not built, or has LoRA already.
        """
        for layer in self._projections("enable_lora"):
            layer.enable_lora(rank, **kwargs)

    def quantize(self, mode=None, type_check=True, config=None):
        """Quantizes all projections inside, as `keras.Model.quantize` does.

        Args:
            mode: such as `"int8"`.
            type_check: as in Keras; of no effect.
            config: as in Keras.

        Raises:
            NotImplementedError: a projection cannot be quantized so.
            ValueError: the layer is not built, or quantized already.
        """
        # Older versions of Keras have no config.
        given = {} if config is None else {"config": config}
        for layer in self._projections("quantize"):
            layer.quantize(mode, **given)

    def _projections(self, task):
        if not self.built:
            raise ValueError(
                f"`{task}` changes weights that are there. Received: "
                f"{type(self).__name__} {self.name!r}, not built. Call it, or "
                "its `build`, first."
            )
        return [
            layer
            for _, _, layer in layers_inside(self)
            if isinstance(layer, (keras.layers.Dense, keras.layers.Embedding))
        ]


def build_all(*layers):
    """Builds those layers, that need no shape, that are not built yet."""
    for layer in layers:
        if not layer.built:
            layer.build()


def layers_inside(owner, path=""):
    """Yields path, owner and layer of all layers inside, outer ones first.

    Args:
        owner: a layer or model, whose sublayers are its public attributes or
            in lists of such.
        path: what their paths start with.

    Example:

    >>> norm = keras.layers.LayerNormalization(name="norm")
    >>> owner = keras.layers.Layer()
    >>> owner.norms = [norm]
    >>> [path for path, _, _ in layers_inside(owner)]
    ['norm']
    """
    for name in sorted(vars(owner)):
        if name.startswith("_"):
            continue
        for layer in keras.tree.flatten(vars(owner)[name]):
            if isinstance(layer, keras.layers.Layer):
                inner = f"{path}{layer.name}"
                yield inner, owner, layer
                yield from layers_inside(layer, f"{inner}/")


def _state_of(layer, owner):
    """What of a layer is not as its owner made it."""
    state = {}
    if layer.trainable != owner.trainable:
        state["trainable"] = layer.trainable
    if layer.dtype_policy.quantization_mode is not None:
        config = layer.get_config()
        state["dtype"] = config["dtype"]
        if config.get("quantization_config") is not None:
            state["quantization_config"] = config["quantization_config"]
    if getattr(layer, "lora_rank", None):
        for name in _LORA:
            if hasattr(layer, name):
                state[name] = getattr(layer, name)
    return templates.plain_copy(state)


def _restore(layer, state):
    """Gives a layer that is not built yet the state of another."""
    for name in ("trainable", *_LORA):
        if name in state:
            setattr(layer, name, state[name])
    if "quantization_config" in state:
        layer.quantization_config = keras.saving.deserialize_keras_object(
            state["quantization_config"]
        )
    if "dtype" in state:
        layer.dtype_policy = keras.dtype_policies.get(state["dtype"])
