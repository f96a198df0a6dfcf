"""Runs a step over the batches of an iterator, on all replicas."""

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import keras
import tensorflow as tf

Logs: TypeAlias = Mapping[str, Any]


def over_iterator(
    model: keras.Model,
    step: Callable[[Any], Logs | None],
    steps_per_execution: int,
) -> Callable[[Any], Logs]:
    """Makes the function that Keras calls to train or to evaluate.

    Args:
        model: the model that has the strategy and the metrics.
        step: a function from a replica's share of a batch to logs.
        steps_per_execution: the maximum number of batches that a call reads.

    Returns:
        A function from an iterator of batches to logs. It reads only one batch
        from a Python iterator, and raises StopIteration if no batch is left.
    """
    # TPUs need static shapes. So the step is compiled for each shape.
    static = tf.distribute.RunOptions(
        experimental_enable_dynamic_batch_size=False
    )

    def run_on_replicas(batch):
        logs = model.distribute_strategy.run(
            step, args=(batch,), options=static
        )
        check_logs(model, logs)

    def run_batch(batch):
        run_on_replicas(batch)
        return model.get_metrics_result()

    def run_steps(iterator):
        has_any = False
        for _ in tf.range(steps_per_execution):
            # If the data have ended, no step runs. A step without a batch would
            # be counted by the optimizer, and would fail on several workers.
            batch = iterator.get_next_as_optional()
            has_any = tf.logical_or(has_any, batch.has_value())
            if batch.has_value():
                run_on_replicas(batch.get_value())
        return has_any, model.get_metrics_result()

    if not model.run_eagerly:
        # Without `reduce_retracing`, each new shape would trace the step again.
        run_batch = tf.function(run_batch, reduce_retracing=True)
        run_steps = tf.function(run_steps, reduce_retracing=True)

    def run(iterator):
        if not isinstance(
            iterator, (tf.data.Iterator, tf.distribute.DistributedIterator)
        ):
            # `train_on_batch` and `test_on_batch` give a Python iterator.
            return run_batch(next(iterator))
        with without_collection():
            has_any, logs = run_steps(iterator)
        if not has_any:
            raise StopIteration
        return logs

    return run


def check_logs(model: keras.Model, logs: Logs | None) -> None:
    """Checks the logs of `train_step`, `test_step` or `compute_metrics`.

    A subclass may override these methods. Their logs must be results of the
    model's metrics, because only metrics cover several steps and all replicas.

    Args:
        model: the model whose method returned the logs.
        logs: the logs. `None` and an empty dict are accepted.

    Raises:
        ValueError: a name in the logs is not the name of a result of a metric.
    """
    if not logs:
        return
    names = {name for metric in model.metrics for name in _names_of(metric)}
    unknown = sorted(set(logs) - names)
    if unknown:
        raise ValueError(
            "A step reports the model's metrics, over all steps and replicas. "
            f"Received: logs of {unknown}, but the model has the metrics "
            f"{sorted(names)}. Make a keras.metrics.Metric of this name in the "
            "constructor, and update it in the step."
        )


def _names_of(metric):
    result = metric.result()
    return result if isinstance(result, dict) else [metric.name]


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Switches Python's garbage collection off within a `with` block.

    A step is traced in one thread for each replica. If the collection in such
    a thread deletes the iterator of an earlier epoch, TensorFlow waits for
    minutes.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
