"""However it is spread, a model is trained to the same weights and numbers.

Twenty steps of a Transformer, whose replicas have as many as 30 target tokens
for another's one, on 1, 2 and 4 of them, in micro-batches, several steps in a
call, compiled, and all of it together. Dropout is off, since its masks are
drawn for each replica. Descent with momentum, and Adam with an epsilon of 1e-3:
with the paper's 1e-9 it would divide the rounding of gradients that are zero in
exact arithmetic, as those of a key's bias, by itself.

Each number of replicas has a process of its own, in which this file is run.
"""

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
    # It clips at each of the twenty steps, and the average lags behind.
    "clipped": lambda: keras.optimizers.SGD(
        0.3, momentum=0.9, global_clipnorm=0.25, use_ema=True, ema_momentum=0.7
    ),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.3, global_clipnorm=0.25), initial_scale=2.0**13
    ),
}
WITHOUT_XLA = {**IN_PARTS, **IN_FIVES}
# (optimizer, settings) of each number of replicas. The first of an optimizer on
# one replica is the measure of all.
RUNS = {
    1: [
        ("momentum", {}),
        ("adam", {}),
        ("scaled", {}),
        ("clipped", {}),
        ("momentum", IN_PARTS),
        ("momentum", IN_FIVES),
        ("momentum", COMPILED),
    ],
    2: [("momentum", {}), ("momentum", IN_PARTS), ("adam", IN_PARTS)],
    4: [
        ("momentum", {}),
        ("momentum", TOGETHER),
        ("clipped", WITHOUT_XLA),
        ("scaled", WITHOUT_XLA),
    ],
}
# XLA compiles for each replica.
SLOW_RUNS = {
    1: [("momentum", TOGETHER), ("adam", TOGETHER)],
    2: [("momentum", TOGETHER), ("clipped", {}), ("scaled", COMPILED)],
    4: [("adam", TOGETHER), ("clipped", TOGETHER), ("scaled", TOGETHER)],
}


def batches():
    """Of 12 rows, half of 30 real tokens, half of one, by turns."""
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
    options.autotune.enabled = False  # Else its end may take minutes.
    return data.apply(
        tf.data.experimental.assert_cardinality(STEPS)
    ).with_options(options)


def train(strategy, optimizer, settings):
    """The weights and all numbers that `fit`, `evaluate`, `predict` give."""
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


def run_all(runs, folder):
    """Results by replicas and place among the runs."""
    module = ".".join(
        pathlib.Path(__file__).relative_to(ROOT).with_suffix("").parts
    )
    results = {}
    for replicas, wanted in runs.items():
        subprocess.run(
            [
                sys.executable,
                "-m",
                module,
                str(replicas),
                str(folder),
                json.dumps(wanted),
            ],
            cwd=ROOT,
            check=True,
            timeout=900,
        )
        for i in range(len(wanted)):
            with np.load(folder / f"{replicas}_{i}.npz") as file:
                results[replicas, i] = dict(file)
    return results


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return run_all(RUNS, tmp_path_factory.mktemp("replicas"))


@pytest.fixture(scope="module")
def trained_slowly(tmp_path_factory):
    return run_all(SLOW_RUNS, tmp_path_factory.mktemp("slow_replicas"))


def every(runs):
    return [
        pytest.param(
            replicas, i, id=f"{replicas}-{optimizer}-{'-'.join(settings)}"
        )
        for replicas, wanted in runs.items()
        for i, (optimizer, settings) in enumerate(wanted)
    ]


def measure_of(trained, optimizer):
    first = [name for name, _ in RUNS[1]].index(optimizer)
    return trained[1, first]


def assert_same(found, expected):
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert np.isfinite(value).all(), name
        # Relative to the largest of a tensor; where all is zero in exact
        # arithmetic, to the step that the rounding of a gradient makes.
        np.testing.assert_allclose(
            found[name],
            value,
            rtol=0,
            atol=1e-5 * max(np.abs(value).max(), 1e-2),
            err_msg=name,
        )


@pytest.mark.parametrize("replicas, i", every(RUNS))
def test_is_as_on_one_replica(trained, replicas, i):
    expected = measure_of(trained, RUNS[replicas][i][0])
    assert_same(trained[replicas, i], expected)


@pytest.mark.slow
@pytest.mark.parametrize("replicas, i", every(SLOW_RUNS))
def test_more_is_as_on_one_replica(trained, trained_slowly, replicas, i):
    expected = measure_of(trained, SLOW_RUNS[replicas][i][0])
    assert_same(trained_slowly[replicas, i], expected)


def test_steps_in_a_call_change_no_bit(trained):
    one, five = trained[1, 0], trained[1, RUNS[1].index(("momentum", IN_FIVES))]
    for name, value in one.items():
        np.testing.assert_array_equal(five[name], value, err_msg=name)


@pytest.mark.parametrize("optimizer", ["clipped", "scaled"])
def test_optimizers_do_something(trained, optimizer):
    # Else they could not differ between replicas.
    found = measure_of(trained, optimizer)
    name = next(name for name in found if name.startswith("0: "))
    assert np.abs(found[name] - trained[1, 0][name]).max() > 1e-2


def main(replicas, folder, runs):
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * replicas,
    )
    strategy = tf.distribute.get_strategy()
    if replicas > 1:
        devices = [f"CPU:{i}" for i in range(replicas)]
        strategy = tf.distribute.MirroredStrategy(devices)
    for i, (optimizer, settings) in enumerate(runs):
        results = train(strategy, optimizer, settings)
        np.savez(pathlib.Path(folder) / f"{replicas}_{i}.npz", **results)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
