"""Whether steps compile for a TPU, and what they cost there."""

import collections
import functools
from collections.abc import Iterable, Iterator
from concurrent import futures
from typing import NamedTuple

from tools.tpu_preflight import chips, compiler, lowering
from tools.tpu_preflight import steps as tpu_steps


class Finding(NamedTuple):
    """What became of a step.

    step: a `Step`.
    chip: what it was compiled for.
    compiled: what the compiler says, or `None`.
    prologue: the same of what the step does before its loop, or `None`.
    failure: why it cannot run; empty if it can.
    """

    step: tpu_steps.Step
    chip: chips.Chip
    compiled: compiler.Compiled | None = None
    prologue: compiler.Compiled | None = None
    failure: str = ""

    @property
    def flops(self) -> float:
        """Operations, the loop's as often as it may turn."""
        return sum(times * flops for times, flops, _ in self._parts())

    @property
    def bytes_accessed(self) -> float:
        """Bytes read and written, the loop's as often as it may turn."""
        return sum(times * num_bytes for times, _, num_bytes in self._parts())

    @property
    def seconds(self) -> float:
        """The least time of the step; of a search that never ends early."""
        return sum(
            times * self.chip.seconds(flops, num_bytes)
            for times, flops, num_bytes in self._parts()
        )

    @property
    def share_of_peak(self) -> float:
        """Of the matrix peak, if the step takes the least time."""
        return self.flops / self.seconds / self.chip.matrix_flops

    def _parts(self):
        """How often, operations and bytes, of what it does once and in turns.

        The compiler counts one turn of a loop: what the whole has more than
        what comes before the loop.
        """
        whole = self.compiled
        if self.prologue is None:
            return [(1, whole.flops, whole.bytes_accessed)]
        once = self.prologue.flops, self.prologue.bytes_accessed
        turn = (
            max(whole.flops - once[0], 0.0),
            max(whole.bytes_accessed - once[1], 0.0),
        )
        return [(1, *once), (self.step.turns, *turn)]


def check(
    steps: Iterable[tpu_steps.Step],
    topology: chips.Topology,
    python: str | None = None,
    jobs: int = 1,
) -> Iterator[Finding]:
    """Compiles steps, and says of each what became of it, in their order.

    Args:
        steps: see `steps.py`, or of functions of your own.
        topology: what for.
        python: see `compile_program`.
        jobs: how many compilers at a time.

    Raises:
        MissingCompilerError: there is no compiler.
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
    """Lowers here, and lets a thread wait for the compiler."""
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
