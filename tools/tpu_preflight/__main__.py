"""Compiles what a run would run on a TPU, on a machine without one.

    python -m tools.tpu_preflight --model=runs/mine --topology=v5e:2x2

The training step in every shape of its batches, and the search in every
length of its sources, are compiled by Google's TPU compiler, which is
installed by

    pip install '.[tpu-preflight]'

Prints for each whether it compiles, its memory, operations and bytes, and its
time by the roofline; ends with code 1 if one cannot run.
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
    """What is compiled, and for which chips."""

    model: str | None = setting("A run directory; or give --preset.", None)
    preset: str | None = setting(f"One of {', '.join(kt.PRESETS)}.", None)
    topology: str = setting(
        "Chip and sizes, such as v4:2x2x1 or v6e:2x2.", "v5e:2x2"
    )
    precision: str | None = setting(
        "A Keras policy, else the run's; of a preset, mixed_bfloat16.", None
    )
    tokens_per_batch: int | None = setting(
        "Target tokens of a batch, of all replicas together, else the run's.",
        None,
    )
    max_length: int | None = setting(
        "Most tokens of a sentence, else the run's.", None
    )
    gradient_accumulation_steps: int | None = setting(
        "Parts of a replica's share of a batch, else the run's.", None
    )
    beam_size: int | None = setting(
        "Of the search, else the run's; 1 is greedy.", None
    )
    steps: list[str] = setting(
        "training, decoding or both.", list(tpu_run.STEPS)
    )
    lengths: list[str] | None = setting("Only these, else every one.", None)
    jobs: int = setting("Compilers at a time.", 2, least=1)
    compiler_python: str | None = setting(
        "Interpreter with the compiler, if not this.", None
    )


def preflight(asked: Preflight) -> bool:
    """Does what was asked for, prints it, and says whether all can run.

    Raises:
        ValueError: settings, or a run, that mean nothing.
        OSError: no such run, or no compiler.
    """
    topology = chips.topology(asked.topology)
    architecture, settings = tpu_run.configuration(
        asked.model,
        asked.preset,
        precision=asked.precision,
        tokens_per_batch=asked.tokens_per_batch,
        max_length=asked.max_length,
        gradient_accumulation_steps=asked.gradient_accumulation_steps,
        beam_size=asked.beam_size,
    )
    # Before a model is made: whether there is a compiler, for this topology.
    compiler.compile_program(
        lowering.lower(lambda: tf.constant(1.0)),
        topology,
        asked.compiler_python,
    )
    model = tpu_run.model_of(architecture, settings)
    every = tpu_run.steps_of(model, settings, topology, asked.batch_size)
    steps = tpu_run.chosen(every, asked.steps, asked.lengths)
    print(report.introduction(topology, settings, model.count_params()))
    print(report.HEADER, flush=True)
    failures = 0
    for finding in check.check(
        steps, topology, asked.compiler_python, asked.jobs
    ):
        print(report.line(finding), flush=True)
        failures += bool(finding.failure)
    print(report.conclusion(every, len(steps), failures))
    return not failures


@program.main(Preflight)
def main(asked):
    sys.exit(0 if preflight(asked) else 1)


if __name__ == "__main__":
    main.run()
