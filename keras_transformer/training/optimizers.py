"""Makes optimizers by their names, and the optimizer of the paper."""

import inspect
from collections.abc import Callable
from typing import Any

import keras

from keras_transformer.training import layer_rates, schedules

OPTIMIZERS = ("adam", "adamw", "adafactor", "lion", "muon")
# A weight whose name contains one of these words does not decay. These weights
# are the biases and the weights of norms.
_NO_DECAY = ("bias", "beta", "gamma", "scale")
# Muon has `rms_rate` since Keras 3.13. Without it, Muon and Adam cannot share a
# learning rate.
_KERAS_HAS_MUON = (
    "rms_rate" in inspect.signature(keras.optimizers.Muon).parameters
)


def make_optimizer(
    name: str,
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
    weight_decay: float | None = None,
    epsilon: float = 1e-9,
    factor_of: Callable[[str], float] | None = None,
    **settings: Any,
) -> keras.optimizers.Optimizer:
    """Makes one of Keras's optimizers, with settings for Transformers.

    `"adam"` and `"adamw"` have the betas of the Transformer paper, 0.9 and
    0.98. `"lion"` has the betas of the Lion paper, 0.9 and 0.99; its learning
    rate should be a third to a tenth of the learning rate for Adam.
    `"adafactor"` has `relative_step=False`, but Keras still limits its learning
    rate to 1 / sqrt(step). `"muon"` updates embeddings and all weights that are
    not matrices by Adam, and all other weights by Muon. Muon and Adam have the
    same learning rate (Liu et al. 2025). `"muon"` needs Keras 3.13 or newer.

    Args:
        name: one of `OPTIMIZERS`.
        learning_rate: a number or a schedule.
        weight_decay: each step subtracts weight_decay * learning rate * weight
            from a weight. Biases and the weights of norms do not decay. `None`
            means no decay.
        epsilon: a number that `"adam"`, `"adamw"` and `"muon"` add to the root
            of the second moment. `"adafactor"` and `"lion"` do not use it.
        factor_of: a function from the path of a variable to the factor of its
            learning rate, see `layer_rates`; `None` for no factors.
        **settings: further arguments of `keras.optimizers.Optimizer`, such as
            `global_clipnorm`.

    Raises:
        ValueError: the name is unknown, `"adam"` has a decay, `"adamw"` has
            none, or Keras is too old for `"muon"`.

    Example:

    >>> make_optimizer("adamw", 1e-3, weight_decay=0.01).beta_2
    0.98
    """
    check(name, weight_decay)
    make, own_settings = _makers(epsilon, weight_decay)[name]
    if factor_of is not None:
        make = layer_rates.with_rates(make, factor_of)
    optimizer = make(
        learning_rate, weight_decay=weight_decay, **own_settings, **settings
    )
    if weight_decay is not None:
        optimizer.exclude_from_weight_decay(var_names=_NO_DECAY)
    return optimizer


def _makers(epsilon, weight_decay):
    """Returns the class and the settings of each optimizer."""
    adam = {"beta_1": 0.9, "beta_2": 0.98, "epsilon": epsilon}
    return {
        "adam": (keras.optimizers.Adam, adam),
        "adamw": (keras.optimizers.AdamW, adam),
        "adafactor": (keras.optimizers.Adafactor, {"relative_step": False}),
        "lion": (keras.optimizers.Lion, {"beta_1": 0.9, "beta_2": 0.99}),
        "muon": (
            keras.optimizers.Muon,
            {
                "adam_beta_1": 0.9,
                "adam_beta_2": 0.98,
                "epsilon": epsilon,
                "adam_weight_decay": weight_decay,
                # Adam must update embeddings. Muon does not recognize learned
                # positions as embeddings, so their path is given here.
                "exclude_layers": ["positions/encodings"],
            },
        ),
    }


def check(name: str, weight_decay: float | None) -> None:
    """Checks the name and the weight decay of an optimizer.

    Args:
        name: as in `make_optimizer`.
        weight_decay: as in `make_optimizer`.

    Raises:
        ValueError: the same errors as in `make_optimizer`.
    """
    if name not in OPTIMIZERS:
        raise ValueError(
            f"Unknown optimizer. Received: {name!r}. Expected one of "
            f"{', '.join(OPTIMIZERS)}."
        )
    if name == "muon" and not _KERAS_HAS_MUON:
        raise ValueError(
            "Muon needs Keras 3.13 or newer, and Python 3.11 or newer. "
            f"Received: Keras {keras.__version__}. Update Keras, or use adamw."
        )
    if name == "adam" and weight_decay is not None:
        raise ValueError(
            "Adam with weight decay is called adamw. Received: adam with "
            f"weight_decay={weight_decay}. Use adamw, or leave the decay out."
        )
    if name == "adamw" and weight_decay is None:
        raise ValueError(
            "AdamW is Adam with weight decay. Received: adamw without a weight "
            "decay. Give one, such as 0.01, or use adam."
        )


def paper_adam(
    model_dim: int,
    warmup_steps: int = 4000,
    factor: float = 1.0,
    epsilon: float = 1e-9,
    **settings: Any,
) -> keras.optimizers.Adam:
    """Makes the paper's Adam optimizer, with the learning rate of equation 3.

    Section 5.3 of the paper describes it. The betas are 0.9 and 0.98.

    Args:
        model_dim: d_model of the paper.
        warmup_steps: the number of steps in which the rate rises.
        factor: a factor of the learning rate, 1 in the paper.
        epsilon: a number that Adam adds to the root of the second moment, 1e-9
            in the paper.
        **settings: further arguments of `keras.optimizers.Adam`, such as
            `global_clipnorm`.

    Example:

    >>> paper_adam(model_dim=512).beta_2
    0.98
    """
    return keras.optimizers.Adam(
        schedules.WarmupInverseSqrt(model_dim, warmup_steps, factor),
        beta_1=0.9,
        beta_2=0.98,
        epsilon=epsilon,
        **settings,
    )
