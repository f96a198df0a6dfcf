"""Replicas, micro-batches and XLA change no trained weight and no metric.

A Transformer is trained for twenty steps on 1, 2 and 4 replicas, in
micro-batches, with several steps in a call, compiled by XLA, and with all of
these. A replica has up to 30 times the target tokens of another. Dropout is
off, since each replica draws its own masks. The optimizers are SGD with
momentum, and Adam with an epsilon of 1e-3. With the paper's 1e-9 Adam would
divide rounding errors by themselves where the gradient is zero in exact
arithmetic, as for the bias of the keys.

Runs on four replicas have a process of their own, which runs this file.
"""

import functools
import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import models
from keras_transformer.training import losses

ROOT = pathlib.Path(__file__).parents[2]
VOCABULARY, STEPS = 13, 20
IN_PARTS = {"gradient_accumulation_steps": 3}
IN_FIVES = {"steps_per_execution": 5}
COMPILED = {"jit_compile": True}
TOGETHER = {**IN_PARTS, **IN_FIVES, **COMPILED}
OPTIMIZERS = {
    "momentum": lambda: keras.optimizers.SGD(0.3, momentum=0.9),
    "adam": lambda: keras.optimizers.Adam(0.01, epsilon=1e-3),
    # Each of the twenty steps clips; the moving average lags behind.
    "clipped": lambda: keras.optimizers.SGD(
        0.3, momentum=0.9, global_clipnorm=0.25, use_ema=True, ema_momentum=0.7
    ),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.3, global_clipnorm=0.25), initial_scale=2.0**13
    ),
}
WITHOUT_XLA = {**IN_PARTS, **IN_FIVES}
# (optimizer, settings) of runs on two replicas. The reference is the same
# optimizer without settings on one replica. `multi_worker_test.py` tests Adam
# on two, and `shares_test.py` micro-batches on one.
RUNS = [("momentum", WITHOUT_XLA)]
# The runs of the grid, by the number of replicas. XLA compiles for each run,
# which takes long. `distributed_model_test.py` compiles a small model on two.
OTHER_RUNS = {
    1: [
        ("momentum", IN_PARTS),
        ("momentum", COMPILED),
        ("momentum", TOGETHER),
        ("adam", TOGETHER),
    ],
    2: [
        ("momentum", {}),
        ("momentum", IN_PARTS),
        ("momentum", TOGETHER),
        ("adam", IN_PARTS),
        ("clipped", {}),
        ("scaled", COMPILED),
    ],
    4: [
        ("momentum", {}),
        ("clipped", WITHOUT_XLA),
        ("scaled", TOGETHER),
    ],
}
# A few steps would not show errors that add up.
pytestmark = pytest.mark.training


def batches():
    """Returns batches: six rows have 30 tokens and six have one."""
    ids = tf.TensorSpec((None, None), tf.int32)
    signature = (
        {"source_ids": ids, "target_input_ids": ids},
        ids,
        tf.TensorSpec((None, None), tf.float32),
    )

    def generate():
        for step in range(STEPS):
            generator = np.random.default_rng(step)
            length = 31
            source, target, labels = generator.integers(
                3, VOCABULARY, size=(3, 12, length), dtype="int32"
            )
            counts = np.array([30] * 6 + [1] * 6)
            weights = np.arange(length) < counts[:: (-1) ** step, None]
            inputs = {
                "source_ids": source,
                "target_input_ids": np.where(weights, target, 0),
            }
            yield inputs, labels, weights.astype("float32")

    data = tf.data.Dataset.from_generator(generate, output_signature=signature)
    options = tf.data.Options()
    options.autotune.enabled = False  # With it, stopping may take minutes.
    return data.apply(
        tf.data.experimental.assert_cardinality(STEPS)
    ).with_options(options)


