"""Compiles the steps of a run for a TPU, and computes their cost on the TPU.

A step is a function that a run computes on a device, see `steps.Step`.
"""

import collections
import functools
from collections.abc import Iterable, Iterator
from concurrent import futures
from typing import NamedTuple

from tools.tpu_preflight import chips, compiler, lowering
from tools.tpu_preflight import steps as tpu_steps


class Finding(NamedTuple):
    """The result of compiling a step.

    The properties raise an error if `compiled` is `None`. If there is a
    `prologue`, the properties count every iteration of the step's loop. Without
    a `prologue`, the properties count one iteration of each loop.

    step: the step.
    chip: the chip that the step was compiled for.
    compiled: the compiler's numbers; `None` if the step does not compile.
    prologue: the compiler's numbers for the operations before the step's loop;
        `None` if `step.prologue` is `None`, or if the step does not compile.
    failure: why the step cannot run; empty if it can.
    """

    step: tpu_steps.Step
    chip: chips.Chip
    compiled: compiler.Compiled | None = None
    prologue: compiler.Compiled | None = None
    failure: str = ""

    @property
    def flops(self) -> float:
        """The number of floating-point operations of the step."""
        return sum(times * flops for times, flops, _ in self._phases())

    @property
    def bytes_accessed(self) -> float:
        """The number of bytes that the step reads and writes."""
        return sum(times * num_bytes for times, _, num_bytes in self._phases())

    @property
    def seconds(self) -> float:
        """The least number of seconds of the step, by the roofline model."""
        return sum(
            times * self.chip.seconds(flops, num_bytes)
            for times, flops, num_bytes in self._phases()
        )

    @property
    def share_of_peak(self) -> float:
        """The greatest share of the chip's peak FLOP/s that the step can reach.

        The step reaches this share if it takes only `seconds`.
        """
        return self.flops / self.seconds / self.chip.matrix_flops

    def _phases(self):
        """Returns `(count, operations, bytes)` of each phase of the step.

        A step without a prologue is one phase. Otherwise there are two phases:
        the prologue, which runs once, and an iteration of the loop, which runs
        `count` times. The compiler counts a loop as one iteration. So the
        numbers of an iteration are the numbers of the whole step minus the
        numbers of the prologue. This difference is too large, because it
        includes all operations that are neither in the prologue nor in the
        loop: those after the loop, and those that prepare it.
        """
        whole = self.compiled
        if self.prologue is None:
            return [(1, whole.flops, whole.bytes_accessed)]
        prologue = self.prologue.flops, self.prologue.bytes_accessed
        iteration = (
            max(whole.flops - prologue[0], 0.0),
            max(whole.bytes_accessed - prologue[1], 0.0),
        )
        return [(1, *prologue), (self.step.iterations, *iteration)]


def check(
    steps: Iterable[tpu_steps.Step],
    topology: chips.Topology,
    python: str | None = None,
    jobs: int = 1,
) -> Iterator[Finding]:
    """Compiles steps, and yields a `Finding` for each, in the same order.

    Args:
        steps: the steps, such as a result of `run.steps_of`.
        topology: the topology to compile for.
        python: the Python interpreter that has the compiler; `None` for the
            current interpreter.
        jobs: how many compilers run at a time, at least 1.

    Raises:
        MissingCompilerError: the interpreter or the compiler is missing.
    """
    with futures.ThreadPoolExecutor(jobs) as pool:
        waiting = collections.deque()
        for step in steps:
            waiting.append(_submit(step, topology, python, pool))
            while waiting and (waiting[0].done() or len(waiting) > jobs):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _submit(step, topology, python, pool):
    """Lowers a step, and lets a thread compile it.

    Returns:
        A future whose result is the `Finding` of the step.
    """
    make = functools.partial(Finding, step, topology.chip)
    programs = [p for p in (step, step.prologue) if p is not None]
    try:
        lowered = [lowering.lower(p.function, *p.specs) for p in programs]
    except lowering.LoweringError as error:
        return pool.submit(make, failure=str(error))

    def compile_all():
        try:
            compiled = [
                compiler.compile_program(hlo, topology, python)
                for hlo in lowered
            ]
        except compiler.CompilationError as error:
            return make(failure=str(error))
        finding = make(*compiled)
        memory, available = compiled[0].peak_memory, topology.chip.available
        if memory > available:
            return finding._replace(
                failure=f"Needs {memory / 2**30:.2f} GiB of HBM. A program has "
                f"{available / 2**30:.2f}."
            )
        return finding

    return pool.submit(compile_all)
