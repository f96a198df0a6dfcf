"""Compiles what a run would run on a TPU, on a machine without one.

    python -m tools.tpu_preflight --model=runs/mine --topology=v5e:2x2

The training step in every shape of its batches, and the search in every
length of its sources, are compiled by Google's TPU compiler, which is
installed by

    pip install '.[tpu-preflight]'

Prints for each whether it compiles, its memory, operations and bytes, and its
time by the roofline; ends with code 1 if one cannot run.
"""

import sys

import tensorflow as tf
from absl import app, flags

import keras_transformer as kt
from tools.tpu_preflight import check, chips, compiler, lowering, report
from tools.tpu_preflight import run as tpu_run
from trainers import program


def define_flags(values: flags.FlagValues = flags.FLAGS):
    """Defines the flags; a program of its own does, an import does not."""
    flags.DEFINE_string(
        "model", None, "A run directory; or give --preset.", flag_values=values
    )
    flags.DEFINE_string(
        "preset", None, f"One of {', '.join(kt.PRESETS)}.", flag_values=values
    )
    flags.DEFINE_string(
        "topology",
        "v5e:2x2",
        "Chip and sizes, such as v4:2x2x1 or v6e:2x2.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "precision", None, "A Keras policy, else the run's.", flag_values=values
    )
    flags.DEFINE_integer(
        "tokens_per_batch",
        None,
        "Target tokens of a batch, of all replicas together, else the run's.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_length",
        None,
        "Most tokens of a sentence, else the run's.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "gradient_accumulation_steps",
        None,
        "Parts of a replica's share of a batch, else the run's.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "beam_size",
        None,
        "Of the search, else the run's; 1 is greedy.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "batch_size",
        64,
        "Sentences translated together.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_list(
        "steps",
        list(tpu_run.STEPS),
        "training, decoding or both.",
        flag_values=values,
    )
    flags.DEFINE_list(
        "lengths", None, "Only these, else every one.", flag_values=values
    )
    flags.DEFINE_integer(
        "jobs", 2, "Compilers at a time.", lower_bound=1, flag_values=values
    )
    flags.DEFINE_string(
        "compiler_python",
        None,
        "Interpreter with the compiler, if not this.",
        flag_values=values,
    )


def preflight(flag_values) -> bool:
    """Does what flags ask for, prints it, and says whether all can run.

    Raises:
        ValueError: flags, or a run, that mean nothing.
        OSError: no such run, or no compiler.
    """
    topology = chips.topology(flag_values.topology)
    architecture, settings = tpu_run.configuration(
        flag_values.model,
        flag_values.preset,
        precision=flag_values.precision,
        tokens_per_batch=flag_values.tokens_per_batch,
        max_length=flag_values.max_length,
        gradient_accumulation_steps=flag_values.gradient_accumulation_steps,
        beam_size=flag_values.beam_size,
    )
    # Before a model is made: whether there is a compiler, for this topology.
    compiler.compile_program(
        lowering.lower(lambda: tf.constant(1.0)),
        topology,
        flag_values.compiler_python,
    )
    model = tpu_run.model_of(architecture, settings)
    every = tpu_run.steps_of(model, settings, topology, flag_values.batch_size)
    steps = tpu_run.chosen(every, flag_values.steps, flag_values.lengths)
    print(report.introduction(topology, settings, model.count_params()))
    print(report.HEADER, flush=True)
    failures = 0
    for finding in check.check(
        steps, topology, flag_values.compiler_python, flag_values.jobs
    ):
        print(report.line(finding), flush=True)
        failures += bool(finding.failure)
    print(report.conclusion(every, len(steps), failures))
    return not failures


@program.main
def main():
    is_fine = preflight(flags.FLAGS)
    sys.exit(0 if is_fine else 1)


if __name__ == "__main__":
    define_flags()
    app.run(main)
