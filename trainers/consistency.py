"""Makes the consistency loss of a run from its settings.

A consistency loss compares two passes over each batch: two passes of the model,
or one pass of the model and one pass of its teachers.
"""

import dataclasses
import hashlib

import keras_transformer as kt
from trainers import learning_settings
from trainers import tokenizers as run_tokenizers

NAMES = ("none", "r_drop", "simcut", "teacher")
# For each value of --consistency, the settings that no other value uses. All
# values except `none` also use the settings `_OF_ALL`.
_OWN = {
    "none": (),
    "r_drop": (),
    "simcut": ("cut_off",),
    "teacher": ("teacher",),
}
_OF_ALL = ("consistency_weight", "consistency_start", "consistency_ramp")
FLAGS = ("cut_off", "teacher", *_OF_ALL)
_DEFAULTS = learning_settings.LearningSettings()


def check(settings: learning_settings.LearningSettings) -> None:
    """Checks the settings of the consistency loss.

    For `teacher`, numbers such as the weight of the loss are not checked here,
    because only the loss checks them, and the loss cannot be made without the
    models of the teachers. `make_consistency` loads these models, and checks
    the numbers.

    Args:
        settings: the settings that the user gave.

    Raises:
        FileNotFoundError: a teacher is not the directory of a finished run.
        ValueError: a setting is invalid or has no effect, or a teacher is
            needed, but was not given.
    """
    name = settings.consistency
    if name not in NAMES:
        raise ValueError(
            f"Unknown --consistency. Received: {name!r}. Expected one of "
            f"{', '.join(NAMES)}."
        )
    for flag in FLAGS:
        is_given = getattr(settings, flag) != getattr(_DEFAULTS, flag)
        if flag not in _used(name) and is_given:
            raise ValueError(
                f"--{flag} has no effect with --consistency={name}. Received: "
                f"--{flag}={getattr(settings, flag)}. Leave it out, or give "
                "another --consistency."
            )
    if name == "teacher" and not settings.teacher:
        raise ValueError(
            "--consistency=teacher needs a teacher. Received: no --teacher. "
            "Give the directories of one or several runs."
        )
    for path in settings.teacher:
        if not kt.runs.RunDirectory(path).model.is_file():
            raise FileNotFoundError(
                f"{path} is not the directory of a finished run. Give the "
                "--output_dir of a run that has ended as --teacher."
            )
    if name != "teacher":
        make_consistency(settings)


def _used(name):
    """Returns the flags that have an effect with a value of --consistency."""
    return _OWN[name] + (() if name == "none" else _OF_ALL)


def without_unused(
    settings: learning_settings.LearningSettings,
) -> learning_settings.LearningSettings:
    """Returns settings in which flags without an effect have their defaults.

    Args:
        settings: the settings of a run. `consistency` is one of `NAMES`.

    Example:

    >>> given = learning_settings.LearningSettings(consistency_weight=2.0)
    >>> without_unused(given).consistency_weight is None
    True
    """
    unused = set(FLAGS) - set(_used(settings.consistency))
    return dataclasses.replace(
        settings, **{flag: getattr(_DEFAULTS, flag) for flag in unused}
    )


def make_consistency(
    settings: learning_settings.LearningSettings,
    seed: int = 0,
    precision: str = "float32",
) -> kt.training.ConsistencyLoss | None:
    """Makes the consistency loss; returns `None` for `--consistency=none`.

    Args:
        settings: the settings of the run. `check` must accept them.
        seed: the seed of the run, for `simcut`.
        precision: the dtype policy with which teachers predict.

    Raises:
        FileNotFoundError: a file of a teacher is missing.
        ValueError: a number is out of range, a file of a teacher is damaged,
            or several teachers differ in their padding ids, start ids or
            vocabulary sizes.

    Example:

    >>> make_consistency(learning_settings.LearningSettings()) is None
    True
    """
    options = {
        "start_step": settings.consistency_start,
        "ramp_steps": settings.consistency_ramp,
    }
    if settings.consistency_weight is not None:
        options["weight"] = settings.consistency_weight
    if settings.consistency == "none":
        return None
    if settings.consistency == "r_drop":
        return kt.training.RDrop(**options)
    if settings.consistency == "teacher":
        models = [_teacher(path, precision) for path in settings.teacher]
        teacher = models[0] if len(models) == 1 else kt.Ensemble(models)
        return kt.training.Distillation(**options, teacher=teacher)
    if settings.cut_off is not None:
        options["cut_off"] = settings.cut_off
    return kt.training.SimCut(**options, seed=seed)


def _teacher(path, precision):
    model = kt.load_translator(path).model
    if model.dtype_policy.name == precision:
        return model
    return kt.models.in_precision(model, precision)


def fingerprint(
    settings: learning_settings.LearningSettings,
    tokenizers: run_tokenizers.Tokenizers,
    architecture: kt.TransformerConfig,
) -> dict[str, list[str]]:
    """Checks that the teachers fit the run; returns hashes of their models.

    Args:
        settings: the settings of the run.
        tokenizers: the tokenizers of the run.
        architecture: the configuration of the run's model.

    Returns:
        Dict with the key `teacher_sha256` and the list of the hashes of the
        teachers' model files. Without teachers, the dict is empty.

    Raises:
        FileNotFoundError: a file of a teacher is missing.
        ValueError: a teacher has another vocabulary or another start id, or a
            file of a teacher is damaged.
    """
    if not settings.teacher:
        return {}
    hashes = []
    for path in settings.teacher:
        if run_tokenizers.read(path).fingerprint() != tokenizers.fingerprint():
            raise ValueError(
                f"The teacher {path} has another vocabulary. Give --vocabulary="
                f"{path} to use the teacher's."
            )
        # A teacher reads the same ids as the model of the run, so the teacher
        # needs the start id of this model. The start id of a teacher is not
        # checked if the teacher has no `config.json`.
        theirs = kt.runs.RunDirectory(path).read_config()
        start_id = theirs.get("architecture", {}).get("start_id")
        if start_id not in (None, architecture.start_id):
            raise ValueError(
                f"The teacher {path} has start_id={start_id}. Received: "
                f"start_id={architecture.start_id}. Give --start_id={start_id}."
            )
        content = kt.runs.RunDirectory(path).model.read_bytes()
        hashes.append(hashlib.sha256(content).hexdigest())
    return {"teacher_sha256": hashes}
