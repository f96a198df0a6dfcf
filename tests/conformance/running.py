"""Draws the inputs of a row, calls it and computes gradients."""

import keras
import numpy as np
import tensorflow as tf

from tests.conformance import rows


def is_mask(name):
    return name.endswith("mask")


def is_ids(name):
    return name.endswith("ids")


def axes(text):
    """Returns the axes of an array, letters and numbers."""
    return [int(a) if a.isdigit() else a for a in text.split()]


def unknown_shape(text):
    """Returns the shape with `None` for sizes that vary from call to call."""
    return tuple(None if isinstance(a, str) else a for a in axes(text))


def dtype_of(name):
    if is_mask(name):
        return "bool"
    return "int32" if is_ids(name) else "float32"


def draw(row, B=rows.B, T=rows.T, S=rows.S, seed=0):
    """Draws arrays by name. Masks are True at the first key."""
    generator = np.random.default_rng(seed)
    sizes = {"B": B, "T": T, "S": S}
    arrays = {}
    for name, text in row.inputs.items():
        shape = [sizes.get(axis, axis) for axis in axes(text)]
        if is_mask(name):
            arrays[name] = generator.random(shape) < 0.6
            arrays[name][..., 0] = True
        elif is_ids(name):
            arrays[name] = generator.integers(1, rows.V, shape, dtype="int32")
            arrays[name] *= generator.random(shape) < 0.8
        else:
            arrays[name] = generator.normal(size=shape).astype("float32")
    return arrays


def pad_first_row(row, arrays):
    """Returns the arrays with only padding in the first row."""
    padded = {name: array.copy() for name, array in arrays.items()}
    for name, array in padded.items():
        if is_mask(name) or is_ids(name):
            array[0] = 0
    return padded


def make(row, dtype="float32", seed=0):
    """Makes a row's layer with weights that are neither zeros nor ones."""
    layer = row.build(dtype)
    if not layer.built:
        row.call(layer, tensors(draw(row)))
    generator = np.random.default_rng(seed)
    values = []
    for value in layer.get_weights():
        noise = generator.normal(size=value.shape)
        if value.ndim > 1:
            values.append(noise / value.shape[0] ** 0.5)
        else:
            values.append(value + 0.2 * noise)
    layer.set_weights(values)
    return layer


def tensors(arrays):
    return {name: tf.convert_to_tensor(a) for name, a in arrays.items()}


def run(row, layer, arrays):
    """Returns outputs, gradients of weights, and gradients of inputs."""
    weights = [weight.value for weight in layer.trainable_variables]
    inputs = {n: a for n, a in arrays.items() if dtype_of(n) == "float32"}
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = row.call(layer, arrays)
        # A weighted sum, since the sum of a normalized vector is constant.
        loss = sum(
            tf.reduce_sum(
                tf.cast(output, "float32")
                * tf.cos(tf.range(tf.shape(output)[-1], dtype="float32"))
            )
            for output in outputs
        )
    # A variable that Keras does not track is neither saved nor trained.
    if tf.executing_eagerly():
        known = {id(weight) for weight in weights}
        unknown = [v for v in tape.watched_variables() if id(v) not in known]
        if unknown:
            raise ValueError(f"No weights of the layer: {unknown}.")
    of_weights, of_inputs = tape.gradient(loss, (weights, inputs))
    missing = [
        weight.path
        for weight, gradient in zip(
            layer.trainable_variables, of_weights, strict=True
        )
        if gradient is None
    ]
    if missing:
        raise ValueError(f"No gradient reaches {missing}.")
    # The gradient of an embedding matrix is sparse.
    return outputs, [tf.convert_to_tensor(g) for g in of_weights], of_inputs


def functional(row, layer):
    """Puts a layer into a functional model; returns a model unchanged."""
    if row.is_model:
        return layer
    inputs = {
        name: keras.Input(
            batch_shape=unknown_shape(text), dtype=dtype_of(name), name=name
        )
        for name, text in row.inputs.items()
    }
    return keras.Model(inputs, row.call(layer, inputs))


def assert_close(actual, expected, tolerance):
    """Compares arrays; the tolerance is relative to the largest number or 1."""
    expected = np.asarray(expected)
    np.testing.assert_allclose(
        np.asarray(actual),
        expected,
        rtol=0,
        atol=tolerance * max(1.0, np.abs(expected).max()),
        equal_nan=False,
    )
