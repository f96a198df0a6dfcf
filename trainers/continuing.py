"""Checks whether a command may continue the run in its output directory."""

import logging

import keras_transformer as kt
from trainers import settings as run_settings

_LOG = logging.getLogger(__name__)
# A run may continue with other values of these settings.
_MAY_CHANGE = (
    *run_settings.EXECUTION_FIELDS,
    *run_settings.END_FIELDS,
    # The directories of other runs and the files of vocabularies may be moved,
    # because hashes of weights and of pieces are compared instead of paths.
    "initial_model",
    "teacher",
    "vocabulary",
    "target_vocabulary",
    # This setting only lists names of settings. It may change, because the
    # values of the listed settings are compared.
    "replaces_recipe",
    # This setting changes only what TensorBoard shows.
    "trace_sentences",
)
# The defaults of these settings depend on the number of steps of the run or of
# an epoch. A run keeps their values when it is made longer or shorter.
_KEPT_DEFAULTS = ("evaluation_interval", "warmup_steps", "average_checkpoints")


class ExistingRun:
    """The run in an output directory, as it was when this object was made.

    Args:
        directory: the `RunDirectory`; it may be empty, or not exist yet.

    Attributes:
        settings: dict of the run's settings; empty if there is no run.
    """

    def __init__(self, directory: kt.runs.RunDirectory) -> None:
        self._path = directory.path
        # `metrics.json` is read now, because the chief (the worker that writes
        # files) may delete it before this worker calls `is_complete`.
        self._metrics = None
        if directory.metrics.exists():
            self._metrics = directory.read_metrics()
        self._config = directory.read_config()
        self.settings = self._config.get("settings", {})

    def check_same(self, config: dict[str, dict]) -> None:
        """Compares the configuration of this run with another configuration.

        Settings that may change, such as `devices`, are not compared. A field
        that this run lacks counts as `None`. If there is no run, do not call
        this method, because all fields would count as `None`.

        Args:
            config: groups of fields, as in `config.json`. Only these groups
                and fields are compared.

        Raises:
            ValueError: fields differ. The message contains their names.
        """
        differences = [
            f"{group}.{name}: {old!r} there, {new!r} now"
            for group, fields in config.items()
            for name, new in sorted(fields.items())
            if name not in self._may_change()
            and (old := self._config.get(group, {}).get(name)) != new
        ]
        if differences:
            raise ValueError(
                f"{self._path} holds a run with other settings. They differ "
                f"in {'; '.join(differences)}. Use the same settings to "
                "continue it, or another --output_dir."
            )

    def check_end(self, settings: run_settings.TrainingSettings) -> None:
        """Checks that the run, if there is one, keeps its number of steps.

        If a later stage of a recipe has started from the run, the run must keep
        this number.

        Args:
            settings: the settings, with all defaults filled in.

        Raises:
            ValueError: the run would become longer or shorter.
        """
        before = self.settings.get("steps")
        if before not in (None, settings.steps):
            raise ValueError(
                f"Another stage of the recipe has begun from {self._path}, "
                f"which has {before} steps. Received: a length of "
                f"{settings.steps} steps. Use the same flags, or another "
                "--output_dir."
            )

    def _may_change(self):
        """Returns the names of the settings whose values may differ."""
        # With the cosine schedule or a cool-down, the learning rate of each
        # step depends on the number of steps, so this number must not change.
        is_planned = self.settings.get("schedule") == "cosine"
        is_planned |= self.settings.get("cooldown_steps") is not None
        fixed = ("steps",) if is_planned else ()
        return [name for name in _MAY_CHANGE if name not in fixed]

    def _end(self):
        """Returns the last step of the run; `None` if the run has not ended."""
        if self._metrics is None:
            return None
        if self._metrics.get("selection", {}).get("ended_early"):
            return self._metrics["steps"]
        return self.settings.get("steps")

    def is_new_or_changed(
        self, settings: run_settings.TrainingSettings
    ) -> bool:
        """Returns whether `config.json` must be written for these settings.

        It must be written if there is no run yet, or if `steps`, `tokenize` or
        `target_language` has changed.

        Args:
            settings: the settings, with all defaults filled in.
        """
        return any(
            self.settings.get(name) != getattr(settings, name)
            for name in run_settings.END_FIELDS
        )

    def is_complete(self, settings: run_settings.TrainingSettings) -> bool:
        """Returns whether the run has ended and needs no further work.

        Args:
            settings: the settings, with all defaults filled in.
        """
        return self._metrics is not None and not self.is_new_or_changed(
            settings
        )

    def check(
        self, settings: run_settings.TrainingSettings, trained_batches: int
    ) -> None:
        """Checks that the run can end after `settings.steps` steps.

        A complete run is not checked. If the run had another number of steps
        before, this is logged.

        Args:
            settings: the settings, with all defaults filled in.
            trained_batches: the number of batches that were trained before the
                newest checkpoint; 0 if there is no checkpoint.

        Raises:
            ValueError: more than `settings.steps` batches were trained already,
                the last checkpoint of an ended run is missing, or
                `steps_per_execution` does not divide `trained_batches`.
        """
        if self.is_complete(settings):
            return
        old_steps = self.settings.get("steps")
        end = self._end()
        if trained_batches > settings.steps:
            raise ValueError(
                f"{self._path} holds a run of {trained_batches} steps so far. "
                f"Received: an end after {settings.steps} steps. Give --steps="
                f"{trained_batches} or more, or another --output_dir."
            )
        if end is not None and trained_batches < end:
            raise ValueError(
                f"{self._path} holds a run that ended after {end} steps, "
                f"but its newest checkpoint is of step {trained_batches}. The "
                "run needs its last checkpoint to continue. Put it back, or "
                "choose another --output_dir."
            )
        per_call = settings.steps_per_execution
        if trained_batches % per_call:
            raise ValueError(
                f"{self._path} holds a run of {trained_batches} steps so far, "
                f"which is not a multiple of --steps_per_execution={per_call}. "
                f"Give a divisor of {trained_batches}."
            )
        if old_steps not in (None, settings.steps):
            _LOG.info(
                "The run now ends after %d steps instead of %d. These settings "
                "stay the same: %s.",
                settings.steps,
                old_steps,
                ", ".join(
                    f"{name}={getattr(settings, name)}"
                    for name in _KEPT_DEFAULTS
                ),
            )
