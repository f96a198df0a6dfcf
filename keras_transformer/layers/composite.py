"""Layers that hold sublayers, and save what a user changed in the sublayers.

Keras saves a layer as the arguments of its constructor. After the constructor,
a user can change a sublayer: freeze it, add LoRA to it or quantize it. Keras
does not save such changes. A `Composite` saves them in its config under
`"sublayers"`, a dict whose keys are the paths of the sublayers.
"""

from collections.abc import Iterator
from typing import Any

import keras

from keras_transformer.layers import templates

# Attributes of a `Dense` or `Embedding` that `enable_lora` sets.
_LORA = ("lora_rank", "lora_alpha")


class TracedLayer(keras.layers.Layer):
    """A layer whose symbolic outputs Keras computes by tracing its call.

    By default Keras calls `compute_output_shape`, if a layer defines this
    method. But Keras gives the method only shapes, so the method knows neither
    the dtypes nor the value of `return_attention_scores`.
    """

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        return keras.Operation.compute_output_spec(self, *args, **kwargs)


class Composite(TracedLayer):
    """A base class for layers whose sublayers are public attributes.

    A subclass must make each sublayer with `trainable=self.trainable`. If a
    sublayer has a different value, `get_config` assumes that the user changed
    the value, and saves the value. A subclass must not build sublayers before
    its `build`, because `from_config` applies the saved changes to sublayers
    that are not built yet.
    """

    def get_config(self) -> dict[str, Any]:
        changes = {
            path: changed
            for path, owner, layer in layers_inside(self)
            if (changed := _changes_of(layer, owner))
        }
        config = super().get_config()
        return {**config, "sublayers": changes} if changes else config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Composite":
        config = dict(config)
        changes = config.pop("sublayers", {})
        layer = super().from_config(config)
        for path, _, sublayer in layers_inside(layer):
            if path in changes:
                _change(sublayer, changes[path])
        return layer

    def enable_lora(self, rank: int, **kwargs: Any) -> None:
        """Adds LoRA to all `Dense` and `Embedding` layers inside.

        Their matrices are frozen, and low-rank matrices beside them are trained
        instead. Biases and norms stay trainable or frozen as before.

        Args:
            rank: the rank of the low-rank matrices.
            **kwargs: as for `keras.layers.Dense.enable_lora`.

        Raises:
            ValueError: this layer is not built, or a layer inside has LoRA
                already.
        """
        for layer in self._projections("enable_lora"):
            layer.enable_lora(rank, **kwargs)

    def quantize(
        self,
        mode: str | None = None,
        type_check: bool = True,
        config: Any = None,
    ) -> None:
        """Quantizes all `Dense` and `Embedding` layers inside.

        Args:
            mode: the mode, such as `"int8"`; `None` means the mode of `config`.
            type_check: has no effect; Keras passes this argument.
            config: as for `keras.Model.quantize`.

        Raises:
            NotImplementedError: a layer inside cannot be quantized in this
                mode.
            ValueError: the mode is missing or unknown to Keras, this layer is
                not built, or a layer inside is quantized already.
        """
        options = {} if config is None else {"config": config}
        for layer in self._projections("quantize"):
            layer.quantize(mode, **options)

    def _projections(self, method):
        if not self.built:
            raise ValueError(
                f"`{method}` changes weights, so the layer must be built. "
                f"Received: {type(self).__name__} {self.name!r}, not built. "
                "Call the layer, or its `build`, first."
            )
        return [
            layer
            for _, _, layer in layers_inside(self)
            if isinstance(layer, (keras.layers.Dense, keras.layers.Embedding))
        ]


def build_all(*layers: keras.layers.Layer) -> None:
    """Calls `build` without a shape on each layer that is not built yet."""
    for layer in layers:
        if not layer.built:
            layer.build()


def layers_inside(
    owner: keras.layers.Layer, path: str = ""
) -> Iterator[tuple[str, keras.layers.Layer, keras.layers.Layer]]:
    """Yields all layers inside a layer or model, each before its sublayers.

    `owner` itself is not yielded. A layer that is the value of several
    attributes is yielded once for each of them.

    Args:
        owner: a layer or model. Its sublayers are public attributes, or items
            of lists, tuples and dicts that are public attributes.
        path: the prefix of all paths, which ends with `/` if it is not empty.

    Yields:
        Triples of the path of a layer (names joined by `/`), the layer or
        model that holds this layer, and the layer.

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


def _changes_of(layer, owner):
    """Describes what a user changed in a layer after its owner made it."""
    changes = {}
    if layer.trainable != owner.trainable:
        changes["trainable"] = layer.trainable
    if layer.dtype_policy.quantization_mode is not None:
        config = layer.get_config()
        changes["dtype"] = config["dtype"]
        if config.get("quantization_config") is not None:
            changes["quantization_config"] = config["quantization_config"]
    if getattr(layer, "lora_rank", None):
        for name in _LORA:
            if hasattr(layer, name):
                changes[name] = getattr(layer, name)
    return templates.plain_copy(changes)


def _change(layer, changes):
    """Applies the result of `_changes_of` to a layer that is not built yet."""
    for name in ("trainable", *_LORA):
        if name in changes:
            setattr(layer, name, changes[name])
    if "quantization_config" in changes:
        layer.quantization_config = keras.saving.deserialize_keras_object(
            changes["quantization_config"]
        )
    if "dtype" in changes:
        layer.dtype_policy = keras.dtype_policies.get(changes["dtype"])
