"""TensorFlow functions to HLO modules of static shapes, for any device.

Lowered for the CPU, since captured variables need a device that is there.
What is left is the same HLO as for a TPU, but for the default generator of
random bits: Philox here, and that of the chip there.
"""

import pathlib
import re

import tensorflow as tf

_ROOT = pathlib.Path(__file__).parents[2]
_DYNAMIC = re.compile(
    r" = [^(]*<=\d[^(]* set-dimension-size\(.*"
    r'metadata=\{op_type="([^"]+)" op_name="([^"]+)"'
)
# Of a message of XLA's: what it says, the operations, and where they stand.
_UNSUPPORTED = re.compile(r"(\w+) \(No registered '\w+' OpKernel")
_NODE = re.compile(r"\{\{node ([^}]+)\}\}")
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')


class LoweringError(ValueError):
    """A function that XLA does not take, or takes with dynamic shapes."""


def lower(function, *specs: tf.TensorSpec) -> bytes:
    """Lowers a function of tensors, with the variables it captures.

    Args:
        function: of as many tensors as there are specs; it may update
            variables, which must exist.
        *specs: the shapes and types of its arguments.

    Returns:
        The serialized HLO module. Variables are arguments after the others,
        and those that are updated are written over.

    Raises:
        LoweringError: shapes that do not fit together, an operation that XLA
            does not have, or one that makes a shape which depends on values;
            it is named, and the line it is of.

    Example:

    >>> hlo = lower(tf.linalg.trace, tf.TensorSpec([3, 3]))
    >>> lower(tf.where, tf.TensorSpec([3], tf.bool))
    Traceback (most recent call last):
    tools.tpu_preflight.lowering.LoweringError: A shape depends ...Where...
    """
    for spec in specs:
        if not spec.shape.is_fully_defined():
            raise LoweringError(
                "The shape of an argument is dynamic. Received: "
                f"{spec.shape}. Give all sizes."
            )

    def call(*tensors):
        # Without the arguments that it may have besides, which are no tensors.
        return function(*tensors)

    compiled = tf.function(call, jit_compile=True)
    try:
        graph = compiled.get_concrete_function(*specs).graph
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise LoweringError(_reason(str(error))) from error
    make_ir = compiled.experimental_get_compiler_ir(*specs)
    try:
        hlo = make_ir(stage="hlo_serialized", platform_name="CPU")
    except ValueError as error:
        raise LoweringError(_reason(str(error))) from error
    if b"set-dimension-size" in hlo:
        # Also where a size is set to what it was.
        text = make_ir(stage="hlo", platform_name="CPU")
        dynamic = dict.fromkeys(_DYNAMIC.findall(text))
        if dynamic:
            raise LoweringError(
                "A shape depends on values, made by "
                + "; ".join(_described(*names, graph) for names in dynamic)
            )
    return hlo


def _reason(message):
    """Why XLA does not take a function, in one line."""
    frames = [_own(path, line) for path, line in _FRAME.findall(message)]
    where = next((frame for frame in reversed(frames) if frame), "")
    nodes = ", ".join(dict.fromkeys(_NODE.findall(message)))
    unsupported = ", ".join(dict.fromkeys(_UNSUPPORTED.findall(message)))
    if unsupported:
        return f"XLA has no {unsupported}: {nodes}{where}"
    if "must be a compile-time constant" in message:
        first = message.split("'", 1)[-1].splitlines()[0]
        return f"A shape depends on values. {first}{where}"
    # What TensorFlow says while it makes the graph stands after the frames.
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    said = lines[-1] if "in user code" in message else lines[0]
    return f"{said[:500]}{where}"


def _described(kind, name, graph):
    """An operation, and the line of ours that made it, if it is known."""
    where = ""
    try:
        for frame in graph.get_operation_by_name(name).traceback:
            where = _own(frame.filename, frame.lineno) or where
    except (KeyError, ValueError):
        pass  # In a function inside of the function.
    return f"{kind}: {name}{where}"


def _own(path, line):
    """A place in a file, unless it is of a library or of this."""
    # XLA leaves out the first slash.
    path = pathlib.Path("/", path)
    if {"site-packages", "dist-packages"} & set(path.parts):
        return ""
    if path == pathlib.Path(__file__):
        return ""
    if path.is_relative_to(_ROOT):
        path = path.relative_to(_ROOT)
    return f" ({path}, line {line})"
