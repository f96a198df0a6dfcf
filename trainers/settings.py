"""Everything that can be said of a training run, each field a flag."""

import dataclasses
import typing

from absl import flags

from keras_transformer.models import (
    CONVENTIONS,
    PRESETS,
    TransformerConfig,
    convention,
)
from keras_transformer.search import LENGTH_PENALTIES
from keras_transformer.text import NORMALIZATIONS
from keras_transformer.training import SMOOTHING_OVER


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """The settings of a run; `None` means a default that depends on the data.

    The comments are the help texts of the flags.
    """

    train_source: list[str] = dataclasses.field(
        default_factory=list,
        metadata={"help": "Source sentences: files or globs, also .gz."},
    )
    train_target: list[str] = dataclasses.field(
        default_factory=list,
        metadata={"help": "Their translations, line by line."},
    )
    dev_source: list[str] = dataclasses.field(
        default_factory=list,
        metadata={
            "help": "Development sources; without any, up to 500 pairs of "
            "the training data are held out."
        },
    )
    dev_target: list[str] = dataclasses.field(
        default_factory=list, metadata={"help": "Development targets."}
    )
    train_tsv: list[str] = dataclasses.field(
        default_factory=list,
        metadata={
            "help": "Instead of --train_source and --train_target: "
            "files of source, tab, target."
        },
    )
    dev_tsv: list[str] = dataclasses.field(
        default_factory=list,
        metadata={"help": "Instead of --dev_source and --dev_target."},
    )
    preset: str | None = dataclasses.field(
        default=None,
        metadata={
            "help": f"Architecture: one of {', '.join(PRESETS)}. "
            "Default: demo for the built-in corpus, else small."
        },
    )
    convention: str | None = dataclasses.field(
        default=None,
        metadata={
            "help": "What the architecture, the start token, the smoothing "
            f"and the length penalty follow: one of {', '.join(CONVENTIONS)}."
            " Default: the preset's architecture, the rest as in the paper."
        },
    )
    text_normalization: str = dataclasses.field(
        default=NORMALIZATIONS[1],
        metadata={
            "help": "What the vocabulary takes for the same text: one of "
            f"{', '.join(NORMALIZATIONS)}."
        },
    )
    rare_characters: float = dataclasses.field(
        default=0.1,
        metadata={
            "help": "Share of training sources that get characters that no "
            "text has, so that such do not change what is written for the rest."
        },
    )
    max_length: int = dataclasses.field(
        default=128,
        metadata={"help": "Most tokens of a sentence in training."},
    )
    tokens_per_batch: int = dataclasses.field(
        default=4096,
        metadata={"help": "Target tokens of a batch, padding included."},
    )
    epochs: int | None = dataclasses.field(
        default=None,
        metadata={
            "help": "Passes over the training data. Default: 20, or "
            "6 for the built-in corpus."
        },
    )
    steps: int | None = dataclasses.field(
        default=None, metadata={"help": "Updates, instead of --epochs."}
    )
    evaluation_interval: int | None = dataclasses.field(
        default=None,
        metadata={
            "help": "Updates between evaluations and checkpoints. "
            "Default: an epoch, at most 1000."
        },
    )
    warmup_steps: int | None = dataclasses.field(
        default=None,
        metadata={
            "help": "Updates until the learning rate's peak. Default: "
            "a quarter of all, at most 4000."
        },
    )
    learning_rate_factor: float | None = dataclasses.field(
        default=None,
        metadata={
            "help": "Multiplies the paper's schedule. Default: 1, or 0.5 for "
            "the built-in corpus."
        },
    )
    adam_epsilon: float = dataclasses.field(
        default=1e-9,
        metadata={
            "help": "Epsilon of Adam. The paper's divides gradients that are "
            "hardly more than rounding by themselves; 1e-6 and more does not."
        },
    )
    label_smoothing: float | None = dataclasses.field(
        default=None,
        metadata={
            "help": "Epsilon of label smoothing. Default: the convention's."
        },
    )
    smoothing_over: str | None = dataclasses.field(
        default=None,
        metadata={
            "help": "Where epsilon goes: all or others. Default: the "
            "convention's."
        },
    )
    average_checkpoints: int | None = dataclasses.field(
        default=None,
        metadata={
            "help": "Last checkpoints averaged at the end. Default: half of "
            "them, at most 5."
        },
    )
    beam_size: int = dataclasses.field(
        default=4, metadata={"help": "Beam size of the final translations."}
    )
    length_penalty: float | None = dataclasses.field(
        default=None,
        metadata={
            "help": "Alpha of the length penalty. Default: the convention's."
        },
    )
    length_penalty_form: str | None = dataclasses.field(
        default=None,
        metadata={"help": "gnmt or average. Default: the convention's."},
    )
    seed: int = dataclasses.field(
        default=0, metadata={"help": "Of weights, dropout and data order."}
    )
    strategy: str = dataclasses.field(
        default="auto",
        metadata={"help": "auto, none, mirrored, multi_worker or tpu."},
    )
    devices: list[str] = dataclasses.field(
        default_factory=list,
        metadata={"help": "Of --strategy=mirrored, such as GPU:0,GPU:1."},
    )
    tpu: str | None = dataclasses.field(
        default=None, metadata={"help": "Name or address of the TPU."}
    )
    precision: str = dataclasses.field(
        default="float32",
        metadata={"help": "float32, mixed_bfloat16 or mixed_float16."},
    )
    gradient_accumulation_steps: int = dataclasses.field(
        default=1,
        metadata={
            "help": "Parts of a batch that each replica reads one after "
            "another; the update is that of the whole batch."
        },
    )
    clip_norm: float | None = dataclasses.field(
        default=None,
        metadata={"help": "Most that a gradient's global norm may be."},
    )
    ema_momentum: float | None = dataclasses.field(
        default=None,
        metadata={
            "help": "Of a moving average of the weights, such as 0.999, which "
            "becomes the final ones instead of an average of checkpoints."
        },
    )
    steps_per_execution: int = dataclasses.field(
        default=1, metadata={"help": "Updates in one call of the graph."}
    )
    jit_compile: bool = dataclasses.field(
        default=False, metadata={"help": "Compile the step with XLA."}
    )

    @property
    def is_built_in(self) -> bool:
        """Whether the built-in corpus is trained on."""
        return not (self.train_source or self.train_target or self.train_tsv)

    @property
    def default_preset(self) -> str:
        """The preset if none was asked for."""
        return "demo" if self.is_built_in else "small"


