"""Compiles the steps of a run for a TPU, on a machine without a TPU.

    python -m tools.tpu_preflight --model=runs/mine --topology=v5e:2x2

Google's TPU compiler compiles the training step, and the search for each padded
length of the sources. The training step is for packed batches, even if the run
does not pack its batches. `--steps` and `--lengths` choose which of these steps
are compiled. Install the compiler with

    pip install '.[tpu-preflight]'

For each step the program prints whether the step compiles, the memory that it
needs, the numbers of floating-point operations and of bytes read and written,
and the least time by the roofline model. The exit code is 1 if a step does not
compile, if a step needs too much memory, or if an error is raised.
"""

import dataclasses
import sys

import tensorflow as tf

import keras_transformer as kt
from tools.model_flags.settings import BatchSettings
from tools.tpu_preflight import check, chips, compiler, lowering, report
from tools.tpu_preflight import run as tpu_run
from trainers import program
from trainers.settings_flags import setting


@dataclasses.dataclass(frozen=True)
class Preflight(BatchSettings):
    """The flags for the steps to compile, and for the chips to compile for."""

    model: str | None = setting("A run directory; or give --preset.", None)
    preset: str | None = setting(f"One of {', '.join(kt.PRESETS)}.", None)
    topology: str = setting(
        "Chip and sizes, such as v4:2x2x1 or v6e:2x2.", "v5e:2x2"
    )
    precision: str | None = setting(
        "A Keras policy. Default: the run's, or mixed_bfloat16 for a preset.",
        None,
    )
    tokens_per_batch: int | None = setting(
        "Target tokens of a batch, of all replicas together, else the run's.",
        None,
    )
    max_length: int | None = setting(
        "Most tokens of a sentence, else the run's.", None
    )
    gradient_accumulation_steps: int | None = setting(
        "Micro-batches of a replica's share of a batch, else the run's.", None
    )
    beam_size: int | None = setting(
        "Size of the beam. Default: the run's.", None
    )
    steps: list[str] = setting(
        "training, decoding or both.", list(tpu_run.STEPS)
    )
    lengths: list[str] | None = setting(
        "Lengths to compile, else all of them.", None
    )
    jobs: int = setting("Compilers that run at a time.", 2, least=1)
    compiler_python: str | None = setting(
        "Python interpreter with the compiler, if not this one.", None
    )


def preflight(flags: Preflight) -> bool:
    """Compiles the steps, prints the report and tells whether all can run.

    Args:
        flags: the flags of the program.

    Raises:
        ValueError: a flag or the configuration of the run is invalid.
        OSError: there is no such run, or no compiler.
    """
    topology = chips.topology(flags.topology)
    architecture, settings = tpu_run.configuration(
        flags.model,
        flags.preset,
        precision=flags.precision,
        tokens_per_batch=flags.tokens_per_batch,
        max_length=flags.max_length,
        gradient_accumulation_steps=flags.gradient_accumulation_steps,
        beam_size=flags.beam_size,
    )
    # A missing compiler raises an error here, before the model is built.
    compiler.compile_program(
        lowering.lower(lambda: tf.constant(1.0)),
        topology,
        flags.compiler_python,
    )
    model = tpu_run.model_of(architecture, settings)
    all_steps = tpu_run.steps_of(model, settings, topology, flags.batch_size)
    steps = tpu_run.chosen(all_steps, flags.steps, flags.lengths)
    print(report.introduction(topology, settings, model.count_params()))
    print(report.HEADER, flush=True)
    failures = 0
    for finding in check.check(
        steps, topology, flags.compiler_python, flags.jobs
    ):
        print(report.line(finding), flush=True)
        failures += bool(finding.failure)
    print(report.conclusion(all_steps, len(steps), failures))
    return not failures


@program.main(Preflight)
def main(flags):
    sys.exit(0 if preflight(flags) else 1)


if __name__ == "__main__":
    main.run()
