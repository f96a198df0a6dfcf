"""The learning rate at each step."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_transformer")
class WarmupInverseSqrt(keras.optimizers.schedules.LearningRateSchedule):
    """Equation 3: factor * D^-0.5 * min(s^-0.5, s * warmup_steps^-1.5).

    The steps s count from 1, so that the first update is not lost. It rises
    in a line for `warmup_steps`, then falls with the inverse square root.

    Args:
        model_dim: D, d_model.
        warmup_steps: 4000 in the paper.
        factor: what the whole is multiplied with, 1 in the paper.

    Raises:
        ValueError: an argument that is not positive.

    Example:

    >>> round(float(WarmupInverseSqrt(model_dim=512)(3999)), 7)
    0.0006988
    """

    def __init__(self, model_dim, warmup_steps=4000, factor=1.0):
        super().__init__()
        self._settings = {
            "model_dim": model_dim,
            "warmup_steps": warmup_steps,
            "factor": factor,
        }
        for name, value in self._settings.items():
            if value <= 0:
                raise ValueError(
                    f"`{name}` must be positive. Received: {value}."
                )

    def __call__(self, step):
        step = ops.cast(step, "float32") + 1
        scale = self._settings["factor"] * self._settings["model_dim"] ** -0.5
        warmup = step * self._settings["warmup_steps"] ** -1.5
        return scale * ops.minimum(ops.rsqrt(step), warmup)

    def get_config(self):
        return dict(self._settings)


def paper_adam(
    model_dim: int,
    warmup_steps: int = 4000,
    factor: float = 1.0,
    epsilon: float = 1e-9,
    **settings,
) -> keras.optimizers.Adam:
    """Adam as in section 5.3: beta 0.9 and 0.98, epsilon 1e-9, equation 3.

    Args:
        model_dim: D, d_model.
        warmup_steps: see `WarmupInverseSqrt`.
        factor: see `WarmupInverseSqrt`.
        epsilon: what is added to the root of the second moment.
        **settings: of `keras.optimizers.Adam`, such as `global_clipnorm`.

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
