"""Every layer and model must work in every way that Keras supports.

The rows of the table are in `rows.py`, its columns here and in `contract.py`.
"""

import collections
import functools
import inspect
import json
import pathlib
import subprocess
import sys
import traceback

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import layers, models
from keras_transformer.layers import dot_product
from tests.conformance import contract, grid, replicas, rows, running
from tests.conformance.running import assert_close

ROOT = pathlib.Path(__file__).parents[2]
OTHER_SIZES = {"B": 2, "T": 11, "S": 13, "seed": 1}
# The largest relative error of one rounding.
ROUNDING = {"bfloat16": 2.0**-8, "float16": 2.0**-11}
SHARP = 1e4
# Graphs are optimized, as in programs of users.
pytestmark = pytest.mark.usefixtures("optimized_graphs")


@functools.cache
def plain(row):
    """Returns a layer in float32, its inputs, outputs and gradients."""
    layer = running.make(row)
    arrays = running.tensors(running.draw(row))
    outputs, of_weights, of_inputs = running.run(row, layer, arrays)
    # Outputs must vary, and all weights must have a gradient. The bias of a
    # key has none: it adds the same number to all logits of a query.
    assert all(np.std(output) > 0.01 for output in outputs)
    paths = [weight.path for weight in layer.trainable_variables]
    of_all = dict(zip(paths, of_weights, strict=True))
    for name, gradient in (of_all | of_inputs).items():
        assert np.abs(gradient).max() > 1e-3 or "key_bias" in name, name
    return layer, arrays, outputs, of_weights, of_inputs


def other_inputs(row):
    return running.tensors(running.draw(row, **OTHER_SIZES))


def assert_all_close(actual, expected, tolerance):
    for one, other in zip(actual, expected, strict=True):
        assert_close(one, other, tolerance)


def assert_finite(values, what):
    for value in tf.nest.flatten(values):
        finite = np.isfinite(np.asarray(value, "float32"))
        assert finite.all(), f"{what}: {(~finite).sum()} of {finite.size}"


def config_round_trip(row):
    layer, arrays, expected, _, _ = plain(row)
    config = layer.get_config()
    restored = json.loads(json.dumps(config))
    clone = type(layer).from_config(restored)
    assert clone.get_config() == config
    # Both configs could lack a setting, so each setting is compared.
    config = row.inner(layer).get_config()
    for name, value in row.settings().items():
        if isinstance(value, keras.layers.Layer):
            description = config[name]
            assert description["class_name"] == type(value).__name__
            assert nameless(description["config"]) == nameless(
                value.get_config()
            )
        else:
            assert config[name] == value, name
    assert constructor_arguments(row.kind) <= set(config)
    # The call builds the clone, which then gets the weights.
    row.call(clone, arrays)
    clone.set_weights(layer.get_weights())
    assert_all_close(row.call(clone, arrays), expected, 1e-6)


def nameless(config):
    """Removes all names from a nested config, since Keras numbers them."""
    if not isinstance(config, dict):
        return config
    return {k: nameless(v) for k, v in config.items() if k != "name"}


def graph(row):
    layer, arrays, expected, _, _ = plain(row)
    function = tf.function(lambda arrays: row.call(layer, arrays))
    assert_all_close(function(arrays), expected, 1e-6)


def unknown_sizes(row):
    layer, arrays, expected, _, _ = plain(row)
    signature = {
        name: tf.TensorSpec(running.unknown_shape(axes), running.dtype_of(name))
        for name, axes in row.inputs.items()
    }
    function = tf.function(
        lambda arrays: row.call(layer, arrays), input_signature=[signature]
    )
    assert_all_close(function(arrays), expected, 1e-6)
    others = other_inputs(row)
    assert_all_close(function(others), row.call(layer, others), 1e-6)


