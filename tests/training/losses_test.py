"""The loss: its definition, its gradient, and extreme logits.

B batch   T target length   V vocabulary_size
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import models
from keras_transformer.training import losses
from tests.assertions import assert_all_close, assert_all_equal

SMOOTHINGS = (0.0, 0.1, 0.73)
BATCH, LENGTH, VOCABULARY = 3, 5, 11


def draw(scale=3.0, seed=0):
    generator = np.random.default_rng(seed)
    logits = scale * generator.normal(size=(BATCH, LENGTH, VOCABULARY))
    labels = generator.integers(VOCABULARY, size=(BATCH, LENGTH))
    return labels, logits.astype("float32")


def smoothed_targets(labels, smoothing, over="all"):
    """Returns the smoothed distribution; over all it is Szegedy et al.'s."""
    number = VOCABULARY if over == "all" else VOCABULARY - 1
    targets = np.full((*labels.shape, VOCABULARY), smoothing / number)
    for position, label in np.ndenumerate(labels):
        if over == "others":
            targets[position][label] = 0
        targets[position][label] += 1 - smoothing
    return targets


def softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True), dtype="float64")
    return powers / powers.sum(-1, keepdims=True)


class TestCrossEntropy:
    @pytest.mark.parametrize("smoothing", SMOOTHINGS)
    @pytest.mark.parametrize("over", ("all", "others"))
    def test_is_the_cross_entropy_of_the_smoothed_distribution(
        self, smoothing, over
    ):
        labels, logits = draw()
        targets = smoothed_targets(labels, smoothing, over)
        assert_all_close(targets.sum(-1), np.ones((BATCH, LENGTH)))
        expected = -(targets * np.log(softmax(logits))).sum(-1)
        found = losses.cross_entropy(labels, logits, smoothing, over)
        assert found.shape == (BATCH, LENGTH)
        assert_all_close(found, expected, rtol=1e-5, atol=1e-5)

    def test_closed_form(self):
        # Probabilities 1/5, 1/5, 3/5.
        logits = [[[0.0, 0.0, np.log(3.0)]] * 2]
        found = losses.cross_entropy([[2, 0]], logits)
        assert_all_close(found, [[np.log(5 / 3), np.log(5)]])

    @pytest.mark.parametrize("smoothing", SMOOTHINGS)
    def test_equals_keras_on_one_hot_labels(self, smoothing):
        labels, logits = draw(seed=1)
        expected = keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=smoothing, reduction="none"
        )(tf.one_hot(labels, VOCABULARY), logits)
        found = losses.cross_entropy(labels, logits, smoothing)
        assert_all_close(found, expected, rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("smoothing", SMOOTHINGS)
    @pytest.mark.parametrize("over", ("all", "others"))
    def test_gradient_is_softmax_minus_target(self, smoothing, over):
        labels, logits = draw()
        with tf.GradientTape() as tape:
            variable = tf.constant(logits)
            tape.watch(variable)
            total = tf.reduce_sum(
                losses.cross_entropy(labels, variable, smoothing, over)
            )
        assert_all_close(
            tape.gradient(total, variable),
            softmax(logits) - smoothed_targets(labels, smoothing, over),
            atol=1e-6,
        )

    @pytest.mark.parametrize("over", ["all", "others"])
    def test_gradient_by_finite_differences(self, over):
        # Differences of the slow definition, in float64.
        labels, logits = draw(scale=1.0)
        labels, logits = labels[:1], logits[:1]
        targets = smoothed_targets(labels, 0.1, over)

        def slow(z):
            return -(targets * np.log(softmax(z.astype("float64")))).sum()

        with tf.GradientTape() as tape:
            variable = tf.constant(logits)
            tape.watch(variable)
            total = tf.reduce_sum(
                losses.cross_entropy(labels, variable, 0.1, over)
            )
        gradient = tape.gradient(total, variable)
        for place in np.ndindex(logits.shape):
            up, down = logits.astype("float64"), logits.astype("float64")
            up[place] += 1e-4
            down[place] -= 1e-4
            assert_all_close(
                gradient[place], (slow(up) - slow(down)) / 2e-4, atol=1e-6
            )

    @pytest.mark.parametrize("large", [1e4, -1e4])
    def test_large_logits(self, large):
        logits = np.zeros((1, 2, VOCABULARY), "float32")
        logits[0, :, 3] = large
        labels = tf.constant([[3, 7]])
        with tf.GradientTape() as tape:
            variable = tf.constant(logits)
            tape.watch(variable)
            found = losses.cross_entropy(labels, variable, 0.1)
        probabilities = softmax(logits)
        targets = smoothed_targets(labels.numpy(), 0.1)
        # Here log softmax is z - max z, less log(V - 1) if `large` < 0.
        log_probabilities = logits - max(large, 0.0)
        expected = -(targets * log_probabilities).sum(-1)
        expected += np.log(VOCABULARY - 1) if large < 0 else 0
        assert_all_close(found, expected, rtol=1e-5)
        assert_all_close(
            tape.gradient(found, variable), probabilities - targets, atol=1e-5
        )

    @pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
    def test_half_precision_logits_are_computed_in_float32(self, dtype):
        labels, logits = draw(scale=7.0)
        half = tf.cast(logits, dtype)
        found = losses.cross_entropy(labels, half, 0.1)
        assert found.dtype == tf.float32
        assert_all_equal(
            found, losses.cross_entropy(labels, tf.cast(half, "float32"), 0.1)
        )

    def test_a_token_of_one_row_changes_no_other(self):
        labels, logits = draw()
        before = losses.cross_entropy(labels, logits, 0.1).numpy()
        logits[1, 2] += np.arange(VOCABULARY)
        changed = losses.cross_entropy(labels, logits, 0.1).numpy() != before
        assert_all_equal(np.argwhere(changed), [[1, 2]])


class TestSmoothedCrossEntropy:
    def test_smooths_by_a_tenth_unless_told(self):
        labels, logits = draw()
        for loss, smoothing in (
            (losses.SmoothedCrossEntropy(), 0.1),
            (losses.SmoothedCrossEntropy(label_smoothing=0.3), 0.3),
        ):
            assert_all_equal(
                loss.call(labels, logits),
                losses.cross_entropy(labels, logits, smoothing),
            )

    def test_is_a_keras_loss(self):
        labels, logits = draw()
        weights = np.array([[1, 1, 0, 0, 0], [0] * 5, [1] * 5], "float32")
        found = losses.SmoothedCrossEntropy(0.1, reduction="sum")(
            labels, logits, sample_weight=weights
        )
        expected = losses.cross_entropy(labels, logits, 0.1) * weights
        assert_all_close(found, tf.reduce_sum(expected))

    @pytest.mark.parametrize("over", losses.SMOOTHING_OVER)
    def test_compiled_for_a_large_vocabulary_it_has_the_same_gradient(
        self, over
    ):
        generator = np.random.default_rng(7)
        logits = tf.constant(generator.normal(size=(3, 5, 521)), "float32")
        labels = generator.integers(521, size=(3, 5))
        smoothed = losses.SmoothedCrossEntropy(0.1, over)

        def loss_and_gradient(logits):
            with tf.GradientTape() as tape:
                tape.watch(logits)
                values = smoothed.call(labels, logits)
                total = tf.reduce_sum(values**2)
            return values, tape.gradient(total, logits)

        in_graph = tf.function(loss_and_gradient)
        graph = in_graph.get_concrete_function(logits).graph
        names = [set(o.node_def.attr) for o in graph.get_operations()]
        assert any("_XlaMustCompile" in each for each in names)
        for one, other in zip(
            in_graph(logits), loss_and_gradient(logits), strict=True
        ):
            assert_all_close(one, other, rtol=1e-5, atol=1e-6)

    def test_config_round_trip(self):
        loss = losses.SmoothedCrossEntropy(
            0.37, "others", name="other", reduction="sum"
        )
        copy = keras.losses.deserialize(keras.losses.serialize(loss))
        assert isinstance(copy, losses.SmoothedCrossEntropy)
        assert copy.get_config() == loss.get_config()
        labels, logits = draw()
        assert_all_equal(copy(labels, logits), loss(labels, logits))

    @pytest.mark.parametrize("smoothing", [1.0, -0.1, 3])
    def test_smoothing_out_of_range(self, smoothing):
        with pytest.raises(
            ValueError, match=rf"in \[0, 1\). Received: {smoothing}"
        ):
            losses.SmoothedCrossEntropy(smoothing)

    def test_unknown_place_of_the_smoothing(self):
        message = "Unknown `smoothing_over`.*'label'.*'all', 'others'"
        with pytest.raises(ValueError, match=message):
            losses.SmoothedCrossEntropy(smoothing_over="label")
        with pytest.raises(ValueError, match=message):
            losses.cross_entropy(*draw(), smoothing_over="label")


@pytest.mark.grid
@pytest.mark.seconds
@pytest.mark.xla
def test_compiled_on_two_replicas_in_parts_it_is_the_same_step(two_replicas):
    generator = np.random.default_rng(0)
    ids = generator.integers(3, 521, (8, 11), "int32")
    weights = (generator.random((8, 11)) > 0.3).astype("float32")
    # One replica has far fewer tokens.
    weights[:4] = 0
    weights[:4, 0] = 1
    inputs = {"source_ids": ids, "target_input_ids": ids}

    def weights_after_a_step(strategy, micro_batches):
        keras.utils.set_random_seed(3)
        with strategy.scope():
            model = models.build_transformer(
                models.TransformerConfig(521, 1, 1, 16, 2, 32, dropout=0.0)
            )
            model.compile(
                keras.optimizers.SGD(1.0),
                losses.SmoothedCrossEntropy(0.1),
                gradient_accumulation_steps=micro_batches,
            )
        batch = tf.data.Dataset.from_tensors((inputs, ids, weights))
        model.fit(batch, verbose=0, shuffle=False)
        return [weight.numpy() for weight in model.trainable_weights]

    alone = weights_after_a_step(tf.distribute.get_strategy(), 1)
    shared = weights_after_a_step(two_replicas, 2)
    for one, other in zip(alone, shared, strict=True):
        assert_all_close(one, other, rtol=0, atol=1e-6)
