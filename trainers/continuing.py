"""The run that a directory holds already, and how it may go on."""

import logging

import keras_transformer as kt
from trainers import settings as run_settings

_LOG = logging.getLogger(__name__)
_MAY_CHANGE = (*run_settings.PLACE_FIELDS, *run_settings.END_FIELDS)
# Their defaults depend on a run's end, and stay when it gets another.
_OF_THE_END = ("evaluation_interval", "warmup_steps", "average_checkpoints")


class Continued:
    """What was found in a run's directory before anything is written there.

    Args:
        directory: the `RunDirectory`.

    Attributes:
        settings: those of the run; empty if there is none.
    """

    def __init__(self, directory: kt.runs.RunDirectory):
        self._path = directory.path
        self._has_ended = directory.metrics.exists()
        self._config = directory.read_config()
        self.settings = self._config.get("settings", {})

    def check_same(self, config: dict) -> None:
        """Compares the settings of the run found here with these.

        Args:
            config: groups of settings; groups and fields that are not there
                are not compared.

        Raises:
            ValueError: they differ; the message names the fields.
        """
        differences = [
            f"{group}.{name}: {old!r} there, {new!r} now"
            for group, fields in config.items()
            for name, new in sorted(fields.items())
            if name not in _MAY_CHANGE
            and (old := self._config.get(group, {}).get(name)) != new
        ]
        if differences:
            raise ValueError(
                f"{self._path} holds a run with other settings. They differ "
                f"in {'; '.join(differences)}. Use the same settings to "
                "continue it, or another --output_dir."
            )

    def is_new_or_changed(
        self, settings: run_settings.TrainingSettings
    ) -> bool:
        """Whether there is no run with this end, measured like this."""
        return any(
            self.settings.get(name) != getattr(settings, name)
            for name in run_settings.END_FIELDS
        )

    def is_complete(self, settings: run_settings.TrainingSettings) -> bool:
        """Whether nothing is left to do."""
        return self._has_ended and not self.is_new_or_changed(settings)

    def check(
        self, settings: run_settings.TrainingSettings, batches: int
    ) -> None:
        """Raises ValueError if the run cannot have the end asked for.

        A changed end is logged.

        Args:
            settings: with every default.
            batches: updates that the newest checkpoint has behind it.

        Raises:
            ValueError: the run cannot have the end that is asked for.
        """
        if self.is_complete(settings):
            return
        before = self.settings.get("steps")
        if batches > settings.steps:
            raise ValueError(
                f"{self._path} holds a run that has made {batches} updates. "
                f"Received: an end after {settings.steps}. Give --steps="
                f"{batches} or more, or another --output_dir."
            )
        if self._has_ended and before is not None and batches < before:
            raise ValueError(
                f"{self._path} holds a run that ended after {before} updates, "
                f"and its checkpoints only {batches}. They are needed to go "
                "on. Put them back, or choose another --output_dir."
            )
        per_call = settings.steps_per_execution
        if batches % per_call:
            raise ValueError(
                f"{self._path} holds a run that has made {batches} updates, "
                f"which is no multiple of --steps_per_execution={per_call}. "
                "Give one that divides it."
            )
        if before not in (None, settings.steps):
            _LOG.info(
                "The run shall end after %d updates instead of %d. As before: "
                "%s.",
                settings.steps,
                before,
                ", ".join(
                    f"{name}={getattr(settings, name)}" for name in _OF_THE_END
                ),
            )
