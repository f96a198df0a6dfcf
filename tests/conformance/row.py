"""A row of the table: a layer or model, and how it is called.

B batch   T target length   S source length   V vocabulary_size
"""

import dataclasses
from collections.abc import Callable

import keras


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """One layer or model with settings, and its inputs.

    name: the name of the row; it begins with the name of the class.
    kind: the class.
    settings: a function that makes the constructor's arguments.
    inputs: name and axes of each input. An input whose name ends in "mask" is
        boolean, one whose name ends in "ids" holds integers below V. The
        axes B, T and S vary from call to call, numbers do not.
    constants: other call arguments.
    outputs: dtype of each output; "compute" is the policy's compute dtype.
    roundings: the tolerance in half precision: the root mean square of the
        error, in roundings of one number. It is about twice the observed
        error, which is the same for bfloat16 and float16.
    without: cases of half precision that the row does not have, and why.
    user: a layer class around the row's layer; it calls another method of the
        layer than `call`. None if the row calls the layer itself.
    make: a function of the dtype that makes the layer. None means that the
        constructor makes it.
    """

    name: str
    kind: type
    settings: Callable[[], dict]
    inputs: dict[str, str]
    constants: dict = dataclasses.field(default_factory=dict)
    outputs: tuple[str, ...] = ("compute",)
    roundings: float = 3
    without: dict[str, str] = dataclasses.field(default_factory=dict)
    user: type | None = None
    make: Callable | None = None

    @property
    def is_model(self):
        return issubclass(self.kind, keras.Model)

    def build(self, dtype="float32"):
        """Makes the layer under a dtype policy."""
        if self.make is not None:
            return self.make(dtype)
        layer = self.kind(**self.settings(), dtype=dtype)
        return layer if self.user is None else self.user(layer, dtype=dtype)

    def inner(self, layer):
        """Returns the layer of the class `kind` in the result of `build`."""
        return layer if self.user is None else layer.inner

    def call(self, layer, arrays):
        """Calls the layer on tensors by name; returns a list of outputs."""
        if self.is_model:
            outputs = layer(arrays)
        else:
            first, *others = self.inputs
            named = {name: arrays[name] for name in others}
            outputs = layer(arrays[first], **named, **self.constants)
        return list(outputs) if isinstance(outputs, tuple) else [outputs]