# What may change between two starts of one run: where it runs, not what.
PLACE_FIELDS = (
    "strategy",
    "devices",
    "tpu",
    "gradient_accumulation_steps",
    "steps_per_execution",
    "jit_compile",
)


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines a flag for each field of the settings and the architecture."""
    for field in dataclasses.fields(TrainingSettings):
        default = (
            None if field.default is dataclasses.MISSING else field.default
        )
        _define(field, default, field.metadata["help"], flag_values)
    for field in dataclasses.fields(TransformerConfig):
        _define(
            field, None, f"Overrides the preset's {field.name}.", flag_values
        )


def from_flags(
    flag_values: flags.FlagValues = flags.FLAGS,
) -> tuple[TrainingSettings, dict]:
    """Reads the settings, and the fields of the architecture that were given.

    Raises:
        ValueError: settings that contradict each other.
    """
    values = {
        field.name: flag_values[field.name].value
        for field in dataclasses.fields(TrainingSettings)
    }
    for field in dataclasses.fields(TrainingSettings):
        if field.type == list[str]:
            values[field.name] = list(values[field.name] or [])
    settings = TrainingSettings(**values)
    check(settings)
    overrides = {
        field.name: flag_values[field.name].value
        for field in dataclasses.fields(TransformerConfig)
        if flag_values[field.name].value is not None
    }
    return settings, overrides


def check(settings: TrainingSettings) -> None:
    """Raises ValueError if settings contradict each other."""
    if settings.train_tsv and (settings.train_source or settings.train_target):
        raise ValueError(
            "Give the training data once: --train_tsv, or --train_source and "
            "--train_target. Received both."
        )
    for side in ("train", "dev"):
        source = getattr(settings, f"{side}_source")
        target = getattr(settings, f"{side}_target")
        if bool(source) != bool(target):
            raise ValueError(
                f"--{side}_source and --{side}_target go together. Received: "
                f"{side}_source={source}, {side}_target={target}."
            )
    if settings.is_built_in and (settings.dev_source or settings.dev_tsv):
        raise ValueError(
            "Development data without training data. Received: "
            f"{settings.dev_source or settings.dev_tsv}. Give --train_source "
            "and --train_target, or --train_tsv."
        )
    if settings.dev_tsv and settings.dev_source:
        raise ValueError(
            "Give the development data once: --dev_tsv, or --dev_source and "
            "--dev_target. Received both."
        )
    if settings.preset is not None and settings.preset not in PRESETS:
        raise ValueError(
            f"Unknown preset. Received: {settings.preset!r}. Expected one of "
            f"{', '.join(PRESETS)}."
        )
    if settings.convention is not None:
        convention(settings.convention)
    if settings.epochs is not None and settings.steps is not None:
        raise ValueError(
            "--epochs and --steps both say how long to train. Received: "
            f"epochs={settings.epochs}, steps={settings.steps}. Give one."
        )
    for name, known in (
        ("precision", ("float32", "mixed_bfloat16", "mixed_float16")),
        ("smoothing_over", (None, *SMOOTHING_OVER)),
        ("text_normalization", NORMALIZATIONS),
        ("length_penalty_form", (None, *LENGTH_PENALTIES)),
    ):
        if getattr(settings, name) not in known:
            raise ValueError(
                f"Unknown --{name}. Received: {getattr(settings, name)!r}. "
                f"Expected one of {', '.join(filter(None, known))}."
            )
    if settings.length_penalty is not None and settings.length_penalty < 0:
        raise ValueError(
            "--length_penalty must not be negative. Received: "
            f"{settings.length_penalty}."
        )
    for name in (
        "max_length",
        "tokens_per_batch",
        "epochs",
        "steps",
        "warmup_steps",
        "evaluation_interval",
        "average_checkpoints",
        "beam_size",
        "gradient_accumulation_steps",
        "steps_per_execution",
        "learning_rate_factor",
        "adam_epsilon",
        "clip_norm",
        "ema_momentum",
    ):
        value = getattr(settings, name)
        if value is not None and value <= 0:
            raise ValueError(f"--{name} must be positive. Received: {value}.")
    if not 0 <= settings.rare_characters <= 1:
        raise ValueError(
            "--rare_characters is a share of the pairs, in [0, 1]. Received: "
            f"{settings.rare_characters}."
        )
    if settings.ema_momentum is not None and settings.ema_momentum >= 1:
        raise ValueError(
            f"--ema_momentum must be below 1. Received: "
            f"{settings.ema_momentum}."
        )


def _define(field, default, help_text, flag_values):
    kind = field.type
    if kind == list[str]:
        flags.DEFINE_list(field.name, default, help_text, flag_values)
        return
    kind = next((k for k in typing.get_args(kind) if k is not type(None)), kind)
    define = {
        bool: flags.DEFINE_boolean,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        str: flags.DEFINE_string,
    }[kind]
    define(field.name, default, help_text, flag_values=flag_values)
