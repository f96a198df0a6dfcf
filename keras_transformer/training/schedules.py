"""The learning rate schedule and the optimizer of the paper."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_transformer")
class WarmupInverseSqrt(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of equation 3.

    At step s it is factor * D^-0.5 * min(s^-0.5, s * warmup_steps^-1.5). Steps
    are counted from 1, so that the first step has a rate above 0. The rate
    rises linearly for `warmup_steps`, then falls with the inverse square root
    of the step.

    Args:
        model_dim: D, d_model.
        warmup_steps: 4000 in the paper.
        factor: scales the learning rate, 1 in the paper.

    Raises:
        ValueError: an argument is not positive.

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
        for name, value in self._settings.items():
            if value <= 0:
                raise ValueError(
                    f"`{name}` must be positive. Received: {value}."
                )

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32") + 1
        scale = self._settings["factor"] * self._settings["model_dim"] ** -0.5
        warmup = step * self._settings["warmup_steps"] ** -1.5
        return scale * ops.minimum(ops.rsqrt(step), warmup)

    def get_config(self) -> dict[str, Any]:
        return dict(self._settings)


def paper_adam(
    model_dim: int,
    warmup_steps: int = 4000,
    factor: float = 1.0,
    epsilon: float = 1e-9,
    **settings: Any,
) -> keras.optimizers.Adam:
    """Makes the Adam optimizer of section 5.3, with the rate of equation 3.

    Its betas are 0.9 and 0.98, and its epsilon is 1e-9.

    Args:
        model_dim: D, d_model.
        warmup_steps: the number of steps in which the rate rises.
        factor: scales the learning rate.
        epsilon: added to the root of the second moment.
        **settings: further arguments of `keras.optimizers.Adam`, such as
            `global_clipnorm`.

    Example:

    >>> paper_adam(model_dim=512).beta_2
    0.98
    """
    return keras.optimizers.Adam(
        WarmupInverseSqrt(model_dim, warmup_steps, factor),
        beta_1=0.9,
        beta_2=0.98,
        epsilon=epsilon,
        **settings,
    )
