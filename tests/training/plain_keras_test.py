"""A Transformer counts losses, masks and weights as a plain `keras.Model`.

Both models have the same layers and weights. They make one step of SGD with a
learning rate of 1, so the change of the weights is the gradient.

B batch   T target length   V vocabulary_size
"""

import functools
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import keras_transformer as kt
from keras_transformer.layers import masks
from tests import costs

pytestmark = pytest.mark.seconds

VOCABULARY, DIM, ROWS, LENGTH = 31, 6, 5, 7
IGNORED = -100


@keras.saving.register_keras_serializable("plain_keras_test")
class Penalized(keras.layers.Layer):
    """A user's feed-forward network, made of Keras layers."""

    def __init__(self, model_dim, feed_forward_dim, settings, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.given = {
            "model_dim": model_dim,
            "feed_forward_dim": feed_forward_dim,
            "settings": settings,
        }
        self.expand = keras.layers.Dense(feed_forward_dim, "relu", **settings)
        self.contract = keras.layers.Dense(model_dim)

    def build(self, inputs_shape=None):
        self.expand.build((None, None, self.given["model_dim"]))
        self.contract.build((None, None, self.given["feed_forward_dim"]))
        self.built = True

    def call(self, inputs):
        return self.contract(self.expand(inputs))

    def get_config(self):
        return {**super().get_config(), **self.given}


@keras.saving.register_keras_serializable("plain_keras_test")
class Adding(Penalized):
    """A feed-forward network that calls `add_loss`."""

    def call(self, inputs):
        outputs = super().call(inputs)
        self.add_loss(0.3 * ops.mean(ops.square(outputs)))
        self.add_loss(0.7 * ops.max(self.contract.kernel))
        return outputs


class Plain(keras.Model):
    """The Transformer as a plain Keras model."""

    def __init__(self, parts, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder, self.embedding = parts

    def call(self, inputs, training=None):
        source_ids, target_ids = (
            inputs["source_ids"],
            inputs["target_input_ids"],
        )
        source_mask = masks.padding_mask(source_ids, 0)
        memory = self.encoder(
            self.embedding(source_ids), mask=source_mask, training=training
        )
        outputs = self.decoder(
            self.embedding(target_ids),
            memory,
            inputs_mask=masks.padding_mask(target_ids, 0),
            memory_mask=source_mask,
            training=training,
        )
        return self.embedding.logits(outputs)


class OddOnly:
    """A mixin that masks logits: only those of odd input tokens count."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs, previous_mask=None):
        return inputs["target_input_ids"] % 2 > 0


class PlainOddOnly(OddOnly, Plain):
    pass


class TransformerOddOnly(OddOnly, kt.Transformer):
    pass


def feed_forward(**settings):
    return kt.layers.FeedForward(DIM, 11, **settings)


def make(part=None, classes=(Plain, kt.Transformer), **settings):
    """Returns a model of each class, by default the plain one and ours.

    All have the same weights.
    """
    models = []
    for kind in classes:
        keras.utils.set_random_seed(0)
        kinds = (kt.layers.MultiHeadAttention(DIM, 2), part or feed_forward())
        parts = (
            kt.layers.Encoder(1, *kinds, dropout=0.0),
            kt.layers.Decoder(1, *kinds, dropout=0.0),
            kt.layers.TokenEmbedding(VOCABULARY, DIM),
        )
        model = kind(parts) if issubclass(kind, Plain) else kind(*parts)
        model(batch()[0])
        # Eager, since tracing a graph would take most of the time.
        given = {"loss": crossentropy(), "run_eagerly": True, **settings}
        model.compile(keras.optimizers.SGD(1.0), **given)
        models.append(model)
    for model in models[1:]:
        model.set_weights(models[0].get_weights())
    return models


def make_ours(part=None, **settings):
    (model,) = make(part, (kt.Transformer,), **settings)
    return model


def crossentropy(**settings):
    return keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, **settings
    )


def batch():
    generator = np.random.default_rng(1)

    def ids(length):
        return generator.integers(3, VOCABULARY, (ROWS, length)).astype("int32")

    x = {"source_ids": ids(4), "target_input_ids": ids(LENGTH)}
    return x, ids(LENGTH)


def step(model, x, y, weights=None):
    """Makes one step; returns its logs and the gradients."""
    before = model.get_weights()
    logs = model.train_on_batch(x, y, sample_weight=weights, return_dict=True)
    after = model.get_weights()
    return logs, [one - other for one, other in zip(before, after, strict=True)]


def assert_same_step(models, *data, ours=None):
    """Checks that both make the same step; `ours` is the data of our model."""
    expected = step(models[0], *data)
    found = step(models[1], *(data if ours is None else ours))
    assert expected[0].keys() == found[0].keys()
    for name, value in expected[0].items():
        np.testing.assert_allclose(found[0][name], value, rtol=1e-6)
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)
    assert any(np.abs(gradient).max() > 1e-3 for gradient in found[1])
    return found


REGULARIZERS = {
    "l1": keras.regularizers.L1(0.03),
    "l2": keras.regularizers.L2(0.7),
    "l1l2": keras.regularizers.L1L2(0.03, 0.7),
    "orthogonal": keras.regularizers.OrthogonalRegularizer(0.3),
}


@functools.cache
def of_penalized():
    """Returns the logs and gradients of `Penalized` without penalties."""
    return step(make_ours(Penalized(DIM, 11, {})), *batch())


# The orthogonal regularizer needs a matrix, so only the kernel has it.
@pytest.mark.parametrize(
    ("of", "name"),
    costs.grid_of_several(
        [
            ("kernel", "orthogonal"),
            *itertools.product(
                ("kernel", "bias", "activity"), ("l1", "l2", "l1l2")
            ),
        ],
        keep=[
            ("kernel", "orthogonal"), ("activity", "l1l2")
        ],
    ),
)  # fmt: skip
def test_regularizers(of, name):
    settings = {f"{of}_regularizer": REGULARIZERS[name]}
    models = make(Penalized(DIM, 11, settings))
    logs, gradients = assert_same_step(models, *batch())
    without, others = of_penalized()
    assert logs["loss"] > without["loss"] + 1e-3 or of == "bias"
    if of != "bias":  # The bias is zero at first, and so is its penalty.
        assert max(map(difference, gradients, others)) > 1e-3


def difference(one, other):
    return np.abs(one - other).max()


def test_a_bias_that_is_not_zero():
    settings = {
        "bias_initializer": "ones",
        "bias_regularizer": keras.regularizers.L2(0.7),
    }
    models = make(Penalized(DIM, 11, settings))
    logs, _ = assert_same_step(models, *batch())
    assert logs["loss"] > 2 * 11 * 0.7


def test_the_activity_of_one_of_our_layers():
    part = feed_forward(activity_regularizer=keras.regularizers.L2(0.7))
    logs, _ = assert_same_step(make(part), *batch())
    without, _ = step(make_ours(), *batch())
    assert logs["loss"] > without["loss"] + 1e-3


def test_add_loss():
    logs, _ = assert_same_step(make(Adding(DIM, 11, {})), *batch())
    without, _ = of_penalized()
    assert logs["loss"] > without["loss"] + 1e-3


def test_add_loss_alone():
    models = make(Adding(DIM, 11, {}), loss=None)
    # No loss depends on the last norm, so it has no gradient.
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        assert_same_step(models, batch()[0], None)
    expected, found = (
        model.test_on_batch(batch()[0], return_dict=True) for model in models
    )
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-6)


@pytest.mark.parametrize(
    "given", costs.grid([0.3, [0.3], {"output": 0.3}], keep=[{"output": 0.3}])
)
def test_loss_weights(given):
    part = Adding(DIM, 11, {})
    (plain,) = make(part, (Plain,), loss_weights=0.3)
    ours = make_ours(part, loss_weights=given)
    ours.set_weights(plain.get_weights())
    logs, _ = assert_same_step((plain, ours), *batch())
    unweighted, _ = step(make_ours(part), *batch())
    assert abs(logs["loss"] - unweighted["loss"]) > 1


ROW_WEIGHTS = np.array([0.25, 0, 3, 1, 0.5], "float32")
TOKEN_WEIGHTS = np.outer(ROW_WEIGHTS, np.arange(LENGTH) % 3).astype("float32")
COMPILED = {"run_eagerly": False, "jit_compile": True}


# The loss is divided by the sum of the weights, also if the sum is small.
@pytest.mark.parametrize(
    ("given", "scale"),
    [
        (ROW_WEIGHTS, 1),
        (TOKEN_WEIGHTS, 1e-3),
        *(
            pytest.param(*case, marks=pytest.mark.grid)
            for case in (
                (ROW_WEIGHTS[:, None], 1),
                (TOKEN_WEIGHTS, 1),
                (ROW_WEIGHTS, 1e-3),
                (ROW_WEIGHTS[:, None], 1e-3),
            )
        ),
    ],
)
def test_weights(given, scale):
    settings = {
        "loss": crossentropy(reduction="mean_with_sample_weight"),
        "weighted_metrics": ["accuracy"],
        "metrics": [keras.metrics.SparseTopKCategoricalAccuracy(7)],
    }
    given = scale * given
    by_token = np.broadcast_to(given.reshape(ROWS, -1), (ROWS, LENGTH))
    models = make(**settings)
    ours = (*batch(), given)
    assert_same_step(models, *batch(), by_token, ours=ours)


def one_hot_loss(labels, logits):
    targets = ops.one_hot(ops.cast(labels, "int32"), VOCABULARY)
    distances = ops.square(ops.cast(targets, logits.dtype) - logits)
    return ops.mean(distances, axis=-1)


class OneHotLoss(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return one_hot_loss(y_true, y_pred)


class OneHotMetric(keras.metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(one_hot_loss(y_true, y_pred), sample_weight)


@pytest.mark.parametrize(
    "loss",
    [
        OneHotLoss(dtype="float64"),
        pytest.param(one_hot_loss, marks=pytest.mark.grid),
        pytest.param(OneHotLoss(), marks=pytest.mark.grid),
        pytest.param(OneHotLoss(reduction="mean"), marks=pytest.mark.grid),
    ],
)
def test_a_loss_and_metrics_that_know_the_vocabulary(loss):
    models = make(
        loss=loss,
        metrics=[one_hot_loss, OneHotMetric(name="own")],
        weighted_metrics=[one_hot_loss],
    )
    logs, _ = assert_same_step(models, *batch(), np.ones((ROWS, LENGTH)))
    assert len(logs) == 4


@pytest.mark.parametrize(
    "loss", costs.grid(["sparse_categorical_crossentropy", "ce"], keep=["ce"])
)
def test_a_loss_by_name(loss):
    class Probabilities:
        def call(self, inputs, training=None):
            return ops.softmax(super().call(inputs, training=training))

    kinds = [
        type(f"{kind.__name__}Probabilities", (Probabilities, kind), {})
        for kind in (Plain, kt.Transformer)
    ]
    assert_same_step(make(classes=kinds, loss=loss), *batch())


def ignoring():
    """Returns a batch in which about a third of the labels are ignored."""
    x, y = batch()
    return x, np.where(y % 3 > 0, y, IGNORED)


@pytest.mark.parametrize("weights", [None, TOKEN_WEIGHTS])
def test_ignored_labels(weights):
    x, y = ignoring()
    reduction = "sum_over_batch_size"
    if weights is not None:
        reduction = "mean_with_sample_weight"
    models = make(loss=crossentropy(ignore_class=IGNORED, reduction=reduction))
    assert_same_step(models, x, y, weights)


@pytest.mark.parametrize(
    "metrics",
    costs.grid(["metrics", "weighted_metrics"], keep=["weighted_metrics"]),
)
def test_ignored_labels_count_nowhere(metrics):
    (x, y), (_, labels) = ignoring(), batch()
    kept = (y != IGNORED).astype("float32")
    found, expected = (
        make_ours(
            loss=crossentropy(ignore_class=ignored),
            **{name: [one_hot_loss]},
        )
        for ignored, name in ((IGNORED, metrics), (None, "weighted_metrics"))
    )
    for method in ("test_on_batch", "evaluate", "train_on_batch"):
        settings = {"return_dict": True}
        one = getattr(found, method)(x, y, **settings)
        other = getattr(expected, method)(
            x, labels, sample_weight=kept, **settings
        )
        np.testing.assert_allclose(one["loss"], other["loss"], rtol=1e-6)
        name = "one_hot_loss"
        np.testing.assert_allclose(one[name], other[name], rtol=1e-6)
        assert one[name] > 0.1


@pytest.mark.parametrize(
    ("weights", "settings"),
    [
        (None, {}),
        (TOKEN_WEIGHTS, {}),
        # `test_all_of_it_however_it_runs` compiles masks and weights too.
        pytest.param(TOKEN_WEIGHTS, COMPILED, marks=pytest.mark.grid),
        pytest.param(None, COMPILED, marks=pytest.mark.grid),
    ],
)
def test_a_mask_of_the_model(weights, settings):
    reduction = "sum_over_batch_size"
    if weights is not None:
        reduction = "mean_with_sample_weight"
    models = make(
        classes=(PlainOddOnly, TransformerOddOnly),
        loss=crossentropy(reduction=reduction),
        metrics=["accuracy"],
        weighted_metrics=[one_hot_loss],
        **settings,
    )
    x, y = batch()
    logs, _ = assert_same_step(models, x, y, weights)
    unmasked, _ = step(make_ours(), x, y, weights)
    assert abs(logs["loss"] - unmasked["loss"]) > 1e-3


def test_a_mask_and_ignored_labels():
    models = make(
        classes=(PlainOddOnly, TransformerOddOnly),
        loss=crossentropy(ignore_class=IGNORED),
    )
    x, y = ignoring()
    assert_same_step(models, x, y)
    kept = (y != IGNORED) & (x["target_input_ids"] % 2 > 0)
    unmasked = make_ours()
    unmasked.set_weights(models[1].get_weights())
    found = models[1].evaluate(x, y, verbose=0)
    expected = unmasked.evaluate(
        x, batch()[1], sample_weight=kept.astype("float32"), verbose=0
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found > 1


@pytest.mark.grid
@pytest.mark.parametrize(
    "settings",
    costs.grid([{"run_eagerly": False}, COMPILED], keep=[COMPILED]),
)
def test_all_of_it_however_it_runs(settings):
    given = {
        "loss": crossentropy(
            ignore_class=IGNORED, reduction="mean_with_sample_weight"
        ),
        "loss_weights": 0.3,
        "weighted_metrics": [one_hot_loss],
        "classes": (PlainOddOnly, TransformerOddOnly),
    }
    part = Adding(DIM, 11, {"kernel_regularizer": keras.regularizers.L2(0.7)})
    plain, _ = make(part, **given)
    _, ours = make(part, **given, **settings)
    ours.set_weights(plain.get_weights())
    x, y = ignoring()
    kept = (y != IGNORED) & (x["target_input_ids"] % 2 > 0)
    # Keras's metrics leave these tokens out only if their weights are 0.
    weights = TOKEN_WEIGHTS * kept
    assert_same_step((plain, ours), x, y, weights)


def test_an_epoch_of_several_batches():
    x, y = batch()
    ones = np.ones((ROWS, LENGTH), "float32")
    part = Adding(DIM, 11, {"kernel_regularizer": keras.regularizers.L2(0.01)})
    logs = []
    for model in make(part, weighted_metrics=["accuracy"]):
        data = tf.data.Dataset.from_tensors((x, y, ones)).repeat(3)
        model.optimizer.learning_rate = 0.1
        logs.append(model.fit(data, verbose=0, shuffle=False).history)
    assert logs[0].keys() == logs[1].keys() == {"accuracy", "loss"}
    for name, (value,) in logs[0].items():
        np.testing.assert_allclose(logs[1][name], value, rtol=1e-6)
