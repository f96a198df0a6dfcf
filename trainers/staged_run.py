"""Trains the stages of a recipe, one after another, in one run directory."""

import dataclasses
import logging
import os
import pathlib

import keras_transformer as kt
from trainers import consistency, optimization, recipes, run, settings_checks
from trainers import settings as run_settings

_LOG = logging.getLogger(__name__)
_SIDES = ("source", "target", "tsv")
_SIZES = frozenset(["vocabulary_size", "target_vocabulary_size"])


def train(
    settings: run_settings.TrainingSettings,
    overrides: dict,
    given: frozenset[str],
    output_dir: str | os.PathLike,
) -> None:
    """Trains the stages of a recipe, or one run if there is no recipe.

    The last stage writes to the run directory itself. Each earlier stage has a
    directory inside the run directory. All stages have the vocabulary of the
    first stage. The same command continues a stage that was stopped.

    Args:
        settings: the settings that the user gave; `recipe` may be `None`.
        overrides: dict of the `TransformerConfig` fields that the user gave.
        given: the names of all flags that the user gave. In each stage, the
            values of these flags replace settings of the recipe.
        output_dir: the directory of the run.

    Raises:
        ValueError: the recipe is unknown; or as for `check` and `run.train`.
        OSError: as for `run.train`.
        FloatingPointError: as for `run.train`.
        ConnectionError: as for `run.train`.
    """
    if settings.recipe is None:
        run.train(settings, overrides, output_dir)
        return
    stages = recipe_of(settings.recipe).stages
    check(stages, settings, overrides, given)
    # A process cannot make some strategies twice. So stages share the strategy.
    strategy = None
    paths: dict[str, str] = {}
    directories = directories_of(stages, kt.runs.RunDirectory(output_dir))
    for number, (stage, path) in enumerate(
        zip(stages, directories, strict=True), start=1
    ):
        stage_settings, stage_overrides = settings_of(
            stage, settings, overrides, given
        )
        stage_settings = with_runs(stage, stage_settings, paths)
        if number > 1:
            # With a size, the stage would learn another vocabulary.
            for name in _SIZES:
                stage_overrides.pop(name, None)
        _LOG.info(
            "Recipe %s, stage %d of %d, in %s.",
            settings.recipe,
            number,
            len(stages),
            path,
        )
        strategy = run.train(
            stage_settings,
            stage_overrides,
            path,
            strategy,
            keeps_end=_any_is_started(directories[number:]),
        )
        paths[stage.name] = os.fspath(path)


def _any_is_started(directories):
    return any(kt.runs.RunDirectory(path).is_started for path in directories)


def directories_of(
    stages: tuple[recipes.Stage, ...], directory: kt.runs.RunDirectory
) -> list[pathlib.Path]:
    """Returns the directories of the stages; the last one is the run directory.

    Args:
        stages: the stages of the recipe.
        directory: the directory of the run.
    """
    before = [
        directory.stages / f"{number}_{stage.name}"
        for number, stage in enumerate(stages[:-1], start=1)
    ]
    return [*before, directory.path]


def check(
    stages: tuple[recipes.Stage, ...],
    settings: run_settings.TrainingSettings,
    overrides: dict,
    given: frozenset[str],
) -> None:
    """Checks the settings of the stages before the first one is trained.

    If the teachers of a stage are earlier stages, only its warm-up and
    cool-down are checked here. Its other settings are checked when the stage
    begins.

    Args:
        stages: the stages of the recipe.
        settings: the settings that the user gave.
        overrides: dict of the `TransformerConfig` fields that the user gave.
        given: the names of all flags that the user gave.

    Raises:
        FileNotFoundError: the initial model or a teacher is not the directory
            of a finished run.
        ValueError: the settings of a stage are invalid, a flag of a consistency
            loss changes no stage, or there are several stages and a file of
            text can be read only once.
    """
    of_stages = [
        settings_of(stage, settings, overrides, given)[0] for stage in stages
    ]
    for flag in sorted(given & set(consistency.FLAGS)):
        value = getattr(settings, flag)
        if all(getattr(of_stage, flag) != value for of_stage in of_stages):
            raise ValueError(
                f"--{flag} has no effect with --recipe={settings.recipe}. "
                f"Received: --{flag}={value}. Leave it out, or give a "
                "--consistency that uses it."
            )
    for of_stage in of_stages:
        optimization.check_parts(of_stage)
        if of_stage.consistency != "teacher" or of_stage.teacher:
            # A stage whose teachers are earlier stages is checked when the
            # stage begins, because its teachers are not trained yet.
            settings_checks.check(of_stage)
    texts = [f"{of}_{side}" for of in ("train", "dev") for side in _SIDES]
    for name in texts if len(stages) > 1 else ():
        for path in getattr(settings, name):
            if os.path.exists(path) and not os.path.isfile(path):
                raise ValueError(
                    "Each stage of a recipe reads the text. Received: "
                    f"--{name}={path}, which can be read once. Give a file."
                )


