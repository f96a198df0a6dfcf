"""The optimizer's step, where each replica has a share of the gradients."""

import keras
import tensorflow as tf


def check_optimizer(optimizer: keras.optimizers.Optimizer) -> None:
    """Checks that an optimizer leaves whole updates to the model.

    Raises:
        ValueError: it gathers gradients over several batches, or is none.
    """
    if optimizer is None:
        raise ValueError(
            "An optimizer is needed. Received: optimizer=None. Give any, such "
            "as 'sgd', also where the model is only evaluated."
        )
    steps = _inner(optimizer).gradient_accumulation_steps
    if steps:
        raise ValueError(
            "An optimizer that gathers gradients over batches takes each "
            "batch's mean over tokens, not that of them all, and cannot do so "
            "on several replicas. Received: an optimizer with "
            f"gradient_accumulation_steps={steps}. Give it to "
            "`model.compile` instead, and batches that are as much larger."
        )


def apply(optimizer, gradients, variables, replicas: int) -> None:
    """Updates variables by the sum of all replicas' gradients.

    Keras adds them up itself, but after it has clipped each replica's share
    and looked for infinities in it. Where an optimizer does so, the sum is
    made and clipped here, and Keras is left to add its equal shares, which
    no clipping changes any more.

    Args:
        optimizer: a Keras optimizer, perhaps with a loss scale.
        gradients: this replica's, of the scaled loss; `None` where a variable
            has none.
        variables: what they are of.
        replicas: how many share in the update.
    """
    if not variables:
        return  # As in Keras: a model of which nothing is trainable.
    if replicas > 1 and _judges(optimizer):
        gradients = _clip(optimizer, _sums(gradients))
        gradients = [g if g is None else g / replicas for g in gradients]
    optimizer.apply_gradients(zip(gradients, variables, strict=True))


def _inner(optimizer):
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer.inner_optimizer
    return optimizer


def _judges(optimizer):
    inner = _inner(optimizer)
    clips = (inner.clipnorm, inner.clipvalue, inner.global_clipnorm)
    return inner is not optimizer or any(clip is not None for clip in clips)


def _sums(gradients):
    """Of all replicas, of those gradients that there are."""
    found = [tf.convert_to_tensor(g) for g in gradients if g is not None]
    context = tf.distribute.get_replica_context()
    sums = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, found))
    return [None if g is None else next(sums) for g in gradients]


def _clip(optimizer, gradients):
    """As Keras clips, where gradients are those of a scaled loss."""
    inner = _inner(optimizer)
    scale = tf.cast(optimizer.scale_loss(1.0), "float32")
    if inner.clipnorm is not None:
        return [
            g if g is None else tf.clip_by_norm(g, inner.clipnorm * scale)
            for g in gradients
        ]
    if inner.global_clipnorm is not None:
        return tf.clip_by_global_norm(gradients, inner.global_clipnorm * scale)[
            0
        ]
    if inner.clipvalue is not None:
        limit = inner.clipvalue * scale
        return [
            g if g is None else tf.clip_by_value(g, -limit, limit)
            for g in gradients
        ]
    return gradients
