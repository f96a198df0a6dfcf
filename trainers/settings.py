"""Settings of a training run. Almost every field is a flag of the trainer."""

import dataclasses

from keras_transformer.models import CONVENTIONS, PRESETS, TransformerConfig
from keras_transformer.text import NORMALIZATIONS
from trainers import learning_settings
from trainers.settings_flags import setting


@dataclasses.dataclass(frozen=True)
class TrainingSettings(learning_settings.LearningSettings):
    """Settings of a run. A field that `setting` makes is a flag.

    Many fields are `None` by default. In some of them,
    `defaults.with_defaults` replaces `None` by a value that depends on the data
    and on other settings.
    """

    recipe: str | None = setting(
        "Name of a recipe, whose settings are the defaults; see "
        "docs/training.md. It may have several stages.",
        None,
    )
    # This field is not a flag. It contains the names of those settings of the
    # recipe that the user's flags replace.
    replaces_recipe: list[str] = dataclasses.field(default_factory=list)
    train_source: list[str] = setting(
        "Files of source sentences, a sentence on each line; globs and pipes "
        "too.",
        [],
    )
    train_target: list[str] = setting(
        "Files of the translations of --train_source, line by line.", []
    )
    dev_source: list[str] = setting(
        "Files of development source sentences. Default: up to 500 pairs are "
        "held out from the training data.",
        [],
    )
    dev_target: list[str] = setting(
        "Files of the translations of --dev_source, line by line.", []
    )
    train_tsv: list[str] = setting(
        "Files with a source, a tab and a target on each line; instead of "
        "--train_source and --train_target.",
        [],
    )
    train_shards: list[str] = setting(
        "Shard directories that tools.prepare_data wrote; instead of training "
        "text.",
        [],
    )
    train_weights: list[str] = setting(
        "How often an epoch reads each pair of a directory of --train_shards, "
        "such as 1,0.5. Default: once.",
        [],
    )
    sampling_temperature: float | None = setting(
        "Instead of --train_weights: directories of n pairs get shares "
        "proportional to n^(1 / temperature).",
        None,
    )
    dev_tsv: list[str] = setting(
        "Files with a development source, a tab and a target on each line; "
        "instead of --dev_source and --dev_target.",
        [],
    )
    target_language: str | None = setting(
        "Code of the target language, such as de, zh or pt-BR. It chooses "
        "--tokenize.",
        None,
    )
    tokenize: str | None = setting(
        "Tokenization with which sacreBLEU computes BLEU. Default: that of "
        "--target_language, else 13a.",
        None,
    )
    preset: str | None = setting(
        f"Architecture: one of {', '.join(PRESETS)}. "
        "Default: demo for the built-in corpus, else small.",
        None,
    )
    convention: str | None = setting(
        "Paper or system whose architecture, start token, label smoothing and "
        f"length penalty the run uses: one of {', '.join(CONVENTIONS)}. "
        "Default: the preset's architecture, the rest as in the paper.",
        None,
    )
    vocabulary: str | None = setting(
        "File of a vocabulary that tools.build_vocabulary wrote, or the "
        "directory of a run. Default: that of --train_shards, else it is "
        "learned from the training text.",
        None,
    )
    target_vocabulary: str | None = setting(
        "File of the vocabulary of the targets, if it is separate.", None
    )
    initial_model: str | None = setting(
        "Directory of a finished run whose weights the run starts from. Its "
        "architecture and vocabulary are the defaults.",
        None,
    )
    freeze: list[str] = setting(
        "Regular expressions; weights whose paths they match are not trained, "
        "such as embedding or ^encoder/.",
        [],
    )
    direction_tags: list[str] = setting(
        "Tags of the target and of the source language, such as <2de>,<2en>: "
        "trains on the pairs in both directions, with the tag of the language "
        "to translate into before each source.",
        [],
    )
    text_normalization: str = setting(
        "How text is normalized before it is cut into pieces: one of "
        f"{', '.join(NORMALIZATIONS)}.",
        NORMALIZATIONS[1],
    )
    rare_characters: float = setting(
        "Share of training sources into which unknown characters are put. The "
        "model learns that they do not change the rest of a translation.",
        0.1,
    )
    max_length: int = setting(
        "Maximal number of tokens of a training sentence. Pairs with a longer "
        "sentence are left out.",
        128,
    )
    tokens_per_batch: int = setting(
        "Number of tokens of the longer side of a batch, on all devices "
        "together, padding included.",
        4096,
    )
    segmentation_sampling: float | None = setting(
        "Cut training text into other pieces in each epoch: the probability "
        "that BPE leaves out a merge, such as 0.1 (BPE-dropout).",
        None,
    )
    packed: bool = setting(
        "Put several pairs into each row of a batch, so that less of it is "
        "padding and all batches have one shape. Else pairs of similar lengths "
        "share a batch.",
        True,
    )
    epochs: int | None = setting(
        "Passes over the training data. Default: 20, or "
        "4 for the built-in corpus.",
        None,
    )
    steps: int | None = setting(
        "Steps, instead of --epochs. A step is one update of the weights.", None
    )
    evaluation_interval: int | None = setting(
        "Steps between evaluations; each evaluation saves a checkpoint. "
        "Default: an epoch, at most 1000.",
        None,
    )
    average_checkpoints: int | None = setting(
        "Number of last checkpoints, or of the best ones by --select_by, whose "
        "mean is the final weights. Default: half of all checkpoints, at most "
        "5.",
        None,
    )
    select_by: str = setting(
        "Checkpoints that are averaged: the last ones, or those with the best "
        "bleu, chrf or loss of the development data.",
        "last",
    )
    patience: int | None = setting(
        "The run ends after this number of evaluations without a better score "
        "by --select_by. Default: the run ends after its last step.",
        None,
    )
    beam_size: int = setting(
        "Beam size of the final translations and of the SavedModel.", 4
    )
    minimum_risk: int = setting(
        "How many of the best final translations are compared, to take the one "
        "with the greatest expected BLEU; 0 for the most probable one.",
        0,
    )
    length_penalty: float | None = setting(
        "Strength (alpha) of the length penalty. Default: the convention's.",
        None,
    )
    length_penalty_form: str | None = setting(
        "Form of the length penalty: gnmt, average or none. "
        "Default: the convention's.",
        None,
    )
    seed: int = setting(
        "Seed of initial weights, dropout and the order of the data.", 0
    )
    strategy: str = setting(
        "Distribution strategy: auto, none, mirrored, multi_worker or tpu.",
        "auto",
    )
    devices: list[str] = setting(
        "Devices of --strategy=mirrored, such as GPU:0,GPU:1. Default: all "
        "GPUs.",
        [],
    )
    tpu: str | None = setting("Name or address of the TPU.", None)
    precision: str = setting(
        "float32, mixed_bfloat16, mixed_float16, or auto: mixed_bfloat16 if "
        "the devices compute it fast, else float32.",
        "auto",
    )
    gradient_accumulation_steps: int = setting(
        "Number of micro-batches into which each replica cuts its share of a "
        "batch. Their gradients are added before the step.",
        1,
    )
    steps_per_execution: int = setting(
        "Steps in one call of the training function.", 1
    )
    trace_sentences: tuple[str, ...] = setting(
        "A sentence that the tab Transformer of TensorBoard shows at each "
        "evaluation; can be given several times. Default: four sentences for "
        "the built-in corpus, else none.",
        (),
    )
    jit_compile: bool = setting("Whether XLA compiles the step.", False)

    @property
    def is_built_in(self) -> bool:
        """Returns whether the run trains on the built-in corpus."""
        return not (
            self.train_source
            or self.train_target
            or self.train_tsv
            or self.train_shards
        )

    @property
    def default_preset(self) -> str:
        """Returns the preset that is used if the user and the recipe give none.

        If there is an initial model, its architecture is used instead.
        """
        return "demo" if self.is_built_in else "small"


# A run may continue with other values of these settings, which say how a step
# is executed. With other values, rounding errors differ, and dropout drops
# other units. `steps_per_execution` may also change the number of steps of the
# run and of an evaluation interval, because these two numbers are rounded up to
# a multiple of `steps_per_execution`.
EXECUTION_FIELDS = (
    "strategy",
    "devices",
    "tpu",
    "gradient_accumulation_steps",
    "steps_per_execution",
    "jit_compile",
)
# A run may also continue with other values of these settings. But `steps` must
# not be below the number of steps that were trained already, and must stay the
# same if the learning rate depends on it. If a complete run gets more steps, it
# trains further, unless --patience has ended it. If any of these settings
# changes, a complete run writes its final files again.
END_FIELDS = ("steps", "tokenize", "target_language")


# A flag for each field of the architecture. With `None`, the field has the
# value of the recipe, the convention, the preset or the initial model. But the
# vocabulary sizes are always those of the vocabularies that the run uses.
Overrides = dataclasses.make_dataclass(
    "Overrides",
    [
        (
            field.name,
            field.type | None,
            setting(f"Replaces the preset's {field.name}.", None),
        )
        for field in dataclasses.fields(TransformerConfig)
    ],
    frozen=True,
)