def compiled(row):
    layer, arrays, expected, of_weights, of_inputs = plain(row)
    function = tf.function(
        lambda arrays: running.run(row, layer, arrays), jit_compile=True
    )
    outputs, *gradients = function(arrays)
    assert_all_close(outputs, expected, 1e-5)
    assert_finite(gradients, "gradients")
    assert_all_close(gradients[0], of_weights, 1e-5)
    for name, gradient in gradients[1].items():
        assert_close(gradient, of_inputs[name], 1e-5)


def mixed(row, dtype):
    layer, arrays, expected, _, _ = plain(row)
    half = running.make(row, f"mixed_{dtype}")
    assert {weight.dtype for weight in half.weights} <= {"float32"}
    outputs, *gradients = running.run(row, half, arrays)
    dtypes = [dtype if d == "compute" else d for d in row.outputs]
    assert [output.dtype.name for output in outputs] == dtypes
    assert_half_close(row, outputs, expected, dtype)
    assert_finite(gradients, "gradients")

    length = rows.LONG[dtype]
    long = running.tensors(running.draw(row, 1, length, length))
    outputs, *gradients = running.run(row, half, long)
    assert_half_close(row, outputs, row.call(layer, long), dtype)
    assert_finite(gradients, "gradients of a long sequence")

    # `row.without` must name exactly the cases that the row does not have.
    assert ("padded" not in row.without) == any(
        running.is_mask(name) or running.is_ids(name) for name in row.inputs
    )
    if "padded" not in row.without:
        padded = running.pad_first_row(row, running.draw(row))
        results = running.run(row, half, running.tensors(padded))
        assert_finite(results, "a row of padding")

    assert ("sharp" not in row.without) == bool(logits(row, layer, arrays))
    if "sharp" not in row.without:
        sharp = running.make(row)
        arrays = sharpen(row, sharp, running.draw(row))
        half.set_weights(sharp.get_weights())
        assert_finite(running.run(row, half, arrays), "logits of 1e4")


def assert_half_close(row, outputs, expected, dtype):
    for actual, reference in zip(outputs, expected, strict=True):
        actual, reference = np.asarray(actual, "float32"), np.asarray(reference)
        error = np.sqrt(np.mean((actual - reference) ** 2))
        bound = row.roundings * ROUNDING[dtype]
        bound *= np.sqrt(np.mean(reference**2))
        assert error < bound, f"an error of {error / bound:.2f} bounds"


def logits(row, layer, arrays):
    """Returns the largest logit of each attention, in order of the calls."""
    largest = []
    real = dot_product.attend_heads

    def spy(query, key, *args):
        shared = query.shape[1] // key.shape[1]
        products = tf.einsum(
            "BHTK,BHSK->BHTS", query, tf.repeat(key, shared, axis=1)
        )
        scale = query.shape[-1] ** -0.5
        largest.append(scale * float(tf.reduce_max(tf.abs(products))))
        return real(query, key, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dot_product, "attend_heads", spy)
        row.call(layer, arrays)
    return largest


def sharpen(row, layer, arrays):
    """Scales queries so that the largest logit of each attention is 1e4."""
    weights = collections.defaultdict(list)
    for weight in layer.weights:
        if weight.name in ("query_kernel", "query_bias"):
            weights[weight.path.rpartition("/")[0]].append(weight)
    # One by one, since each changes the inputs of the later ones.
    for i, group in enumerate(weights.values()):
        factor = SHARP / logits(row, layer, running.tensors(arrays))[i]
        for weight in group:
            weight.assign(weight * factor)
    if not weights:
        (largest,) = logits(row, layer, running.tensors(arrays))
        arrays = {**arrays, "query": arrays["query"] * (SHARP / largest)}
    actual = logits(row, layer, running.tensors(arrays))
    assert np.allclose(actual, SHARP, rtol=1e-3), actual
    return running.tensors(arrays)


def asked_for(session, column):
    """Returns the rows of the cells of this column that will be tested."""
    return [
        item.callspec.params["row"]
        for item in session.items
        if item.function is test_reloaded
        and item.callspec.params["column"] == column
    ]


