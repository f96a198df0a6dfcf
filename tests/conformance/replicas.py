"""A row on two replicas gives the same results as on one."""

import numpy as np
import tensorflow as tf

from tests.conformance import rows, running

REPLICAS = 2


def check(row, strategy):
    arrays = running.draw(row, B=REPLICAS * rows.B)
    expected, expected_gradients, _ = running.run(
        row, running.make(row), running.tensors(arrays)
    )
    with strategy.scope():
        layer = running.make(row)

    @tf.function
    def step(arrays):
        outputs, gradients, _ = strategy.run(
            lambda arrays: running.run(row, layer, arrays), args=(arrays,)
        )
        summed = [
            strategy.reduce(tf.distribute.ReduceOp.SUM, gradient, axis=None)
            for gradient in gradients
        ]
        return outputs, summed

    def share(context):
        first = context.replica_id_in_sync_group * rows.B
        return {
            name: tf.constant(array[first : first + rows.B])
            for name, array in arrays.items()
        }

    shares = strategy.experimental_distribute_values_from_function(share)
    outputs, gradients = step(shares)
    for actual, reference in zip(outputs, expected, strict=True):
        replicas = strategy.experimental_local_results(actual)
        if [len(one) for one in replicas] != [rows.B] * REPLICAS:
            raise AssertionError("Not each replica had its own rows.")
        running.assert_close(np.concatenate(replicas), reference, 1e-5)
    for actual, reference in zip(gradients, expected_gradients, strict=True):
        running.assert_close(actual, reference, 1e-5)
