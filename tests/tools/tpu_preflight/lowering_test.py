"""Errors name the operation that cannot be lowered, and its line."""

import numpy as np
import pytest
import tensorflow as tf

from tools.tpu_preflight import lowering

IDS = tf.TensorSpec([5, 3], tf.int32)


def line_after(function):
    return function.__code__.co_firstlineno + 1


def masked(ids):
    return tf.boolean_mask(ids, ids > 0)


def distinct(ids):
    return tf.unique(tf.reshape(ids, [-1]))[0]


def counted(ids):
    return tf.range(tf.reduce_max(ids))


def cut(ids):
    return ids[: tf.reduce_max(ids)]


def printed(ids):
    return tf.strings.as_string(ids)


def askew(ids):
    return tf.matmul(ids, ids)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            masked,
            "depends on values. It is the result of Where: boolean_mask/Wh",
        ),
        (distinct, "depends on values. It is the result of Unique: Unique"),
        (counted, "A shape depends on values. Input 1 .* op Range"),
        (
            cut,
            "depends on values. It is the result of StridedSlice: strided_sl",
        ),
        (printed, "XLA has no AsString: AsString"),
        (askew, "Dimensions must be equal, but are 3 and 5"),
    ],
)
def test_what_cannot_be_lowered_is_named(function, message):
    file = "tests/tools/tpu_preflight/lowering_test.py"
    where = rf"\({file}, line {line_after(function)}"
    with pytest.raises(lowering.LoweringError, match=message + ".*" + where):
        lowering.lower(function, IDS)


def test_dynamic_argument():
    with pytest.raises(
        lowering.LoweringError, match=r"dynamic. Received: \(None, 3\)"
    ):
        lowering.lower(masked, tf.TensorSpec([None, 3], tf.int32))


def test_sizes_that_are_set_to_what_they_were():
    def best(scores):
        return tf.math.top_k(scores, 2)

    assert lowering.lower(best, tf.TensorSpec([5, 3]))


def test_variables_are_left_alone():
    variable = tf.Variable([1.0, 2.0])
    hlo = lowering.lower(variable.assign_add, tf.TensorSpec([2]))
    assert isinstance(hlo, bytes)
    np.testing.assert_array_equal(variable, [1, 2])
