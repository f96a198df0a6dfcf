"""Each part of a loss counts once, however many shares a batch is split into.

Penalties, masks, ignored labels, weights of rows and `loss_weights` act at the
same time. Runs on one and two replicas, in one and several micro-batches, must
have the same weights and metrics. Replicas have very different numbers of
tokens, and the rows of the last batch cannot be split evenly.

B batch   T target length   V vocabulary_size
"""

import contextlib
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_transformer.training import distributed_model

pytestmark = pytest.mark.seconds

VOCABULARY, LENGTH, DIM, IGNORED = 13, 5, 7, -100
ROWS = (12, 12, 12, 7)
# Before Keras 3.14 an activity penalty is a sum over rows, so it depends on the
# shares (see docs/distribution.md).
MEANS = tuple(map(int, keras.__version__.split(".")[:2])) >= (3, 14)
ACTIVITY = keras.regularizers.L2(0.01) if MEANS else None
# Settings of the runs. The first run is the reference; two replicas are the
# default.
RUNS = [
    {"replicas": 1},
    {"replicas": 1, "gradient_accumulation_steps": 3},
    {},
    {"gradient_accumulation_steps": 2},
    {"gradient_accumulation_steps": 3, "steps_per_execution": 3},
    {"gradient_accumulation_steps": 2, "jit_compile": True},
    {"gradient_accumulation_steps": 3, "scale": 2.0**10},
    {"gradient_accumulation_steps": 2, "run_eagerly": True},
]
# The index of the run outside the grid. It has several steps in a call.
FEW = (4,)


class Penalizing(keras.layers.Layer):
    """Adds a penalty that is a mean over rows, and counts the rows."""

    def __init__(self):
        super().__init__()
        self.supports_masking = True
        self.seen = keras.metrics.Sum(name="seen")

    def call(self, inputs):
        self.add_loss(0.3 * ops.mean(ops.max(ops.abs(inputs), axis=(1, 2))))
        self.seen.update_state(ops.ones_like(inputs[:, 0, 0]))
        return inputs


class Model(distributed_model.DistributedModel):
    """A model with many penalties; it predicts a token from the one before."""

    def __init__(self):
        super().__init__()
        regularizers = keras.regularizers
        self.embedding = keras.layers.Embedding(
            VOCABULARY,
            DIM,
            embeddings_regularizer=regularizers.L1L2(0.01, 0.02),
            mask_zero=True,
        )
        self.penalizing = Penalizing()
        self.logits = keras.layers.Dense(
            VOCABULARY,
            kernel_regularizer=regularizers.OrthogonalRegularizer(0.03),
            bias_regularizer="l2",
            activity_regularizer=ACTIVITY,
        )
        self.embedding.build((None, None))
        self.logits.build((None, None, DIM))
        self.built = True
        start = np.random.default_rng(0)
        for variable in self.trainable_variables:
            variable.assign(start.normal(0, 0.5, variable.shape))

    def call(self, inputs, training=None):
        vectors = self.embedding(inputs)
        self.penalizing(vectors)
        return self.logits(vectors)


def batches():
    """Yields batches; half of the rows have few labels that are not ignored."""
    for i, rows in enumerate(ROWS):
        generator = np.random.default_rng(i)
        ids, labels = generator.integers(
            1, VOCABULARY, (2, rows, LENGTH), dtype="int32"
        )
        few = (np.arange(rows) < rows // 2)[:: (-1) ** i, None]
        late = np.arange(LENGTH) > i % 2
        labels = np.where(few & late, IGNORED, labels)
        # The mask leaves out id 0, at random positions.
        ids = np.where(generator.random(ids.shape) < 0.2, 0, ids)
        yield ids, labels, generator.integers(0, 4, rows).astype("float32")


def dataset():
    ids = tf.TensorSpec((None, LENGTH), tf.int32)
    data = tf.data.Dataset.from_generator(
        batches, output_signature=(ids, ids, tf.TensorSpec(None, tf.float32))
    )
    return data.apply(tf.data.experimental.assert_cardinality(len(ROWS)))


def train(strategy, scale=None, **settings):
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = Model()
        optimizer = keras.optimizers.SGD(0.5, momentum=0.5)
        if scale:
            optimizer = keras.optimizers.LossScaleOptimizer(
                optimizer, initial_scale=scale
            )
        model.compile(
            optimizer,
            keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, ignore_class=IGNORED
            ),
            loss_weights=0.7,
            metrics=["accuracy"],
            weighted_metrics=[keras.metrics.SparseTopKCategoricalAccuracy(3)],
            **settings,
        )
    history = model.fit(
        dataset(), validation_data=dataset(), shuffle=False, verbose=0
    ).history
    results = {name: values[-1] for name, values in history.items()}
    for i, variable in enumerate(model.trainable_variables):
        results[f"{i}: {variable.path.split('/')[-1]}"] = variable.numpy()
    return results


@pytest.fixture(scope="module")
def trained(two_replicas):
    """Returns a function that trains the run at an index of `RUNS`."""

    @functools.cache
    def results(i):
        settings = dict(RUNS[i])
        replicas = settings.pop("replicas", 2)
        return train(two_replicas if replicas == 2 else None, **settings)

    return results


def every():
    for i, settings in enumerate(RUNS[1:], 1):
        marks = [pytest.mark.xla] if settings.get("jit_compile") else []
        if i not in FEW:
            marks.append(pytest.mark.grid)
        yield pytest.param(i, id=str(settings), marks=marks)


@pytest.mark.parametrize("i", every())
def test_is_as_in_one(trained, i):
    assert trained(i).keys() == trained(0).keys()
    for name, value in trained(0).items():
        assert np.abs(value).max() > 1e-3, name
        np.testing.assert_allclose(
            trained(i)[name],
            value,
            rtol=0,
            atol=1e-5 * np.abs(value).max(),
            err_msg=name,
        )


def test_what_a_layer_counts_is_counted_once(trained):
    assert trained(0)["seen"] == sum(ROWS)
