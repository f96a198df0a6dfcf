"""Trains a translator on sentence pairs and exports it as a SavedModel.

    python -m trainers.train_translation --output_dir=runs/demo

trains on the built-in English-French corpus. It takes two to three minutes on
two CPU cores, and the test BLEU is above 95. To train on your own data:

    python -m trainers.train_translation --output_dir=runs/mine \\
        --train_source=train.en --train_target=train.de \\
        --dev_source=dev.en --dev_target=dev.de

The same command continues a run that was stopped. The trainer uses the TPU or
all GPUs of the machine, if there are any. For several hosts, add
`--strategy=multi_worker`; see docs/distribution.md.
"""

import contextlib
import dataclasses
import logging
import sys
import typing
from collections.abc import Iterator

import tensorflow as tf
from absl import logging as absl_logging

import keras_transformer as kt
from trainers import program, settings, settings_flags, staged_run

# After one of these errors, the run continues only if the user corrects the
# command or the files.
_WRONG_PATH = (
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)


@dataclasses.dataclass(frozen=True)
class Output:
    """The flag of the trainer's output."""

    output_dir: str = settings_flags.setting("Directory of the run.")


@contextlib.contextmanager
def naming_checkpoint(directory: kt.runs.RunDirectory) -> Iterator[None]:
    """Prints the step of the checkpoint from which a stopped run can continue.

    The step is printed if Ctrl-C, a full disk or a lost worker stops the run.
    Nothing is printed if there is no checkpoint, or after an error that the
    user must correct first, such as a missing file.

    Args:
        directory: the directory of the run.
    """
    try:
        yield
    except _WRONG_PATH:
        raise
    except (KeyboardInterrupt, OSError, tf.errors.OpError):
        steps = map(kt.training.newest_step, _checkpoints(directory))
        step = next((step for step in steps if step is not None), None)
        if step is not None:
            print(
                "\nStopped. The same command continues from the checkpoint of "
                f"step {step}.",
                file=sys.stderr,
            )
        raise


def _checkpoints(directory):
    """Yields the folders of checkpoints, from the last stage to the first."""
    yield directory.checkpoints
    for stage in sorted(directory.stages.glob("*"), reverse=True):
        yield kt.runs.RunDirectory(stage).checkpoints


@program.main(
    settings.TrainingSettings,
    settings.Overrides,
    settings_flags.Given,
    Output,
)
def main(
    training: settings.TrainingSettings,
    overrides: typing.Any,
    given: settings_flags.Given,
    output: Output,
) -> None:
    program.show_log()
    # With several workers, TensorFlow logs many harmless warnings.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    absl_logging.set_verbosity(absl_logging.ERROR)
    with naming_checkpoint(kt.runs.RunDirectory(output.output_dir)):
        staged_run.train(
            training,
            settings_flags.specified(overrides),
            given.names,
            output.output_dir,
        )


if __name__ == "__main__":
    main.run()
