"""Losses that make two predictions of one batch agree.

B batch   T target length   V vocabulary_size
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_transformer.training import losses

# For each input of ids, the name of the boolean input that tells whether the
# embedding of a token is kept, see `models.inputs`.
_KEPT = {"source_ids": "source_kept", "target_input_ids": "target_kept"}
# The two multipliers of the finalizer of MurmurHash3.
_MULTIPLIERS = (0x85EBCA6B, 0xC2B2AE35)
# 2^32 / golden ratio. Its multiples spread evenly over the uint32 numbers.
_GOLDEN = 0x9E3779B9


@dataclasses.dataclass(frozen=True)
class ConsistencyLoss:
    """The base class of `RDrop`, `SimCut` and `Distillation`.

    A consistency loss compares two forward passes over one batch. Pass it to
    `compile(consistency=...)`. The train step then makes a second pass over
    each batch. The term of a token is the divergence of its two predictions,
    times `weight`, times the weight of the token. This term is added to the
    loss. If `repeats_loss` is true, the `loss` of `compile` is also computed
    for the second pass, and added. The sums over tokens are divided by the sum
    of the token weights on all replicas. The penalties of layers in the second
    pass are not added.

    weight: the factor of the divergence, alpha in the papers.
    start_step: the first step with a second pass, counted from 0. Earlier steps
        have no second pass and no extra cost.
    ramp_steps: a number of steps. All terms that the second pass adds are
        multiplied by a factor. In step `start_step` the factor is 1 /
        `ramp_steps`. Each later step adds 1 / `ramp_steps` to it, until it is
        1. If `ramp_steps` is 0, the factor is 1 from `start_step` on.

    Raises:
        ValueError: one of these numbers is negative, infinite or NaN.
    """

    weight: float
    start_step: int = 0
    ramp_steps: int = 0

    # Whether the `loss` of `compile` is computed for the second pass too.
    repeats_loss = False
    # Whether the file of a compiled model contains this consistency loss.
    is_saved = True

    def __post_init__(self):
        for name in ("weight", "start_step", "ramp_steps"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(
                    f"`{name}` must be at least 0 and finite. Received: "
                    f"{value}."
                )

    def share(self, step: Any) -> Any:
        """Returns the factor of the terms that the second pass adds.

        The factor is from 0 to 1. It is a scalar tensor, or the float 1.0 if
        `start_step` and `ramp_steps` are both 0.

        Args:
            step: the number of steps before this one, an integer tensor.
        """
        if self.start_step == self.ramp_steps == 0:
            return 1.0
        passed = tf.cast(step, "float32") - (self.start_step - 1.0)
        return tf.clip_by_value(passed / max(self.ramp_steps, 1), 0.0, 1.0)

    def second_pass(
        self, model: Callable[..., Any], inputs: Any, step: Any
    ) -> tf.Tensor:
        """Returns the logits `(B, T, V)` of a pass with new dropout masks.

        Args:
            model: the model that is trained.
            inputs: the inputs of the first pass.
            step: the number of steps before this one, an integer tensor.
        """
        return model(self.second_inputs(inputs, step), training=True)

    def second_inputs(self, inputs: Any, step: Any) -> Any:
        """Returns the inputs of the second pass.

        Args:
            inputs: the inputs of the first pass.
            step: the number of steps before this one, an integer tensor.
        """
        return inputs

    def divergence(self, logits: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        """Returns the divergence of two predictions of each token.

        Each subclass defines this method.

        Args:
            logits: logits of the first pass, `(B, T, V)`.
            others: logits of the second pass, `(B, T, V)`.

        Returns:
            float32, shape `(B, T)`.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Returns the settings, for the file of a compiled model."""
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ConsistencyLoss":
        """Makes the loss from the result of `get_config`."""
        return cls(**config)


@keras.saving.register_keras_serializable("keras_transformer")
@dataclasses.dataclass(frozen=True)
class RDrop(ConsistencyLoss):
    """A loss that makes predictions with different dropout masks agree.

    This is R-Drop (Wu et al. 2021). With the predictions P and Q of the two
    passes, the loss of a token is -log P[label] - log Q[label] + weight *
    (KL(P || Q) + KL(Q || P)) / 2, as published. With label smoothing, the first
    two terms are smoothed. The gradient flows through both passes. The sum of
    the two cross-entropies is about twice the usual loss, and its gradient is
    about twice the usual gradient. If you clip the norm of the gradient, use a
    larger limit.

    Example:

    >>> loss = RDrop(weight=5.0)
    >>> logits = tf.random.normal([2, 3, 7])
    >>> float(tf.reduce_max(loss.divergence(logits, logits)))
    0.0
    """

    weight: float = 5.0
    repeats_loss = True

    def divergence(self, logits: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        return _fast(symmetric_divergence, logits, others)


@keras.saving.register_keras_serializable("keras_transformer")
@dataclasses.dataclass(frozen=True)
class SimCut(ConsistencyLoss):
    """A loss that makes predictions with and without cut tokens agree.

    This is SimCut (Gao et al. 2022). In the second pass the embeddings of a few
    source and target tokens are zero. With the predictions P of the first pass
    and Q of the second, the loss of a token is
    -log P[label] + weight * KL(P || Q). With label smoothing, the first term is
    smoothed. The gradient flows through both passes, as in the published code.
    The cross-entropy of the second pass is not added. Both passes have dropout.

    Which tokens are cut depends on the step, the ids of the row, the position
    and the seed, not on the replica or the micro-batch. So several replicas cut
    the same tokens as one replica. The inputs of the model must be a dict with
    `"source_ids"` and `"target_input_ids"`. The model must also accept the
    inputs `"source_kept"` and `"target_kept"`, as `Transformer` does.

    cut_off: the probability with which an embedding is set to zero.
    seed: an integer. Another seed cuts other tokens.

    Raises:
        ValueError: `cut_off` is not in [0, 1), or `ConsistencyLoss` refuses
            `weight`, `start_step` or `ramp_steps`. `second_inputs` also raises
            a ValueError, if the inputs of the model are not such a dict.

    Example:

    >>> ids = tf.ones([5, 1001], "int32")
    >>> inputs = {"source_ids": ids, "target_input_ids": ids}
    >>> kept = SimCut(cut_off=0.3).second_inputs(inputs, 0)["source_kept"]
    >>> 0.6 < float(tf.reduce_mean(tf.cast(kept, "float32"))) < 0.8
    True
    """

    weight: float = 3.0
    cut_off: float = 0.05
    seed: int = 0

    def __post_init__(self):
        super().__post_init__()
        if not 0 <= self.cut_off < 1:
            raise ValueError(
                "`cut_off` is a probability and must be in [0, 1). Received: "
                f"{self.cut_off}."
            )

    def second_inputs(self, inputs: Any, step: Any) -> Any:
        if not isinstance(inputs, dict) or not set(_KEPT) <= set(inputs):
            raise ValueError(
                f"SimCut cuts the tokens of {tuple(_KEPT)}. Received: inputs "
                f"{sorted(inputs) if isinstance(inputs, dict) else inputs}. "
                "Train a Transformer, or a model with these inputs."
            )
        kept = {
            name: _draw_kept(
                inputs[ids], self.cut_off, step, 2 * self.seed + side
            )
            for side, (ids, name) in enumerate(_KEPT.items())
        }
        return {**inputs, **kept}

    def divergence(self, logits: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        return _fast(forward_divergence, logits, others)


@dataclasses.dataclass(frozen=True)
class Distillation(ConsistencyLoss):
    """A loss with which a student, the model in training, imitates a teacher.

    This is word-level distillation (Kim and Rush 2016). The student makes the
    first prediction P, with dropout. The teacher, another model, makes the
    second prediction Q, without dropout. The loss of a token is
    -log P[label] + weight * KL(Q || P). With label smoothing, the first term is
    smoothed. No gradient flows into the teacher. The file of a compiled student
    contains neither the teacher nor this loss.

    teacher: a function of inputs and `training` that returns logits, such as a
        `Transformer` or an `Ensemble` with the same vocabulary. It must be
        given.

    Raises:
        ValueError: `teacher` is `None`, or `ConsistencyLoss` refuses a number.

    Example:

    >>> loss = Distillation(teacher=lambda x, training: tf.one_hot(x, 7))
    >>> loss.second_pass(None, tf.constant([[2, 3]]), 0).shape
    TensorShape([1, 2, 7])
    """

    weight: float = 1.0
    teacher: Callable[..., Any] | None = None

    is_saved = False

    def __post_init__(self):
        super().__post_init__()
        if self.teacher is None:
            raise ValueError(
                "Distillation needs a teacher. Received: teacher=None. Give a "
                "model with the same vocabulary."
            )

    def second_pass(
        self, model: Callable[..., Any], inputs: Any, step: Any
    ) -> tf.Tensor:
        teacher: Any = self.teacher
        return tf.stop_gradient(teacher(inputs, training=False))

    def divergence(self, logits: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        return _fast(forward_divergence, others, logits)


def forward_divergence(logits: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Returns KL(P || Q), float32 `(B, T)`.

    P is the softmax of `logits`, and Q is the softmax of `others`. Both
    arguments have the shape `(B, T, V)`.
    """
    log_p, log_q = _log_softmaxes(logits, others)
    return tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=-1)


