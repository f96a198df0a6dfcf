"""What a replica adds to a step is its share of the batch, and no more.

B batch   T target length   V vocabulary_size
"""

import keras
import pytest
import tensorflow as tf

from keras_transformer.training import losses
from tests.assertions import assert_all_close, assert_all_equal
from tests.training.speller import (
    RATE,
    SMOOTHING,
    Cases,
    Speller,
    dataset,
    draw,
    fit,
    make,
    token_losses,
    train_by_hand,
)

pytestmark = pytest.mark.seconds


class TestReplicaSteps(Cases):
    @pytest.mark.parametrize("jit_compile", [False, True])
    def test_a_batch_without_tokens_changes_nothing(self, jit_compile):
        model = make(jit_compile=jit_compile)
        before = model.get_weights()
        logs = fit(model, draw([[0, 0, 0, 0]]))
        assert_all_equal(logs["loss"], 0.0)
        for one, other in zip(model.get_weights(), before, strict=True):
            assert_all_equal(one, other)
        # An empty batch does not change the mean of an epoch.
        batches = draw([[5, 2, 1, 0], [0, 0, 0, 0]])
        logs = model.evaluate(dataset(batches), verbose=0, return_dict=True)
        expected = token_losses(model, batches[0])
        assert_all_close(logs["loss"], expected.mean(), rtol=1e-5)

    def test_weights_of_each_batch_are_checked(self):
        # The shapes of a generator's batches are not known in advance.
        ids, labels, weights = draw()[0]
        for wrong in (weights[:1], weights[:, :2], weights[..., None]):
            model = make()

            def generate(wrong=wrong):
                yield ids, labels, wrong

            # The number of rows is known only when the step runs.
            with pytest.raises(
                (ValueError, tf.errors.InvalidArgumentError),
                match="`sample_weight` (and labels have diff|weighs rows)",
            ):
                model.fit(generate(), verbose=0, shuffle=False)

    def test_a_loss_of_its_own_is_that_of_the_whole_batch(self):
        class Squares(Speller):
            def compute_loss(self, x, y, y_pred, sample_weight=None):
                return tf.reduce_mean(y_pred**2) + sum(self.losses)

        class Doubled(Speller):
            def compute_loss(self, *args, training=True, **kwargs):
                return 2 * super().compute_loss(*args, **kwargs)

        ids, labels, weights = batch = draw()[0]
        for kind in (Squares, Doubled):
            model = kind()
            model.compile(
                keras.optimizers.SGD(RATE / 2),
                losses.SmoothedCrossEntropy(SMOOTHING),
            )
            embedding, kernel, bias = model.get_weights()
            squares = ((embedding[ids] @ kernel + bias) ** 2).mean()
            doubled = 2 * token_losses(model, batch, SMOOTHING).mean()
            expected = squares if kind is Squares else doubled
            for method in ("test_on_batch", "train_on_batch"):
                found = getattr(model, method)(
                    ids, labels, sample_weight=weights, return_dict=True
                )
                assert_all_close(found["loss"], expected, rtol=1e-5)
        self.assert_same_weights(model.get_weights(), train_by_hand([batch]))
        model.compile("sgd", "mse", gradient_accumulation_steps=2)
        for method in ("fit", "train_on_batch"):
            with pytest.raises(
                ValueError,
                match=r"Doubled with.*1 replica\(s\) x 2 micro-batch",
            ):
                getattr(model, method)(ids, labels)

    def test_metrics_of_its_own_are_reported_or_refused(self):
        class Adding(Speller):
            name_of_metric = "largest"

            def __init__(self):
                super().__init__()
                self.largest = keras.metrics.Sum(name="largest")

            def compute_metrics(self, x, y, y_pred, sample_weight=None):
                logs = super().compute_metrics(x, y, y_pred, sample_weight)
                self.largest.update_state(tf.reduce_max(y_pred))
                return {**logs, self.name_of_metric: self.largest.result()}

        ids, labels, _ = draw()[0]
        model = Adding()
        model.compile("sgd", losses.SmoothedCrossEntropy())
        largest = model(ids).numpy().max()
        logs = model.test_on_batch(ids, labels, return_dict=True)
        assert_all_close(logs["largest"], largest)
        model.name_of_metric = "other"
        with pytest.raises(ValueError, match="logs of .'other'"):
            model.train_on_batch(ids, labels)

    def test_a_model_of_which_nothing_is_trained(self):
        model = make()
        model.trainable = False
        model.compile("sgd", losses.SmoothedCrossEntropy())
        before = model.get_weights()
        fit(model, draw()[:1])
        self.assert_same_weights(model.get_weights(), before)

    def test_nothing_to_descend_on(self):
        model = Speller()
        model.compile()
        with pytest.raises(ValueError, match="no loss to minimize"):
            model.fit(*draw()[0][:2], verbose=0)

    def test_metrics_of_all_positions_and_weighted_ones(self):
        ids, labels, weights = draw()[0]
        model = make(metrics=["accuracy"], gradient_accumulation_steps=3)
        embedding, kernel, bias = model.get_weights()
        right = (embedding[ids] @ kernel + bias).argmax(-1) == labels
        # Three micro-batches share four rows. Keras names the second of two
        # metrics with one name `weighted_accuracy`.
        logs = fit(model, [(ids, labels, weights)])
        assert_all_close(logs["accuracy"], right.mean())
        assert_all_close(logs["weighted_accuracy"], right[weights > 0].mean())

    @pytest.mark.parametrize("auto_scale_loss", [False, True])
    def test_the_loss_is_scaled_where_it_shall_be(self, auto_scale_loss):
        keras.config.set_dtype_policy("mixed_float16")
        try:
            model = make(auto_scale_loss=auto_scale_loss)
        finally:
            keras.config.set_dtype_policy("float32")
        config = model.get_compile_config()
        for _ in range(2):
            is_scaled = isinstance(
                model.optimizer, keras.optimizers.LossScaleOptimizer
            )
            assert is_scaled == auto_scale_loss
            # Loading a model file compiles the model like this.
            model.compile_from_config(config)
