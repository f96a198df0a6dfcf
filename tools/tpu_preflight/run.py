"""Makes the steps that are compiled for a TPU, from a run or a preset."""

import dataclasses

import keras_transformer as kt
from keras_transformer.runs import loading
from keras_transformer.training import hardware
from tools.tpu_preflight import chips
from tools.tpu_preflight import steps as tpu_steps
from trainers import building, defaults, precision, settings_checks
from trainers import settings as run_settings

STEPS = ("training", "decoding")


def configuration(model: str | None, preset: str | None, **given):
    """Returns the architecture and the settings of a run or a preset.

    Args:
        model: a run directory; `None` with a preset.
        preset: a name in `PRESETS`; `None` with a run directory.
        **given: fields of `TrainingSettings` to replace; `None` keeps the
            setting of the run or, with a preset, the default.

    Returns:
        The pair of `TransformerConfig` and `TrainingSettings`. In the settings,
        defaults replace `None`, and the precision of a TPU replaces `auto`.

    Raises:
        ValueError: `model` and `preset` are both given or both `None`; or the
            run's configuration or the settings are invalid.
        OSError: the run is missing; or the settings need another run, such as a
            teacher, and the other run is missing.
    """
    if (model is None) == (preset is None):
        raise ValueError(
            "Give a run directory as --model, or a --preset. Received: "
            f"--model={model}, --preset={preset}."
        )
    given = {name: value for name, value in given.items() if value is not None}
    if model is None:
        settings = run_settings.TrainingSettings(preset=preset, **given)
        settings_checks.check(settings)
        settings = defaults.with_defaults(settings, 1000)
        return kt.PRESETS[preset], _for_tpu(settings)
    directory = kt.runs.RunDirectory(model)
    if not directory.is_started:
        raise FileNotFoundError(
            f"No such run: there is no {directory.config}. Give the trainer's "
            "--output_dir."
        )
    config = directory.read_config()
    try:
        types = {
            field.name: field.type
            for field in dataclasses.fields(run_settings.TrainingSettings)
        }
        settings = run_settings.TrainingSettings(
            **{
                # JSON has lists instead of tuples.
                name: tuple(value) if types[name] == tuple[str, ...] else value
                for name, value in config["settings"].items()
                if name in types
            }
        )
        architecture = kt.TransformerConfig(**config["architecture"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{directory.config} is not a run's configuration ({error}). Give "
            "the trainer's --output_dir."
        ) from error
    settings = dataclasses.replace(settings, **given)
    settings_checks.check(settings)
    return architecture, _for_tpu(settings)


def _for_tpu(settings):
    """Returns the settings, with the precision of a TPU in place of `auto`."""
    if settings.precision != precision.AUTO:
        return settings
    policy, _ = hardware.choose_precision(hardware.Hardware("TPU"))
    return dataclasses.replace(settings, precision=policy)


def model_of(
    architecture: kt.TransformerConfig,
    settings: run_settings.TrainingSettings,
):
    """Builds the model, and compiles it as the trainer does for a TPU.

    Args:
        architecture: the configuration of the model.
        settings: the settings of the run, as `configuration` returns them.
    """
    # On a TPU, XLA compiles the whole step. Here the device is a CPU.
    # `jit_compile` is turned off, because on a CPU it makes XLA compile a part
    # of the step separately.
    settings = dataclasses.replace(settings, jit_compile=False)
    model = kt.build_transformer(architecture, dtype=settings.precision)
    building.compile_model(model, settings, architecture)
    return model


def steps_of(
    model,
    settings: run_settings.TrainingSettings,
    topology: chips.Topology,
    batch_size: int = 64,
) -> list[tpu_steps.Step]:
    """Returns the steps of training and search of a run, but not of evaluation.

    The search has the fields of `settings`, and the default length limits. In a
    run that started from an imported model, `config.json` can have further
    fields for the search, such as `banned_ids`. These fields are not used.

    Args:
        model: the compiled model of the run.
        settings: the settings of the run, as `configuration` returns them.
        topology: the topology whose replicas share a batch.
        batch_size: the number of sentences that all replicas together
            translate at a time.

    Raises:
        ValueError: a batch is too small for the replicas.
    """
    shapes = tpu_steps.training_shapes(
        settings.tokens_per_batch,
        settings.max_length,
        topology.num_replicas,
        settings.gradient_accumulation_steps,
    )
    search = loading.search_of(dataclasses.asdict(settings))
    return [tpu_steps.training_step(model, *shape) for shape in shapes] + [
        tpu_steps.decoding_step(model, search, *shape)
        for shape in tpu_steps.decoding_shapes(
            batch_size, settings.max_length, topology.num_replicas
        )
    ]


def chosen(
    steps: list[tpu_steps.Step], names: list[str], lengths: list[str] | None
) -> list[tpu_steps.Step]:
    """Returns the steps with these names and lengths.

    Args:
        steps: the steps to choose from.
        names: names in `STEPS`.
        lengths: lengths of steps, as text; `None` for all lengths.

    Raises:
        ValueError: a name is unknown, or a length is not the length of any step
            with these names.
    """
    for name in names:
        if name not in STEPS:
            raise ValueError(
                f"Unknown step. Received: --steps={name}. Expected one of "
                f"{', '.join(STEPS)}."
            )
    steps = [step for step in steps if step.name in names]
    known = [str(step.length) for step in steps]
    for length in lengths or []:
        if length not in known:
            raise ValueError(
                f"No batch has this length. Received: --lengths={length}. "
                f"Expected lengths among {', '.join(dict.fromkeys(known))}."
            )
    return [s for s in steps if lengths is None or str(s.length) in lengths]
