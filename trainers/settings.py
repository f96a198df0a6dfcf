"""Everything that can be said of a training run, each field a flag."""

import dataclasses
import typing

from absl import flags

from keras_transformer.models import CONVENTIONS, PRESETS, TransformerConfig
from keras_transformer.text import NORMALIZATIONS


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """The settings of a run; `None` means a default that depends on the data.

    The comments are the help texts of the flags.
    """

    train_source: list[str] = dataclasses.field(
        default_factory=list,
        metadata={"help": "Source sentences: files, globs or pipes."},
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
    target_language: str | None = dataclasses.field(
        default=None,
        metadata={
            "help": "Code of the target language, such as de, zh or pt-BR, "
            "for BLEU."
        },
    )
    tokenize: str | None = dataclasses.field(
        default=None,
        metadata={
            "help": "Tokenization of sacreBLEU. Default: that of "
            "--target_language, else 13a."
        },
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
# What may change too, but makes the end of a run anew: how long it is, and how
# its translations are measured.
END_FIELDS = ("steps", "tokenize", "target_language")


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

    Not yet checked, see `settings_checks`.
    """
    values = {
        field.name: flag_values[field.name].value
        for field in dataclasses.fields(TrainingSettings)
    }
    for field in dataclasses.fields(TrainingSettings):
        if field.type == list[str]:
            values[field.name] = list(values[field.name] or [])
    settings = TrainingSettings(**values)
    overrides = {
        field.name: flag_values[field.name].value
        for field in dataclasses.fields(TransformerConfig)
        if flag_values[field.name].value is not None
    }
    return settings, overrides


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
