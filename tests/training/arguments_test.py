"""`compile` and `fit` refuse bad arguments, in every form of data."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.training import arguments

X, Y = np.zeros((3, 2)), np.zeros((3, 5), "int32")
WEIGHTS = [np.ones(3), np.ones((3, 1)), np.ones((3, 5))]
OTHERS = [np.ones(5), np.ones((1, 5)), np.ones((3, 5, 1)), np.float32(1)]
FIT, EVALUATE = keras.Model().fit, keras.Model().evaluate


def batches(*arrays):
    return tf.data.Dataset.from_tensors(arrays)


@pytest.mark.parametrize("weights", [None, *WEIGHTS])
def test_weights_that_fit(weights):
    arguments.check_batch(Y, weights)
    arguments.check_call(FIT, (X, Y), {"sample_weight": weights})
    arguments.check_call(EVALUATE, (X, Y, 2, 0, weights), {})
    if weights is not None:
        data = batches(X, Y, weights)
        arguments.check_call(FIT, (data,), {"validation_data": data})
        arguments.check_call(FIT, (X, Y), {"validation_data": (X, Y, weights)})


@pytest.mark.parametrize("weights", OTHERS)
@pytest.mark.parametrize(
    "call",
    [
        lambda w: (FIT, (X, Y), {"sample_weight": w}),
        lambda w: (EVALUATE, (X, Y, 2, 0, w), {}),
        lambda w: (FIT, (batches(X, Y, w),), {}),
        lambda w: (FIT, (X, Y), {"validation_data": (X, Y, w)}),
        lambda w: (FIT, (X, Y), {"validation_data": batches(X, Y, w)}),
    ],
)
def test_weights_that_do_not(weights, call):
    message = rf"weights of shape {np.shape(weights)} for labels of shape \(3"
    message = message.replace("shape (", r"shape \(").replace(
        ") for", r"\) for"
    )
    with pytest.raises(ValueError, match=message):
        arguments.check_call(*call(weights))


def test_batches_of_unknown_sizes():
    spec = tf.TensorSpec((None, None), tf.int32)
    data = tf.data.Dataset.from_generator(
        lambda: [], output_signature=(spec,) * 3
    )
    arguments.check_call(FIT, (data,), {})
    data = data.map(lambda x, y, w: (x, y, w[None]))
    with pytest.raises(ValueError, match=r"shape \(1, None, None\)"):
        arguments.check_call(FIT, (data,), {})


@pytest.mark.parametrize("shape", [(3,), (3, 5, 1), (3, 5, 7)])
def test_labels_of_other_shapes(shape):
    with pytest.raises(ValueError, match="Received: labels of shape"):
        arguments.check_call(FIT, (X, np.zeros(shape)), {})


def test_class_weight():
    for data in ((X, Y), (batches(X, Y),)):
        with pytest.raises(ValueError, match="class_weight={1: 2.0}. Give"):
            arguments.check_call(FIT, data, {"class_weight": {1: 2.0}})


def test_several_outputs():
    for y in ([Y, Y], {"a": Y, "b": Y}):
        with pytest.raises(ValueError, match="`labels` is one array.*of 2"):
            arguments.check_call(FIT, (X, y), {})
    with pytest.raises(ValueError, match="`sample_weight` is one array"):
        arguments.check_call(FIT, (X, Y), {"sample_weight": {"a": Y}})


def test_rows_of_data():
    assert arguments.rows_of(X, 7) == 7
    assert arguments.rows_of(batches(X, Y), None) == 3


def loss(y_true, y_pred):
    return y_pred


@pytest.mark.parametrize(
    "metric", ["loss", loss, keras.metrics.Mean(name="loss")]
)
def test_a_metric_with_the_name_of_the_loss(metric):
    arguments.check_names(["accuracy"], None)
    with pytest.raises(ValueError, match="Received: the metric"):
        arguments.check_names(None, ["accuracy", metric])
