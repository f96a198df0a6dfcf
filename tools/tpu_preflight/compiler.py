"""Compiles a program with Google's TPU compiler, on a machine without a TPU.

The compiler, libtpu, is called through JAX. libtpu has a process of its own for
two reasons: an unexpected error in libtpu ends the process, and libtpu reads
environment variables only when it is loaded. If only another Python interpreter
has the compiler, that interpreter can run the process. The command of the
process is

    python -m tools.tpu_preflight.compiler \\
        '{"name": "v5e:2x2", "options": {}}' < HLO

The process reads an HLO module from standard input, and prints one line of
JSON.
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
    """The error if the TPU compiler cannot compile a program."""


class MissingCompilerError(OSError):
    """The error if the TPU compiler is not installed."""


class Compiled(NamedTuple):
    """Numbers of a compiled program; all except `loops` are the compiler's.

    arguments, outputs, aliased, temporaries, code: numbers of bytes of HBM. An
        output that overwrites an argument, such as an updated variable, is
        aliased.
    flops: the number of floating-point operations, with one iteration of each
        loop.
    bytes_accessed: the number of bytes of the operands and results of all
        operations, with one iteration of each loop. Operations that the
        compiler fuses count as one operation. Operands and results that stay
        on the chip, and are never in HBM, count too.
    loops: the number of loops of the program before the compilation.
    seconds: the time that the compiler took.
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
        """The number of bytes of HBM that the program needs."""
        tensors = self.arguments + self.outputs - self.aliased
        return tensors + self.temporaries + self.code


def compile_program(hlo: bytes, topology, python: str | None = None):
    """Compiles a program for one device of a topology.

    Args:
        hlo: a serialized HLO module.
        topology: the `chips.Topology`.
        python: an interpreter with JAX and libtpu; `None` for the current
            interpreter.

    Returns:
        The compiler's numbers, a `Compiled`.

    Raises:
        CompilationError: the compiler refuses the program, or its process ends
            without an answer.
        MissingCompilerError: the interpreter, JAX or libtpu is missing.
    """
    target = {"name": topology.name, "options": topology.options}
    try:
        result = subprocess.run(
            [
                python or sys.executable,
                "-m",
                "tools.tpu_preflight.compiler",
                json.dumps(target),
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
        # The compiler ended its process. Log lines that begin with "F" (fatal)
        # say why.
        log = result.stderr.decode(errors="replace").split("\n")
        fatal = [entry for entry in log if entry.startswith("F")] or log[-3:]
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
    """Returns the first three lines of an error, at most 600 characters."""
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return " ".join(lines[:3])[:600]


def _compile(target, hlo):
    """Compiles in this process.

    Returns a dict with the fields of `Compiled`, or with a message as `error`.
    """
    # These packages are imported here, because the interpreter that runs
    # `compile_program` may lack them.
    import time

    import jax
    import libtpu  # noqa: F401  This is the compiler.
    from jax.experimental import topologies
    from jax.extend.mlir import ir
    from jax.interpreters import mlir
    from jaxlib import _jax, xla_client

    try:
        description = topologies.get_topology_desc(
            platform="tpu", topology_name=target["name"], **target["options"]
        )
        device = description.devices[0]
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
    """Returns the number of loops, and removes `mhlo.copy` from the module.

    StableHLO does not have this operation.
    """
    copies, loops = [], []

    def visit(operation):
        if operation.operation.name == "mhlo.copy":
            copies.append(operation.operation)
        loops.append(operation.operation.name == "stablehlo.while")
        return ir.WalkResult.ADVANCE

    module.operation.walk(visit)
    for copy in copies:
        # The compiler adds the copies that it needs.
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
