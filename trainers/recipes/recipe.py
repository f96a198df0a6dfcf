"""What a recipe is: the settings of one or several stages of a run."""

import dataclasses
from typing import Any

from keras_transformer import models


@dataclasses.dataclass(frozen=True)
class Stage:
    """The settings of one stage, which starts from the weights of another one.

    name: the name of its directory.
    settings: values of flags of the trainer, by name.
    initial: the name of the stage whose weights it starts from; `None` for new
        weights. The vocabulary is that of the first stage in each case.
    teachers: the names of the stages that it imitates, with
        `consistency="teacher"`.
    seed: what is added to the seed of the run. Two stages that differ in
        nothing else need different seeds.
    """

    name: str
    settings: dict[str, Any]
    initial: str | None = None
    teachers: tuple[str, ...] = ()
    seed: int = 0

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

    Raises:
        ValueError: a stage has the name of another one, or names a stage that
            is not before it.
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
