"""A factor scales the learning rate of its variable, on any replicas."""

import keras
import tensorflow as tf

from keras_transformer.training import layer_rates
from tests.assertions import assert_all_equal


def step():
    """Returns two variables, and an SGD with factors 0.5 and 0 for them."""
    variables = [keras.Variable([1.0], name=name) for name in "ab"]
    factors = {variables[0].path: 0.5, variables[1].path: 0.0}
    make = layer_rates.with_rates(keras.optimizers.SGD, factors.get)
    optimizer = make(0.25)
    optimizer.build(variables)
    return variables, optimizer


def test_a_factor_multiplies_the_rate_and_zero_freezes():
    variables, optimizer = step()
    optimizer.apply([tf.constant([8.0]), tf.constant([32.0])])
    assert [float(v[0]) for v in variables] == [0.0, 1.0]
    assert optimizer.get_config()["learning_rate"] == 0.25


def test_two_replicas_sum_their_gradients(two_replicas):
    with two_replicas.scope():
        variables, optimizer = step()

    @tf.function
    def run():
        two_replicas.run(
            lambda: optimizer.apply([tf.constant([8.0]), tf.constant([32.0])])
        )

    run()
    for variable, expected in zip(variables, (-1.0, 1.0), strict=True):
        for copy in variable.value.values:
            assert_all_equal(copy, [expected])