def with_runs(
    stage: recipes.Stage,
    settings: run_settings.TrainingSettings,
    paths: dict[str, str],
) -> run_settings.TrainingSettings:
    """Sets the initial model, the vocabulary and the teachers of a stage.

    A later stage gets the vocabulary of the first stage if `stage.initial` is
    `None` and the user gave neither a vocabulary nor shards.

    Args:
        stage: the stage.
        settings: the settings of the stage. The teachers of the stage are set
            only if `consistency` is "teacher" and the user gave no teachers.
        paths: the directories of the earlier stages, by the names of the
            stages; the first stage comes first.

    Returns:
        The changed settings.
    """
    if stage.initial is not None:
        settings = dataclasses.replace(
            settings, initial_model=paths[stage.initial]
        )
    elif paths and settings.vocabulary is None and not settings.train_shards:
        # The first path is that of the first stage, which has learned the
        # vocabulary.
        settings = dataclasses.replace(
            settings, vocabulary=next(iter(paths.values()))
        )
    teachers = settings.teacher
    if settings.consistency == "teacher" and not teachers:
        teachers = [paths[name] for name in stage.teachers]
    return dataclasses.replace(settings, teacher=teachers)


def recipe_of(name: str) -> recipes.Recipe:
    """Returns a recipe by its name.

    Raises:
        ValueError: the name is unknown.

    Example:

    >>> recipe_of("paper_base").stages[0].settings["warmup_steps"]
    4000
    """
    if name not in recipes.RECIPES:
        raise ValueError(
            f"Unknown --recipe. Received: {name!r}. Expected one of "
            f"{', '.join(recipes.RECIPES)}."
        )
    return recipes.RECIPES[name]


def settings_of(
    stage: recipes.Stage,
    settings: run_settings.TrainingSettings,
    overrides: dict,
    given: frozenset[str],
) -> tuple[run_settings.TrainingSettings, dict]:
    """Returns the recipe's settings of a stage, changed by the user's flags.

    If the user gave --steps or --epochs, the recipe sets neither steps nor
    epochs. If the user did not give --consistency, flags of a consistency loss
    change only stages with a loss that uses them. The seed of the stage is
    added to the seed of the run.

    Args:
        stage: the stage.
        settings: the settings that the user gave.
        overrides: dict of the `TransformerConfig` fields that the user gave.
        given: the names of all flags that the user gave.

    Returns:
        The settings and the overrides of the stage. In the settings, the field
        `replaces_recipe` lists the settings of the recipe that flags replaced.
    """
    if given & {"steps", "epochs"}:
        given = given | {"steps", "epochs"}
    if settings.vocabulary is not None or settings.train_shards:
        # The user gave a vocabulary, or shards with their vocabulary. So the
        # vocabulary sizes of the recipe must not be used.
        given = given | _SIZES
    of_training, of_architecture = stage.split(given)
    replaced = sorted(given & set(stage.settings))
    if replaced:
        _LOG.info(
            "Flags replace these settings of the recipe: %s.",
            ", ".join(replaced),
        )
    if stage.initial is not None:
        # The stage has the architecture of the stage that it starts from, which
        # may differ from the preset.
        settings = dataclasses.replace(settings, preset=None)
    settings = dataclasses.replace(
        settings,
        **of_training,
        seed=settings.seed + stage.seed,
        replaces_recipe=replaced,
    )
    if "consistency" not in given:
        settings = consistency.without_unused(settings)
    return settings, {**of_architecture, **overrides}
