"""Compiles a program with Google's TPU compiler, on a machine without a TPU.

The compiler, libtpu, is used through JAX, in a process of its own: it ends
the process where it meets what it did not expect, and reads its environment
when it is loaded. So it may also be that of another interpreter:

    python -m tools.tpu_preflight.compiler \\
        '{"name": "v5e:2x2", "options": {}}' < HLO

reads an HLO module and prints one line of JSON.
"""

import json
import os
import pathlib
import subprocess
import sys
from typing import NamedTuple

_ROOT = pathlib.Path(__file__).parents[2]
INSTALL = "pip install '.[tpu-preflight]'"


class CompilationError(ValueError):
    """The TPU compiler does not take the program."""


class MissingCompilerError(OSError):
    """There is no TPU compiler to ask."""


class Compiled(NamedTuple):
    """What the compiler says of a program it compiled.

    arguments, outputs, aliased, temporaries, code: bytes of HBM. Outputs
        that are written over arguments, as variables are, are aliased.
    flops: operations of matrix products and others; a loop counts as one
        turn of it.
    bytes_accessed: operands and results of all fused operations, a loop's
        once; those that stay on the chip count too.
    loops: how many loops there are.
    seconds: what the compiler took.
    """

    arguments: int
    outputs: int
    aliased: int
    temporaries: int
    code: int
    flops: float
    bytes_accessed: float
    loops: int
    seconds: float

    @property
    def peak_memory(self) -> int:
        """Bytes of HBM that must be there."""
        kept = self.arguments + self.outputs - self.aliased
        return kept + self.temporaries + self.code


def compile_program(hlo: bytes, topology, python: str | None = None):
    """Compiles for one device of a topology.

    Args:
        hlo: a serialized HLO module.
        topology: `chips.Topology`.
        python: an interpreter that has JAX and libtpu; `None` for this one.

    Returns:
        `Compiled`.

    Raises:
        CompilationError: the compiler does not take it; says why.
        MissingCompilerError: the interpreter, JAX or libtpu is missing.
    """
    asked = {"name": topology.name, "options": topology.options}
    try:
        result = subprocess.run(
            [
                python or sys.executable,
                "-m",
                "tools.tpu_preflight.compiler",
                json.dumps(asked),
            ],
            input=hlo,
            capture_output=True,
            cwd=_ROOT,
            env={**os.environ, **topology.environment},
        )
    except OSError as error:
        raise MissingCompilerError(
            f"No such interpreter: {python} ({error.strerror}). Give one that "
            f"has the TPU compiler: {INSTALL}."
        ) from error
    lines = result.stdout.decode(errors="replace").splitlines()
    try:
        answer = json.loads(lines[-1])
    except (IndexError, ValueError):
        # It ended itself; the reason is the first of its last words.
        words = result.stderr.decode(errors="replace").split("\n")
        fatal = [word for word in words if word.startswith("F")] or words[-3:]
        raise CompilationError(
            f"The compiler ended with code {result.returncode}: "
            f"{' '.join(fatal)[:500]}"
        ) from None
    if "missing" in answer:
        raise MissingCompilerError(
            "The TPU compiler is not installed in "
            f"{python or sys.executable} ({answer['missing']}). Install it: "
            f"{INSTALL}; or name an interpreter that has it: "
            "--compiler_python=PYTHON."
        )
    if "error" in answer:
        raise CompilationError(_reason(answer["error"]))
    return Compiled(**answer)


def _reason(error: str) -> str:
    """The sentences of a compiler's message that say what is wrong."""
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return " ".join(lines[:3])[:600]


def _compile(asked, hlo):
    """Compiles in this process, which must have the compiler."""
    # Only here: the process that asks need not have them.
    import time

    import jax
    import libtpu  # noqa: F401  The compiler itself.
    from jax.experimental import topologies
    from jax.extend.mlir import ir
    from jax.interpreters import mlir
    from jaxlib import _jax, xla_client

    try:
        described = topologies.get_topology_desc(
            platform="tpu", topology_name=asked["name"], **asked["options"]
        )
        device = described.devices[0]
        with mlir.make_ir_context():
            module = ir.Module.parse(_jax.mlir.hlo_to_stablehlo(hlo))
            loops = _prepare(module, ir)
            start = time.perf_counter()
            executable = device.client.compile(
                module,
                _jax.DeviceList((device,)),
                xla_client.CompileOptions(),
            )
            seconds = time.perf_counter() - start
    except jax.errors.JaxRuntimeError as error:
        return {"error": str(error)}
    memory = executable.get_compiled_memory_stats()
    cost = executable.cost_analysis()
    return {
        "arguments": memory.argument_size_in_bytes,
        "outputs": memory.output_size_in_bytes,
        "aliased": memory.alias_size_in_bytes,
        "temporaries": memory.temp_size_in_bytes,
        "code": memory.generated_code_size_in_bytes,
        "flops": cost.get("flops", 0.0),
        "bytes_accessed": cost.get("bytes accessed", 0.0),
        "loops": loops,
        "seconds": round(seconds, 1),
    }


def _prepare(module, ir):
    """Takes out copies, which StableHLO does not have; counts loops."""
    copies, loops = [], []

    def look_at(operation):
        if operation.operation.name == "mhlo.copy":
            copies.append(operation.operation)
        loops.append(operation.operation.name == "stablehlo.while")
        return ir.WalkResult.ADVANCE

    module.operation.walk(look_at)
    for copy in copies:
        # The compiler makes copies of its own where it needs them.
        copy.results[0].replace_all_uses_with(copy.operands[0])
        copy.erase()
    return sum(loops)


def _main():
    try:
        answer = _compile(json.loads(sys.argv[1]), sys.stdin.buffer.read())
    except ImportError as error:
        answer = {"missing": str(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    _main()
