"""Columns of the table that compare a row with the contract of Keras.

Each is a function of a row that raises an error if the row differs.
"""

import pathlib
import tempfile
import warnings
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from keras_transformer.layers import composite, implicit, templates
from tests.conformance import running

# For each mask, the inputs that may hold the keys.
KEYS = {"mask": ("inputs",), "inputs_mask": ("inputs",)}
KEYS |= {"memory_mask": ("memory",), "attention_mask": ("key", "memory")}
# `adapted` tries all combinations for rows with at most `FEW` matrices. The
# errors of quantization, relative to the largest output, are below `QUANTIZED`.
FEW = 6
QUANTIZED = {"int8": 0.1, "int4": 1.0}


def output_shapes(row):
    """`compute_output_shape` and symbolic outputs match the real outputs."""
    layer, arrays = running.make(row), running.tensors(running.draw(row))
    actual = [tuple(output.shape) for output in row.call(layer, arrays)]
    assert shapes_of(row, layer, running.draw(row)) == actual
    for shape in shapes_of(row, layer, running.draw(row), unknown=True):
        assert None in shape, shape
    half = running.make(row, "mixed_bfloat16")
    outputs = tf.nest.flatten(symbolic(row, half))
    dtypes = ["bfloat16" if d == "compute" else d for d in row.outputs]
    assert [output.dtype for output in outputs] == dtypes
    for output, shape in zip(outputs, actual, strict=True):
        assert len(output.shape) == len(shape)
        for dim, size in zip(output.shape, shape, strict=True):
            assert dim in (None, size), (output.shape, shape)


def shapes_of(row, layer, arrays, unknown=False):
    """Returns what `compute_output_shape` returns, as a list of shapes."""

    def shape(name):
        axes = running.axes(row.inputs[name])
        return tuple(
            None if unknown and isinstance(axis, str) else size
            for axis, size in zip(axes, arrays[name].shape, strict=True)
        )

    if row.is_model:
        shapes = layer.compute_output_shape({n: shape(n) for n in arrays})
    else:
        names = [n for n in arrays if not running.is_mask(n)]
        flags = {n: v for n, v in row.constants.items() if n != "start"}
        shapes = layer.compute_output_shape(*map(shape, names), **flags)
    return list(shapes) if isinstance(shapes[0], tuple) else [shapes]


def symbolic(row, layer):
    return row.call(
        layer,
        {
            name: keras.Input(
                batch_shape=running.unknown_shape(text),
                dtype=running.dtype_of(name),
            )
            for name, text in row.inputs.items()
        },
    )


def functional(row):
    """A functional model with unknown sizes gives the outputs of the layer."""
    layer = running.make(row)
    inputs = {
        name: keras.Input(
            batch_shape=running.unknown_shape(text),
            dtype=running.dtype_of(name),
            name=name,
        )
        for name, text in row.inputs.items()
    }
    model = keras.Model(inputs, row.call(layer, inputs))
    assert len(model.weights) == len(layer.weights)
    for sizes in ({}, {"B": 2, "T": 11, "S": 13}):
        arrays = running.tensors(running.draw(row, **sizes))
        assert_all_close(model(arrays), row.call(layer, arrays), 1e-6)


def masks(row):
    """An attached mask and a mask argument are combined and passed on."""
    layer, drawn = running.make(row), running.draw(row)
    floats = [n for n in row.inputs if running.dtype_of(n) == "float32"]
    if not floats:
        return  # Ids have no attached mask.
    arrays, attached = running.tensors(drawn), running.tensors(drawn)
    generator = np.random.default_rng(5)
    padding = {}
    for name in floats:
        padding[name] = generator.random(drawn[name].shape[:2]) < 0.7
        padding[name][:, 1] = True
        attached[name] = implicit.attach(
            arrays[name], tf.constant(padding[name])
        )
    narrow = dict(arrays)
    for name in filter(running.is_mask, row.inputs):
        (keys,) = [k for k in KEYS[name] if k in row.inputs] or ["inputs"]
        real = padding[keys]
        if drawn[name].ndim == 3:
            real = real[:, None]
        narrow[name] = arrays[name] & real
    outputs = row.call(layer, attached)
    assert_all_close(outputs, row.call(layer, narrow), 1e-6)
    if narrow.keys() != set(floats):
        with_other = [row.call(layer, arrays), outputs]
        assert not np.allclose(*(array[0] for array in with_other)), "not read"
    expected = padding[floats[0]]
    for name in ("mask", "inputs_mask"):
        if name in narrow:
            expected = narrow[name]
    assert np.array_equal(implicit.mask_of(outputs[0]), expected)


def frozen(row):
    """Frozen sublayers stay frozen in the config and in the file."""
    for first in (0, 1):
        layer = running.make(row)
        inside = [one for _, _, one in composite.layers_inside(layer)]
        for one in inside[first::2]:
            one.trainable = not one.trainable
        expected = flags(layer)
        clone = type(layer).from_config(layer.get_config())
        row.call(clone, running.tensors(running.draw(row)))
        assert flags(clone) == expected
    assert_same_in_file(row, layer)
    layer = row.build()
    layer.trainable = False
    clone = type(layer).from_config(layer.get_config())
    row.call(clone, running.tensors(running.draw(row)))
    assert not any(weight.trainable for weight in clone.weights)