def symmetric_divergence(logits: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Returns (KL(P || Q) + KL(Q || P)) / 2, float32 `(B, T)`.

    P is the softmax of `logits`, and Q is the softmax of `others`. Both
    arguments have the shape `(B, T, V)`.
    """
    log_p, log_q = _log_softmaxes(logits, others)
    difference = tf.exp(log_p) - tf.exp(log_q)
    return tf.reduce_sum(difference * (log_p - log_q), axis=-1) / 2


def _log_softmaxes(*logits):
    return [tf.nn.log_softmax(tf.cast(each, "float32")) for each in logits]


def _fast(divergence, logits, others):
    """Computes a divergence; in a graph, by XLA if the vocabulary is large."""
    size = logits.shape[-1] or 0
    if tf.inside_function() and size >= losses.WORTH_COMPILING:
        return _compiled(divergence, logits, others)
    return divergence(logits, others)


@tf.function(jit_compile=True, reduce_retracing=True)
def _compiled(divergence, logits, others):
    return divergence(logits, others)


def _draw_kept(ids, cut_off, step, salt):
    """Draws which tokens are kept; returns booleans of the shape of `ids`.

    A hash of the ids of the row, the position, the step and the salt decides
    whether a token is kept. The salt is a number that differs between seeds,
    and between sources and targets.
    """
    ids = tf.cast(ids, "uint32")
    position = _uint32(tf.range(tf.shape(ids)[1])) * _uint32(_GOLDEN)
    # On GPUs, TensorFlow can sum int64, but not uint32.
    hashes = tf.cast(_hash(ids + position), "int64")
    row = _uint32(tf.reduce_sum(hashes, axis=1, keepdims=True))
    of_step = _hash(_uint32(step) * _uint32(_MULTIPLIERS[0]) + _uint32(salt))
    numbers = _hash(row + _hash(position + of_step))
    return numbers >= _uint32(min(round(cut_off * 2**32), 2**32 - 1))


def _hash(numbers):
    """Mixes the bits of each number by the finalizer of MurmurHash3."""
    for shift, multiplier in zip((16, 13), _MULTIPLIERS, strict=True):
        shifted = tf.bitwise.right_shift(numbers, _uint32(shift))
        numbers = tf.bitwise.bitwise_xor(numbers, shifted)
        numbers = numbers * _uint32(multiplier)
    shifted = tf.bitwise.right_shift(numbers, _uint32(16))
    return tf.bitwise.bitwise_xor(numbers, shifted)


def _uint32(number):
    return tf.cast(number, "uint32")
