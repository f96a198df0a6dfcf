"""What a recipe is: the settings of one or several stages of a run."""

import dataclasses
from typing import Any

from keras_transformer import models


@dataclasses.dataclass(frozen=True)
class Stage:
    """The settings of one stage, which starts from the weights before it.

    name: the name of its directory.
    settings: values of flags of the trainer, by name.
    """

    name: str
    settings: dict[str, Any]

    def split(self, given: frozenset[str]) -> tuple[dict, dict]:
        """Returns the settings that the user did not give.

        Args:
            given: the names of the flags that the user gave.

        Returns:
            The pair of settings of training and of the architecture.
        """
        fields = {
            field.name for field in dataclasses.fields(models.TransformerConfig)
        }
        mine = {k: v for k, v in self.settings.items() if k not in given}
        return (
            {k: v for k, v in mine.items() if k not in fields},
            {k: v for k, v in mine.items() if k in fields},
        )


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Settings with which a kind of model is trained.

    summary: for what text it is, and what it costs.
    stages: its stages, in their order. The directory of the run holds the last
        one.
    """

    summary: str
    stages: tuple[Stage, ...]