def flags(layer):
    """Returns whether layers and weights are trainable, by their paths."""
    actual = {
        path: one.trainable for path, _, one in composite.layers_inside(layer)
    }
    weights = {i: weight.trainable for i, weight in enumerate(layer.weights)}
    return {**actual, **weights, "": layer.trainable}


def adapted(row):
    """LoRA and quantization, separate and combined, work and are saved."""
    few = len(projections(row.build())) <= FEW
    for mode in ("int8", "int4", None) if few else ("int8",):
        layer, arrays = running.make(row), running.tensors(running.draw(row))
        before = row.call(layer, arrays)
        matrices = projections(layer)
        if not matrices:
            names = [weight.name for weight in layer.weights]
            assert not {"kernel", "embeddings", "query_kernel"} & {*names}
            return
        count = len(layer.trainable_weights)
        if mode != "int4":
            for one in matrices:
                one.enable_lora(2)
                for weight in one.trainable_weights:
                    noise = np.random.default_rng(1).normal(size=weight.shape)
                    weight.assign_add(1e-3 * noise)
            assert len(layer.trainable_weights) == count + len(matrices)
            before = row.call(layer, arrays)
        if mode is not None:
            # Keras runs the garbage collector for each weight, which is slow.
            with mock.patch("gc.collect"):
                for one in matrices:
                    one.quantize(mode)
            assert all("int8" in [w.dtype for w in m.weights] for m in matrices)
            after = row.call(layer, arrays)
            largest = max(np.abs(array).max() for array in before)
            error = max(
                np.abs(np.asarray(a, "float32") - b).max()
                for a, b in zip(after, before, strict=True)
            )
            assert 0 < error < QUANTIZED[mode] * largest, (mode, error, largest)
        assert_same_in_file(row, layer)


def projections(layer):
    inside = [layer, *(one for _, _, one in composite.layers_inside(layer))]
    # A layer that is shared is listed once.
    return list(
        {
            id(one): one
            for one in inside
            if isinstance(one, (keras.layers.Dense, keras.layers.Embedding))
        }.values()
    )


def assert_same_in_file(row, layer):
    """Saves in a functional model, loads, and compares outputs and weights."""
    model = running.functional(row, layer)
    arrays = running.tensors(running.draw(row))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        path = pathlib.Path(folder) / "model.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
    outputs = tf.nest.flatten(loaded(arrays))
    assert_all_close(outputs, row.call(layer, arrays), 1e-6)
    for kind in ("weights", "trainable_weights"):
        actual, expected = getattr(loaded, kind), getattr(model, kind)
        assert [(w.shape, w.dtype) for w in actual] == [
            (w.shape, w.dtype) for w in expected
        ]
    actual, expected = (
        {p: w for p, w in flags(one).items() if p} for one in (loaded, model)
    )
    assert actual == expected


def in_containers(row):
    """`TimeDistributed` calls the layer on each of several sequences."""
    single = [n for n in row.inputs if not running.is_mask(n)]
    flags = [name for name in row.constants if name != "start"]
    if row.is_model or len(single) > 1 or flags:
        return  # Keras's containers call a layer on one tensor.
    layer, (name,) = running.make(row), single
    arrays = running.draw(row)
    several = np.stack([arrays[name], arrays[name][::-1]], axis=1)
    shape = running.unknown_shape(row.inputs[name])
    inputs = keras.Input((2, *shape[1:]), dtype=running.dtype_of(name))
    outputs = keras.layers.TimeDistributed(layer)(inputs)
    model = keras.Model(inputs, outputs)
    model.summary(print_fn=lambda text: None)
    expected = layer(tf.constant(arrays[name]))
    actual = model(several)
    running.assert_close(actual[:, 0], expected, 1e-5)
    running.assert_close(actual[:, 1], expected[::-1], 1e-5)


def between_sequences(row):
    """Attention to another sequence does not depend on its order."""
    layer, arrays = running.make(row), running.draw(row)
    if "memory" in row.inputs:
        (mask,) = {"memory_mask", "attention_mask"} & {*arrays}
        backwards = {
            **arrays,
            "memory": arrays["memory"][:, ::-1],
            mask: arrays[mask][..., ::-1],
        }
        # Only the first outputs are equal: scores have another order.
        first, *_ = row.call(layer, running.tensors(arrays))
        actual, *_ = row.call(layer, running.tensors(backwards))
        running.assert_close(actual, first, 1e-5)
    attention = row.inner(layer)
    if not hasattr(attention, "between_sequences"):
        return
    between = templates.copy_of(attention.between_sequences())
    templates.check_attention(between)
    config = attention.get_config()
    assert between.get_config() == {**config, "positions": None}
    memory = tf.constant(arrays["inputs"])
    inputs = memory[:, :2]
    actual = between(inputs, memory[:, ::-1])
    running.assert_close(actual, between(inputs, memory), 1e-5)


def assert_all_close(actual, expected, tolerance):
    actual = actual if isinstance(actual, (list, tuple)) else [actual]
    for one, other in zip(actual, expected, strict=True):
        running.assert_close(one, other, tolerance)


COLUMNS = {
    "output_shapes": output_shapes,
    "functional": functional,
    "masks": masks,
    "frozen": frozen,
    "adapted": adapted,
    "in_containers": in_containers,
    "between_sequences": between_sequences,
}
