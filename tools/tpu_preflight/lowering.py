"""Lowers TensorFlow functions to HLO modules with static shapes.

The functions are lowered for the CPU, since captured variables need an existing
device. The HLO is the same as for a TPU, except for the default generator of
random bits: it is Philox on a CPU, and the chip's own generator on a TPU.
"""

import pathlib
import re

import tensorflow as tf

_ROOT = pathlib.Path(__file__).parents[2]
# The pattern of a `set-dimension-size` whose result has a dynamic size, in the
# text of an HLO module. The groups are the type and the name of the operation
# of TensorFlow.
_DYNAMIC = re.compile(
    r" = [^(]*<=\d[^(]* set-dimension-size\(.*"
    r'metadata=\{op_type="([^"]+)" op_name="([^"]+)"'
)
# Patterns that find operations and source lines in a message of TensorFlow or
# XLA.
_UNSUPPORTED = re.compile(r"(\w+) \(No registered '\w+' OpKernel")
_NODE = re.compile(r"\{\{node ([^}]+)\}\}")
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')


class LoweringError(ValueError):
    """The error if `lower` cannot make an HLO module with static shapes."""


def lower(function, *specs: tf.TensorSpec) -> bytes:
    """Lowers a function of tensors, with the variables that it captures.

    Args:
        function: a function whose arguments are tensors, one for each spec. It
            may update existing variables, but must not make new ones.
        *specs: the shapes and types of the tensors.

    Returns:
        The serialized HLO module. Variables are its last arguments. An output
        that updates a variable overwrites the argument of this variable.

    Raises:
        LoweringError: a spec has an unknown size, tracing the function fails,
            XLA lacks an operation, or a shape depends on values. The message
            contains the operation and the source line if they are known.

    Example:

    >>> hlo = lower(tf.linalg.trace, tf.TensorSpec([3, 3]))
    >>> lower(tf.where, tf.TensorSpec([3], tf.bool))
    Traceback (most recent call last):
    tools.tpu_preflight.lowering.LoweringError: The shape ...Where...
    """
    for spec in specs:
        if not spec.shape.is_fully_defined():
            raise LoweringError(
                "The shape of an argument is dynamic. Received: "
                f"{spec.shape}. Give all sizes."
            )

    def call(*tensors):
        # `function` may have optional arguments that are not tensors. `call`
        # hides them, because the compiler accepts only tensors as inputs.
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
        # `set-dimension-size` can also set a dimension to its maximum size.
        # Then the shape is static, and there is no error. `_DYNAMIC` finds only
        # operations whose result has a dynamic size.
        text = make_ir(stage="hlo", platform_name="CPU")
        dynamic = dict.fromkeys(_DYNAMIC.findall(text))
        if dynamic:
            raise LoweringError(
                "The shape of a result depends on values. It is the result of "
                + "; ".join(_described(*names, graph) for names in dynamic)
            )
    return hlo


def _reason(message):
    """Returns the reason in a message of TensorFlow or XLA, as one line."""
    frames = [_own(path, line) for path, line in _FRAME.findall(message)]
    where = next((frame for frame in reversed(frames) if frame), "")
    nodes = ", ".join(dict.fromkeys(_NODE.findall(message)))
    unsupported = ", ".join(dict.fromkeys(_UNSUPPORTED.findall(message)))
    if unsupported:
        return f"XLA has no {unsupported}: {nodes}{where}"
    if "must be a compile-time constant" in message:
        first = message.split("'", 1)[-1].splitlines()[0]
        return f"A shape depends on values. {first}{where}"
    # "in user code" begins a list of source lines. The reason comes after this
    # list, as the last line of the message.
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    reason = lines[-1] if "in user code" in message else lines[0]
    return f"{reason[:500]}{where}"


def _described(kind, name, graph):
    """Describes an operation, with its source line if it is known."""
    where = ""
    try:
        for frame in graph.get_operation_by_name(name).traceback:
            where = _own(frame.filename, frame.lineno) or where
    except (KeyError, ValueError):
        pass  # `graph` does not have the operations of nested functions.
    return f"{kind}: {name}{where}"


def _own(path, line):
    """Describes a source line.

    Returns "" for the lines of installed packages and of this module.
    """
    # XLA omits the first slash of a path.
    path = pathlib.Path("/", path)
    if {"site-packages", "dist-packages"} & set(path.parts):
        return ""
    if path == pathlib.Path(__file__):
        return ""
    if path.is_relative_to(_ROOT):
        path = path.relative_to(_ROOT)
    return f" ({path}, line {line})"