def train(strategy, optimizer, settings):
    """Trains; returns weights, and what `fit`, `evaluate`, `predict` return."""
    keras.utils.set_random_seed(0)
    with strategy.scope():
        config = models.TransformerConfig(VOCABULARY, 1, 1, 8, 2, 11, 0.0)
        model = models.build_transformer(config)
        model.compile(
            OPTIMIZERS[optimizer](),
            losses.SmoothedCrossEntropy(0.1),
            weighted_metrics=[
                keras.metrics.SparseCategoricalAccuracy(name="accuracy")
            ],
            **settings,
        )
    history = model.fit(
        batches(), validation_data=batches().take(3), shuffle=False, verbose=0
    ).history
    assert model.optimizer.iterations.numpy() == STEPS
    results = {f"fit_{name}": values[-1] for name, values in history.items()}
    logs = model.evaluate(batches().take(4), verbose=0, return_dict=True)
    results |= {f"evaluate_{name}": value for name, value in logs.items()}
    inputs = batches().take(1).map(lambda inputs, *_: inputs)
    results["predict"] = model.predict(inputs, verbose=0)
    for i, variable in enumerate(model.trainable_variables):
        results[f"{i}: {variable.path.split('/', 1)[1]}"] = variable.numpy()
    return results


@functools.cache
def on_one_replica(optimizer):
    """Returns the reference of the other runs; a process computes it once."""
    return train(tf.distribute.get_strategy(), optimizer, {})


def in_a_process(runs, folder):
    """Makes runs in a process with four devices; returns their results."""
    module = pathlib.Path(__file__).relative_to(ROOT).with_suffix("")
    subprocess.run(
        [
            sys.executable,
            "-m",
            ".".join(module.parts),
            str(folder),
            json.dumps(runs),
        ],
        cwd=ROOT,
        check=True,
        timeout=900,
    )
    results = []
    for i in range(len(runs)):
        with np.load(folder / f"{i}.npz") as file:
            results.append(dict(file))
    return results


@pytest.fixture(scope="module")
def on_four(tmp_path_factory):
    return in_a_process(OTHER_RUNS[4], tmp_path_factory.mktemp("four"))


def every(runs):
    """Yields the optimizer and the settings of each run as parameters."""
    for optimizer, settings in runs:
        is_compiled = "jit_compile" in settings
        yield pytest.param(
            optimizer,
            settings,
            id="-".join([optimizer, *settings]),
            marks=[pytest.mark.xla] if is_compiled else [],
        )


def assert_same(found, expected):
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert np.isfinite(value).all(), name
        # Relative to the largest value of a tensor. The lower bound is for
        # tensors that are zero in exact arithmetic and have rounding errors.
        np.testing.assert_allclose(
            found[name],
            value,
            rtol=0,
            atol=1e-5 * max(np.abs(value).max(), 1e-2),
            err_msg=name,
        )


@pytest.mark.grid
@pytest.mark.parametrize("optimizer, settings", every(OTHER_RUNS[1]))
def test_one_replica_whatever_is_set(optimizer, settings):
    found = train(tf.distribute.get_strategy(), optimizer, settings)
    assert_same(found, on_one_replica(optimizer))


@pytest.mark.grid
@pytest.mark.parametrize("optimizer, settings", every(RUNS))
def test_two_replicas_are_as_one(two_replicas, optimizer, settings):
    found = train(two_replicas, optimizer, settings)
    assert_same(found, on_one_replica(optimizer))


@pytest.mark.grid
@pytest.mark.parametrize("optimizer, settings", every(OTHER_RUNS[2]))
def test_two_replicas_with_other_settings(two_replicas, optimizer, settings):
    found = train(two_replicas, optimizer, settings)
    assert_same(found, on_one_replica(optimizer))


@pytest.mark.grid
@pytest.mark.process
@pytest.mark.parametrize("i", range(len(OTHER_RUNS[4])))
def test_four_replicas_are_as_one(on_four, i):
    assert_same(on_four[i], on_one_replica(OTHER_RUNS[4][i][0]))


@pytest.mark.grid
def test_several_steps_in_a_call_change_no_bit():
    one = on_one_replica("momentum")
    five = train(tf.distribute.get_strategy(), "momentum", IN_FIVES)
    for name, value in one.items():
        np.testing.assert_array_equal(five[name], value, err_msg=name)


# Only the grid trains with these optimizers.
@pytest.mark.grid
@pytest.mark.parametrize("optimizer", ["clipped", "scaled"])
def test_optimizers_do_something(optimizer):
    # The tests above would also pass if clipping had no effect.
    found, momentum = on_one_replica(optimizer), on_one_replica("momentum")
    name = next(name for name in found if name.startswith("0: "))
    assert np.abs(found[name] - momentum[name]).max() > 1e-2


def main(folder, runs):
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 4,
    )
    strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(4)])
    for i, (optimizer, settings) in enumerate(runs):
        results = train(strategy, optimizer, settings)
        np.savez(pathlib.Path(folder) / f"{i}.npz", **results)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
