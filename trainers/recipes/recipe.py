"""Defines a recipe: the settings of one or several stages of a run."""

import dataclasses
from typing import Any

from keras_transformer import models


@dataclasses.dataclass(frozen=True)
class Stage:
    """The settings of one stage of a recipe.

    name: the name of the stage. The name of the stage's directory contains it,
        unless the stage is the last one.
    settings: values of flags of the trainer, by name.
    initial: the name of the stage whose weights this stage starts from. With
        `None`, the stage starts from new weights, or from the weights of
        --initial_model if the user gave this flag. All stages use the
        vocabulary of the first stage.
    teachers: the names of the stages that this stage imitates, if its settings
        have `consistency="teacher"`, and the user did not give --teacher.
    seed: a number that is added to the seed of the run. Two stages with the
        same settings and the same `initial` need different seeds, or they train
        the same model.
    """

    name: str
    settings: dict[str, Any]
    initial: str | None = None
    teachers: tuple[str, ...] = ()
    seed: int = 0

    def split(self, given: frozenset[str]) -> tuple[dict, dict]:
        """Returns the settings of the stage without those that the user gave.

        Args:
            given: the names of the flags that the user gave.

        Returns:
            Two dicts: settings of the training, and of the architecture.
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
    """The stages in which a model is trained.

    summary: which text the recipe is for, and its cost or results.
    stages: the stages in their order. The last stage writes to the directory of
        the run itself.

    Raises:
        ValueError: two stages have the same name, or a name in `initial` or
            `teachers` of a stage is not the name of an earlier stage.
    """

    summary: str
    stages: tuple[Stage, ...]

    def __post_init__(self):
        before: set[str] = set()
        for stage in self.stages:
            named = {*stage.teachers, stage.initial} - {None}
            if stage.name in before or not named <= before:
                raise ValueError(
                    "Stages have different names, and name stages before them. "
                    f"Received: {stage} after {sorted(before)}."
                )
            before.add(stage.name)
