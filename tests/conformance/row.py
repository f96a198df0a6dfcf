"""A row of the table: a layer or model, and how it is called.

B batch   T target length   S source length   V vocabulary_size
"""

import dataclasses
from collections.abc import Callable

import keras


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """One kind of one class.

    name: of the row, begins with that of the class.
    kind: the class.
    settings: makes the constructor's arguments.
    inputs: name and axes of each array that it is called with. A name that
        ends in "mask" is boolean, one that ends in "ids" integers below V.
        B, T and S vary from call to call, numbers do not.
    constants: further call arguments.
    outputs: dtype of each output; "compute" is the policy's compute dtype.
    roundings: how many roundings to half precision the root mean square of
        its error may amount to; about twice as many as it has been seen to,
        which was the same for bfloat16 and float16.
    without: hard cases of half precision that do not exist, and why.
    user: what it is wrapped in where it is no plain call.
    make: makes it where the constructor does not.
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

    def part(self, layer):
        """The layer of our class in what `build` made."""
        return layer if self.user is None else layer.part

    def call(self, layer, arrays):
        """Calls it on tensors by name; returns a list of outputs."""
        if self.is_model:
            outputs = layer(arrays)
        else:
            first, *others = self.inputs
            named = {name: arrays[name] for name in others}
            outputs = layer(arrays[first], **named, **self.constants)
        return list(outputs) if isinstance(outputs, tuple) else [outputs]
