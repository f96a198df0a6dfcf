"""Updates weights by the sum of the gradients of all replicas."""

import functools
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf


def check_optimizer(optimizer: keras.optimizers.Optimizer) -> None:
    """Checks that an optimizer makes a step for each batch.

    Args:
        optimizer: the optimizer of a model, with or without a loss scale.

    Raises:
        ValueError: there is no optimizer, or it accumulates gradients over
            several batches.
    """
    if optimizer is None:
        raise ValueError(
            "An optimizer is needed. Received: optimizer=None. Give any, such "
            "as 'sgd', even if the model is only evaluated."
        )
    steps = _inner(optimizer).gradient_accumulation_steps
    if steps:
        raise ValueError(
            "An optimizer that accumulates gradients averages the means of "
            "batches, not the losses of all tokens. It does not work on "
            "several replicas. Received: an optimizer with "
            f"gradient_accumulation_steps={steps}. Give it to "
            "`model.compile` instead, and make the batches larger by this "
            "factor."
        )


def apply(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor | None],
    variables: Sequence[keras.Variable],
    replicas: int,
    report_norm: Callable[[Callable[[], tf.Tensor]], None] | None = None,
) -> None:
    """Updates variables by the sum of the gradients of all replicas.

    Keras sums the gradients itself, but only after it has clipped the gradients
    of each replica. A `LossScaleOptimizer` also checks the gradients of each
    replica for infinities before the sum. So if there are several replicas, and
    the optimizer clips gradients or is a `LossScaleOptimizer`, this function
    first computes and clips the sum. Each replica then gives Keras an equal
    fraction of the clipped sum. Keras's own clipping does not change these
    fractions.

    Args:
        optimizer: a Keras optimizer, perhaps with a loss scale.
        gradients: this replica's gradients of the scaled loss; `None` for a
            variable without a gradient.
        variables: the variables that the gradients belong to.
        replicas: the number of replicas.
        report_norm: a function, or `None` if no callback needs the norm. Its
            argument is a function that computes the norm of the summed
            gradients before clipping, without the loss scale. `report_norm` is
            not called if Keras computes the sum over several replicas, or if
            there are no variables.
    """
    if not variables:
        return  # As in Keras, a model may have no trainable variables.
    if replicas > 1 and _clips_or_checks(optimizer):
        gradients = _sums(gradients)
        if report_norm:
            report_norm(functools.partial(_norm, optimizer, gradients))
        gradients = _clip(optimizer, gradients)
        gradients = [g if g is None else g / replicas for g in gradients]
    elif replicas == 1 and report_norm:
        report_norm(functools.partial(_norm, optimizer, gradients))
    optimizer.apply_gradients(zip(gradients, variables, strict=True))


def _inner(optimizer):
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer.inner_optimizer
    return optimizer


def _clips_or_checks(optimizer):
    """Tells if an optimizer clips gradients or is a `LossScaleOptimizer`."""
    inner = _inner(optimizer)
    clips = (inner.clipnorm, inner.clipvalue, inner.global_clipnorm)
    # As in Keras, a limit of 0 does not clip.
    return inner is not optimizer or any(clips)


def _sums(gradients):
    """Returns the sums over all replicas; `None` where there is no gradient."""
    tensors = [tf.convert_to_tensor(g) for g in gradients if g is not None]
    context = tf.distribute.get_replica_context()
    sums = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, tensors))
    return [None if g is None else next(sums) for g in gradients]


def _norm(optimizer, gradients):
    """Returns the norm of all gradients together, without the loss scale."""
    # A sparse gradient of an embedding may list one token twice, and its norm
    # would then be wrong. So sparse gradients are made dense.
    tensors = [
        tf.cast(tf.convert_to_tensor(g), "float32")
        for g in gradients
        if g is not None
    ]
    scale = tf.cast(optimizer.scale_loss(1.0), "float32")
    return tf.linalg.global_norm(tensors) / scale


def _clip(optimizer, gradients):
    """Clips gradients by the limit of the optimizer, if it has a limit.

    The loss scale multiplies the gradients, so it multiplies the limit too.
    """
    inner = _inner(optimizer)
    scale = tf.cast(optimizer.scale_loss(1.0), "float32")
    if inner.clipnorm:
        return [
            g if g is None else tf.clip_by_norm(g, inner.clipnorm * scale)
            for g in gradients
        ]
    if inner.global_clipnorm:
        return tf.clip_by_global_norm(gradients, inner.global_clipnorm * scale)[
            0
        ]
    if inner.clipvalue:
        limit = inner.clipvalue * scale
        return [
            g if g is None else tf.clip_by_value(g, -limit, limit)
            for g in gradients
        ]
    return gradients