@pytest.fixture(scope="module")
def reloaded(request, tmp_path_factory):
    """Errors of rows that another process loads, by format and row."""
    folder = tmp_path_factory.mktemp("reloaded")
    saved = {"plain": [], "wrapped": [], "exported": []}
    unsaved = {name: {} for name in RELOADED.values()}
    for column, form in RELOADED.items():
        for row in asked_for(request.session, column):
            kind = "plain" if row.user is None else "wrapped"
            if form == "SavedModel":
                kind = "exported"
            try:
                save(row, folder, form)
                saved[kind].append(row.name)
            except Exception:
                unsaved[form][row.name] = traceback.format_exc()
    (folder / "saved.json").write_text(json.dumps(saved))
    result = subprocess.run(
        [sys.executable, "-m", "tests.conformance.reloading", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    found = json.loads(result.stdout.splitlines()[-1])
    return {form: {**report, **unsaved[form]} for form, report in found.items()}


def save(row, folder, form):
    """Saves a layer in a format, with inputs of two sizes and outputs."""
    layer, arrays, expected, _, _ = plain(row)
    others = other_inputs(row)
    for i, (inputs, outputs) in enumerate(
        ((arrays, expected), (others, row.call(layer, others)))
    ):
        outputs = {f"={j}": output for j, output in enumerate(outputs)}
        np.savez(folder / f"{row.name}.{i}.npz", **inputs, **outputs)
    model = running.functional(row, layer)
    if form == "keras":
        model.save(folder / f"{row.name}.keras")
        return
    # No signature is given: Keras takes that of the model.
    model.export(folder / row.name, verbose=False)


COLUMNS = {
    "config": config_round_trip,
    "graph": graph,
    "unknown_sizes": unknown_sizes,
    "compiled": compiled,
    "bfloat16": functools.partial(mixed, dtype="bfloat16"),
    "float16": functools.partial(mixed, dtype="float16"),
    **contract.COLUMNS,
}
# Columns that another process tests, and the format that it loads.
RELOADED = {"keras_file": "keras", "saved_model": "SavedModel"}
MARKS = {
    "graph": [pytest.mark.seconds],
    "unknown_sizes": [pytest.mark.seconds],
    "compiled": [pytest.mark.xla],
}


@grid.cells({name: MARKS.get(name, []) for name in COLUMNS})
def test_cell(row, column):
    COLUMNS[column](row)


@pytest.mark.grid
@pytest.mark.process
@grid.cells(dict.fromkeys(RELOADED, []))
def test_reloaded(row, column, reloaded):
    problem = reloaded[RELOADED[column]][row.name]
    assert problem is None, problem


@pytest.mark.seconds
@grid.cells({"replicas": []})
def test_replicas(row, column, two_replicas):
    replicas.check(row, two_replicas)


def public_classes():
    return {
        getattr(module, name)
        for module in (layers, models)
        for name in module.__all__
        if inspect.isclass(getattr(module, name))
        and issubclass(getattr(module, name), keras.layers.Layer)
    }


def constructor_arguments(kind):
    parameters = inspect.signature(kind).parameters.values()
    return {p.name for p in parameters if p.kind != p.VAR_KEYWORD}


def test_every_layer_and_model_has_a_row():
    assert {row.kind for row in rows.ROWS} == public_classes()


def test_constructors_have_few_arguments():
    """Variants are layers, not arguments of other layers."""
    for kind in public_classes():
        assert len(constructor_arguments(kind)) <= 8, kind


def test_every_row_has_every_column():
    assert len(COLUMNS) == 13
    names = [row.name for row in rows.ROWS]
    assert len(set(names)) == len(names)


def test_every_argument_has_another_value_than_its_default_in_some_row():
    """Otherwise a config could lose the value of the argument unnoticed."""
    varied = collections.defaultdict(set)
    for row in rows.ROWS:
        parameters = inspect.signature(row.kind).parameters
        for name, value in row.settings().items():
            if value != parameters[name].default:
                varied[row.kind].add(name)
    for kind in public_classes() - {models.Transformer}:
        assert constructor_arguments(kind) == varied[kind], kind
