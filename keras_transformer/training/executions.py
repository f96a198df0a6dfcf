"""How a step runs over the batches of an iterator, on all replicas."""

import contextlib
import gc

import tensorflow as tf


def over_iterator(model, step, steps_per_execution):
    """Makes what Keras calls with its iterator.

    Args:
        model: a `keras.Model`: its strategy runs the step, and its metrics
            are what the step reports.
        step: function of one replica's share of a batch.
        steps_per_execution: how many batches a call reads, if there are so
            many.

    Returns:
        A function from an iterator to logs; it raises StopIteration at the
        iterator's end.
    """
    # Each shape is a program of its own on a TPU, and none is dynamic.
    static = tf.distribute.RunOptions(
        experimental_enable_dynamic_batch_size=False
    )

    def run_on_replicas(batch):
        logs = model.distribute_strategy.run(
            step, args=(batch,), options=static
        )
        check_logs(model, logs)

    def run_one(batch):
        run_on_replicas(batch)
        return model.get_metrics_result()

    def run_steps(iterator):
        has_any = False
        for _ in tf.range(steps_per_execution):
            # To read past the end would count as a step of the optimizer,
            # and fail on several workers.
            batch = iterator.get_next_as_optional()
            has_any = tf.logical_or(has_any, batch.has_value())
            if batch.has_value():
                run_on_replicas(batch.get_value())
        return has_any, model.get_metrics_result()

    if not model.run_eagerly:
        # A new batch shape, which only lengths and the last batch bring,
        # should not trace the step again.
        run_one = tf.function(run_one, reduce_retracing=True)
        run_steps = tf.function(run_steps, reduce_retracing=True)

    def run(iterator):
        if not isinstance(
            iterator, (tf.data.Iterator, tf.distribute.DistributedIterator)
        ):
            return run_one(next(iterator))  # That of `train_on_batch`.
        with without_collection():
            has_any, logs = run_steps(iterator)
        if not has_any:
            raise StopIteration
        return logs

    return run


def check_logs(model, logs) -> None:
    """Checks what a step of a subclass, or its `compute_metrics`, returns.

    Raises:
        ValueError: something that is no metric of the model, of which alone
            there is a value for several steps and replicas.
    """
    if not logs:
        return
    names = {name for metric in model.metrics for name in _names_of(metric)}
    unknown = sorted(set(logs) - names)
    if unknown:
        raise ValueError(
            "What is reported are the model's metrics, over all steps and "
            f"replicas. Received: logs of {unknown}, but the model has "
            f"{sorted(names)}. Make a keras.metrics.Metric of this name in the "
            "constructor, and update it in the step."
        )


def _names_of(metric):
    result = metric.result()
    return result if isinstance(result, dict) else [metric.name]


@contextlib.contextmanager
def without_collection():
    """A context without Python's garbage collection.

    A step is traced in a thread for each replica. Where that thread happens to
    collect the iterator of an earlier epoch, TensorFlow waits for minutes.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
