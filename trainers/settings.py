"""Everything that can be said of a training run, each field a flag."""

import dataclasses

from keras_transformer.models import CONVENTIONS, PRESETS, TransformerConfig
from keras_transformer.text import NORMALIZATIONS
from trainers.settings_flags import setting


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """Settings of a run; `None` means a default that depends on the data."""

    train_source: list[str] = setting(
        "Source sentences: files, globs or pipes.", []
    )
    train_target: list[str] = setting("Their translations, line by line.", [])
    dev_source: list[str] = setting(
        "Development sources; without any, up to 500 pairs of "
        "the training data are held out.",
        [],
    )
    dev_target: list[str] = setting("Development targets.", [])
    train_tsv: list[str] = setting(
        "Instead of --train_source and --train_target: "
        "files of source, tab, target.",
        [],
    )
    dev_tsv: list[str] = setting(
        "Instead of --dev_source and --dev_target.", []
    )
    target_language: str | None = setting(
        "Code of the target language, such as de, zh or pt-BR, for BLEU.", None
    )
    tokenize: str | None = setting(
        "Tokenization of sacreBLEU. Default: that of "
        "--target_language, else 13a.",
        None,
    )
    preset: str | None = setting(
        f"Architecture: one of {', '.join(PRESETS)}. "
        "Default: demo for the built-in corpus, else small.",
        None,
    )
    convention: str | None = setting(
        "What the architecture, the start token, the smoothing "
        f"and the length penalty follow: one of {', '.join(CONVENTIONS)}."
        " Default: the preset's architecture, the rest as in the paper.",
        None,
    )
    text_normalization: str = setting(
        "What the vocabulary takes for the same text: one of "
        f"{', '.join(NORMALIZATIONS)}.",
        NORMALIZATIONS[1],
    )
    rare_characters: float = setting(
        "Share of training sources that get characters that no "
        "text has, so that such do not change what is written for the rest.",
        0.1,
    )
    max_length: int = setting("Most tokens of a sentence in training.", 128)
    tokens_per_batch: int = setting(
        "Target tokens of a batch, padding included.", 4096
    )
    epochs: int | None = setting(
        "Passes over the training data. Default: 20, or "
        "6 for the built-in corpus.",
        None,
    )
    steps: int | None = setting("Updates, instead of --epochs.", None)
    evaluation_interval: int | None = setting(
        "Updates between evaluations and checkpoints. "
        "Default: an epoch, at most 1000.",
        None,
    )
    warmup_steps: int | None = setting(
        "Updates until the learning rate's peak. Default: "
        "a quarter of all, at most 4000.",
        None,
    )
    learning_rate_factor: float | None = setting(
        "Multiplies the paper's schedule. Default: 1, or 0.5 for "
        "the built-in corpus.",
        None,
    )
    adam_epsilon: float = setting(
        "Epsilon of Adam. The paper's divides gradients that are "
        "hardly more than rounding by themselves; 1e-6 and more does not.",
        1e-9,
    )
    label_smoothing: float | None = setting(
        "Epsilon of label smoothing. Default: the convention's.", None
    )
    smoothing_over: str | None = setting(
        "Where epsilon goes: all or others. Default: the convention's.", None
    )
    average_checkpoints: int | None = setting(
        "Last checkpoints averaged at the end. Default: half of "
        "them, at most 5.",
        None,
    )
    beam_size: int = setting("Beam size of the final translations.", 4)
    length_penalty: float | None = setting(
        "Alpha of the length penalty. Default: the convention's.", None
    )
    length_penalty_form: str | None = setting(
        "gnmt or average. Default: the convention's.", None
    )
    seed: int = setting("Of weights, dropout and data order.", 0)
    strategy: str = setting(
        "auto, none, mirrored, multi_worker or tpu.", "auto"
    )
    devices: list[str] = setting(
        "Of --strategy=mirrored, such as GPU:0,GPU:1.", []
    )
    tpu: str | None = setting("Name or address of the TPU.", None)
    precision: str = setting(
        "float32, mixed_bfloat16, mixed_float16, or auto: mixed_bfloat16 where "
        "the devices compute it fast, else float32.",
        "auto",
    )
    gradient_accumulation_steps: int = setting(
        "Parts of a batch that each replica reads one after "
        "another; the update is that of the whole batch.",
        1,
    )
    clip_norm: float | None = setting(
        "Most that a gradient's global norm may be.", None
    )
    ema_momentum: float | None = setting(
        "Of a moving average of the weights, such as 0.999, which "
        "becomes the final ones instead of an average of checkpoints.",
        None,
    )
    steps_per_execution: int = setting("Updates in one call of the graph.", 1)
    jit_compile: bool = setting("Compile the step with XLA.", False)

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


# Each field of the architecture, `None` for the preset's.
Overrides = dataclasses.make_dataclass(
    "Overrides",
    [
        (
            field.name,
            field.type | None,
            setting(f"Overrides the preset's {field.name}.", None),
        )
        for field in dataclasses.fields(TransformerConfig)
    ],
    frozen=True,
)
