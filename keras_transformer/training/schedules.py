"""Schedules of the learning rate, such as the schedule of the paper."""

import math
from typing import Any

import keras
from keras import ops

# `FORMS` are the forms of `WarmupTo`. `SCHEDULES` are the names of schedules in
# settings: "paper" means `WarmupInverseSqrt`, and each form means `WarmupTo`.
FORMS = ("inverse_square_root", "cosine", "constant")
SCHEDULES = ("paper", *FORMS)


@keras.saving.register_keras_serializable("keras_transformer")
class WarmupInverseSqrt(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of equation 3 of the paper.

    At step s it is factor * D^-0.5 * min(s^-0.5, s * warmup_steps^-1.5). Steps
    are counted from 1, so that the first step has a rate above 0. The argument
    of a call is s - 1, the number of earlier steps. The rate rises linearly for
    `warmup_steps`, then falls with the inverse square root of the step.

    Args:
        model_dim: D, d_model.
        warmup_steps: the number of steps of the rise, 4000 in the paper.
        factor: a factor of the learning rate, 1 in the paper.

    Raises:
        ValueError: an argument is not positive and finite.

    Example:

    >>> round(float(WarmupInverseSqrt(model_dim=512)(3999)), 7)
    0.0006988
    """

    def __init__(
        self, model_dim: int, warmup_steps: int = 4000, factor: float = 1.0
    ):
        super().__init__()
        self._settings: dict[str, float] = {
            "model_dim": model_dim,
            "warmup_steps": warmup_steps,
            "factor": factor,
        }
        _check_positive(**self._settings)

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32") + 1
        scale = self._settings["factor"] * self._settings["model_dim"] ** -0.5
        warmup = step * self._settings["warmup_steps"] ** -1.5
        return scale * ops.minimum(ops.rsqrt(step), warmup)

    def get_config(self) -> dict[str, Any]:
        return dict(self._settings)


@keras.saving.register_keras_serializable("keras_transformer")
class WarmupTo(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises to a peak, and then has one of three forms.

    At step s, counted from 1, the rate is peak * s / warmup_steps up to step
    `warmup_steps`. The argument of a call is s - 1, the number of earlier
    steps. After the warm-up, with w = warmup_steps, the rate is

    - `"inverse_square_root"`: peak * (w / s)^0.5, as in fairseq;
    - `"cosine"`: peak * (1 + cos(pi (s - w) / (total_steps - w))) / 2;
    - `"constant"`: peak. With a `CoolDown`, this rate falls at the end.

    Args:
        form: one of the three names.
        peak: the highest learning rate.
        warmup_steps: w, at least 1.
        total_steps: the step at which the rate of `"cosine"` reaches 0; later
            it stays 0. `None` for the other forms, which do not use it.

    Raises:
        ValueError: the form is unknown, `peak` or `warmup_steps` is not
            positive and finite, or `"cosine"` has no steps after the warm-up.

    Example:

    >>> rate = WarmupTo("inverse_square_root", peak=0.005, warmup_steps=2000)
    >>> round(float(rate(999)), 4), round(float(rate(7999)), 4)
    (0.0025, 0.0025)
    """

    def __init__(
        self,
        form: str,
        peak: float,
        warmup_steps: int,
        total_steps: int | None = None,
    ):
        super().__init__()
        if form not in FORMS:
            raise ValueError(
                f"Unknown form of the learning rate. Received: {form!r}. "
                f"Expected one of {', '.join(FORMS)}."
            )
        self._settings: dict[str, Any] = {
            "form": form,
            "peak": peak,
            "warmup_steps": warmup_steps,
            "total_steps": total_steps,
        }
        _check_positive(peak=peak, warmup_steps=warmup_steps)
        if form == "cosine" and (total_steps or 0) <= warmup_steps:
            raise ValueError(
                "The cosine needs steps after its warm-up. Received: "
                f"total_steps={total_steps}, warmup_steps={warmup_steps}. Give "
                "more steps, or a shorter warm-up."
            )

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32") + 1
        warmup = float(self._settings["warmup_steps"])
        form = self._settings["form"]
        later: Any = 1.0
        if form == "inverse_square_root":
            later = ops.sqrt(warmup) * ops.rsqrt(ops.maximum(step, warmup))
        elif form == "cosine":
            rest = self._settings["total_steps"] - warmup
            passed = ops.clip((step - warmup) / rest, 0.0, 1.0)
            later = (1 + ops.cos(math.pi * passed)) / 2
        return self._settings["peak"] * ops.minimum(step / warmup, later)

    def get_config(self) -> dict[str, Any]:
        return dict(self._settings)


@keras.saving.register_keras_serializable("keras_transformer")
class CoolDown(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule that multiplies another schedule by a factor.

    The factor falls linearly at the end of the training (Hägele et al. 2024).
    Steps are counted from 1. Up to step total_steps - cooldown_steps + 1, the
    factor is 1. Then it falls by 1 / cooldown_steps at each step. At step
    total_steps it is 1 / cooldown_steps, and later it is 0. The argument of a
    call at step s is s - 1, the number of earlier steps.

    Args:
        schedule: the schedule to multiply.
        total_steps: the number of steps of the training.
        cooldown_steps: the number of steps of the cool-down, at the end.

    Raises:
        ValueError: a number is not positive and finite, or `cooldown_steps` is
            larger than `total_steps`.

    Example:

    >>> constant = WarmupTo("constant", peak=1.0, warmup_steps=1)
    >>> rate = CoolDown(constant, total_steps=10, cooldown_steps=4)
    >>> [float(rate(step)) for step in range(5, 10)]
    [1.0, 1.0, 0.75, 0.5, 0.25]
    """

    def __init__(
        self,
        schedule: keras.optimizers.schedules.LearningRateSchedule,
        total_steps: int,
        cooldown_steps: int,
    ):
        super().__init__()
        _check_positive(total_steps=total_steps, cooldown_steps=cooldown_steps)
        if cooldown_steps > total_steps:
            raise ValueError(
                "A cool-down is the end of the training. Received: "
                f"cooldown_steps={cooldown_steps} of total_steps={total_steps}."
                " Give fewer."
            )
        self._schedule = schedule
        self._settings = {
            "total_steps": total_steps,
            "cooldown_steps": cooldown_steps,
        }

    def __call__(self, step: Any) -> Any:
        rest = self._settings["total_steps"] - ops.cast(step, "float32")
        factor = ops.clip(rest / self._settings["cooldown_steps"], 0.0, 1.0)
        return factor * self._schedule(step)

    def get_config(self) -> dict[str, Any]:
        return {
            "schedule": keras.optimizers.schedules.serialize(self._schedule),
            **self._settings,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "CoolDown":
        schedule = keras.optimizers.schedules.deserialize(config["schedule"])
        return cls(**{**config, "schedule": schedule})


def _check_positive(**numbers):
    for name, value in numbers.items():
        if not 0 < value < math.inf:
            raise ValueError(
                f"`{name}` must be positive and finite. Received: {value}."
            )
