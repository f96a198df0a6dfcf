"""Settings of a run that say how the model learns. Each field is a flag."""

import dataclasses

from keras_transformer.training import OPTIMIZERS, SCHEDULES
from trainers.settings_flags import setting


@dataclasses.dataclass(frozen=True)
class LearningSettings:
    """The optimizer, its learning rate, and the loss.

    In some fields, `defaults.with_defaults` replaces `None` by a value that
    depends on other settings or on the data. In the other fields, `None` stays.
    """

    optimizer: str = setting(
        f"Optimizer: one of {', '.join(OPTIMIZERS)}.", "adam"
    )
    weight_decay: float | None = setting(
        "A step subtracts from each weight this share of it, times the "
        "learning rate; not for adam. Biases and norms do not decay.",
        None,
    )
    schedule: str = setting(
        f"Form of the learning rate: one of {', '.join(SCHEDULES)}.", "paper"
    )
    learning_rate: float | None = setting(
        "Highest learning rate, of all schedules except paper.", None
    )
    learning_rate_factor: float | None = setting(
        "Factor of the learning rate of --schedule=paper. Default: 1, or "
        "0.5 for the built-in corpus.",
        None,
    )
    warmup_steps: int | None = setting(
        "Steps in which the learning rate rises. Default: "
        "a quarter of all steps, at most 4000.",
        None,
    )
    cooldown_steps: int | None = setting(
        "Last steps of the run, in which the learning rate falls linearly "
        "to 0. Default: none.",
        None,
    )
    layer_decay: float | None = setting(
        "Factor between the learning rates of neighbouring layers, such as "
        "0.8: the highest layer has the full rate, embeddings the lowest. "
        "Default: 1.",
        None,
    )
    adam_epsilon: float = setting(
        "Epsilon of adam, adamw and muon. With 1e-9, as in the paper, a "
        "gradient that is only a rounding error moves a weight as far as "
        "other gradients do; with 1e-6 it does not.",
        1e-9,
    )
    clip_norm: float | None = setting(
        "Maximal global norm of the gradient. Default: no limit.", None
    )
    ema_momentum: float | None = setting(
        "Momentum of a moving average of the weights, such as 0.999. The "
        "moving average becomes the final weights, instead of the average of "
        "checkpoints.",
        None,
    )
    label_smoothing: float | None = setting(
        "Epsilon of label smoothing. Default: the convention's.", None
    )
    smoothing_over: str | None = setting(
        "Tokens that share epsilon: all, or others (all but the right one). "
        "Default: the convention's.",
        None,
    )
    consistency: str = setting(
        "Loss between two passes over each batch: none, r_drop, simcut or "
        "teacher.",
        "none",
    )
    consistency_weight: float | None = setting(
        "Weight of the divergence of the two passes. Default: 5 for r_drop, 3 "
        "for simcut, 1 for teacher.",
        None,
    )
    cut_off: float | None = setting(
        "Share of the embeddings that simcut sets to zero. Default: 0.05.", None
    )
    teacher: list[str] = setting(
        "Directories of runs. --consistency=teacher imitates the mean of their "
        "predictions. Their vocabulary must be that of the run.",
        [],
    )
    consistency_start: int = setting(
        "First step with a second pass, counted from 0.", 0
    )
    consistency_ramp: int = setting(
        "Steps in which the second pass becomes effective.", 0
    )
