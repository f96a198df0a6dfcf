"""Measures the time of each part of a training step.

    python -m tools.profile_step --xprof_python=PYTHON

The program trains the model of `tools.benchmark_step` on one thread, so that
the times of the operations add up to the time of the step. It prints a Markdown
table with a row for each part of the step. The columns are the milliseconds of
the part's matrix products, the milliseconds of the part's other operations, and
the part's share of the step in percent. Below the table the program prints the
ceiling of the machine, which is the FLOP/s of one large matrix product in the
same process. It also prints how many percent of the ceiling the matrix products
of the step reach, and how many percent the whole step reaches. With
--jit_compile the whole step is one operation, in the row "compiled by XLA", and
only the percent of the whole step is printed. Without it, this row is the loss.

PYTHON is an interpreter with the package xprof, which reads profiles.
"""

import dataclasses
import json
import subprocess
import sys
import tempfile

import keras
import tensorflow as tf

from tools import benchmark_training
from tools.engines import keras_fit
from tools.model_flags import training_sizes
from tools.profile_step import parts
from trainers import program
from trainers.settings_flags import setting

# Before the profile, the model is trained for this number of steps and one
# more, because the first steps trace the graph and allocate buffers.
_WARM_UP_STEPS = 4
_REST = "pauses between operations"


@dataclasses.dataclass(frozen=True)
class Profile(training_sizes.StepSizes):
    """The flags of the model, of its batches, and of the profile."""

    steps: int = setting("Steps of the profile.", 6, least=2)
    xprof_python: str = setting(
        "Python interpreter with xprof.", sys.executable
    )


def check_interpreter(python: str) -> None:
    """Checks that a Python interpreter has the package xprof.

    Args:
        python: the interpreter.

    Raises:
        OSError: there is no such interpreter.
        ValueError: the interpreter cannot import xprof.
    """
    result = subprocess.run(
        [python, "-c", "import xprof"], stderr=subprocess.DEVNULL
    )
    if result.returncode:
        raise ValueError(
            "The package xprof reads the profile. Received: "
            f"--xprof_python={python}, which cannot import it. Install xprof "
            "for a Python interpreter, and give that one."
        )


def read_operations(directory: str, python: str) -> list[dict]:
    """Reads the operations of a profile with xprof, in another process.

    Args:
        directory: the directory of a profile.
        python: an interpreter with xprof.

    Returns:
        The operations, as `operation_times.operations_of` returns them.

    Raises:
        subprocess.CalledProcessError: xprof cannot read the profile.
    """
    result = subprocess.run(
        [python, "-m", "tools.profile_step.operation_times", directory],
        stdout=subprocess.PIPE,
        # The log of xprof is not shown.
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return json.loads(result.stdout)


def profile_steps(sizes: Profile) -> tuple[float, list[dict]]:
    """Trains a model and profiles some of its steps.

    Args:
        sizes: the flags.

    Returns:
        The mean milliseconds of the profiled steps after the first, and the
        operations of all profiled steps, as `read_operations` returns them.

    Raises:
        subprocess.CalledProcessError: xprof cannot read the profile.
    """
    model = training_sizes.compiled_model(
        sizes, normalization="post", biases="all"
    )
    batches = training_sizes.endless_batches(
        sizes.batch_size, sizes.length, sizes.vocabulary_size
    )
    keras_fit.fit_seconds(model, batches, _WARM_UP_STEPS)
    with tempfile.TemporaryDirectory() as directory:
        with tf.profiler.experimental.Profile(directory):
            # `fit_seconds` trains one step that it does not time, and then the
            # timed steps. So the profile has `sizes.steps` steps.
            seconds = keras_fit.fit_seconds(model, batches, sizes.steps - 1)
        operations = read_operations(directory, sizes.xprof_python)
    return 1e3 * seconds / (sizes.steps - 1), operations


def table_of(step_ms: float, sums: dict[str, dict[str, float]]) -> list[str]:
    """Returns the lines of a Markdown table of the parts of a step.

    The last two rows are for the pauses between operations, and for the step.

    Args:
        step_ms: the milliseconds of a step.
        sums: the times of the parts of a step, from `parts.sum_parts`.
    """
    rows = [
        (name, part["products_ms"], part["others_ms"])
        for name, part in sums.items()
    ]
    products_ms = sum(products for _, products, _ in rows)
    others_ms = sum(others for _, _, others in rows)
    rows.append((_REST, 0, step_ms - products_ms - others_ms))
    rows.append(("the step", products_ms, step_ms - products_ms))
    lines = [
        "| part | products, ms | other operations, ms | share |",
        "|---|---|---|---|",
    ]
    for name, products, others in rows:
        share = 100 * (products + others) / step_ms
        lines.append(
            f"| {name} | {products:.1f} | {others:.1f} | {share:.1f} % |"
        )
    return lines


def shares_of_ceiling(
    ceiling: float, flops: float, products_ms: float, step_ms: float
) -> str:
    """Returns a sentence: the speed of the step as a share of the ceiling.

    Args:
        ceiling: the floating point operations per second of a large product.
        flops: the floating point operations of the products of a step.
        products_ms: the milliseconds of the products of a step. They are 0 if
            XLA compiles the step, which is then one operation of the profile.
        step_ms: the milliseconds of a step.

    Example:

    >>> shares_of_ceiling(8e9, 1e9, 250, 500)
    'ceiling 8 GFLOP/s; the products reach 50 % of it, the step 25 %.'
    """
    step = f"{1e5 * flops / step_ms / ceiling:.0f} %"
    if products_ms == 0:
        return f"ceiling {ceiling / 1e9:.0f} GFLOP/s; the step reaches {step}."
    products = f"{1e5 * flops / products_ms / ceiling:.0f} %"
    return (
        f"ceiling {ceiling / 1e9:.0f} GFLOP/s; the products reach {products} "
        f"of it, the step {step}."
    )


@program.main(Profile)
def main(sizes):
    check_interpreter(sizes.xprof_python)
    keras_fit.use_threads(1)
    step_ms, operations = profile_steps(sizes)
    sums = parts.sum_parts(operations, sizes.steps)
    print("\n".join(table_of(step_ms, sums)))
    dtype = keras.dtype_policies.get(sizes.precision).compute_dtype
    ceiling = benchmark_training.ceiling_flops(dtype)
    flops = benchmark_training.step_flops(sizes)
    products_ms = sum(part["products_ms"] for part in sums.values())
    print(f"\n{shares_of_ceiling(ceiling, flops, products_ms, step_ms)}")


if __name__ == "__main__":
    main.run()
