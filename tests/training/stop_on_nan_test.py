"""A loss that is NaN or infinite stops a run."""

import math

import keras
import pytest
import tensorflow as tf

from keras_transformer.training import checkpoints, stop_on_nan
from tests.assertions import assert_all_close
from tests.training.small_model import fit, make

pytestmark = pytest.mark.seconds


class BrokenAt(keras.optimizers.schedules.LearningRateSchedule):
    """A small learning rate, and a huge rate at one step."""

    def __init__(self, step):
        self.step = step

    def __call__(self, step):
        return tf.where(tf.equal(step, self.step), 1e38, 0.01)


class Saves(keras.callbacks.Callback):
    def __init__(self, saved):
        super().__init__()
        self.saved = saved

    def on_train_batch_end(self, batch, logs=None):
        self.saved.save()


class TestStopOnNaN:
    def test_says_when_it_happened(self):
        # The fourth step, counted from 1, makes bad weights. The loss of the
        # fifth step is the first to show them.
        model = make(keras.optimizers.SGD(BrokenAt(3)))
        with pytest.raises(
            FloatingPointError,
            match="became (nan|inf) at step 5.*learning rate",
        ):
            fit(model, stop_on_nan.StopOnNaN(), steps=20)
        assert model.optimizer.iterations.numpy() == 5

    def test_an_absurd_learning_rate(self):
        model = make(keras.optimizers.SGD(1e30))
        with pytest.raises(FloatingPointError):
            fit(model, stop_on_nan.StopOnNaN(), steps=20)

    def test_the_checkpoint_before_it_stays(self, tmp_path):
        directory = str(tmp_path)
        model = make(keras.optimizers.SGD(0.01))
        saved = checkpoints.TrainingCheckpoints(directory, model, max_to_keep=2)
        fit(model, stop_on_nan.StopOnNaN(), Saves(saved), steps=3)
        good = model.get_weights()
        model.optimizer.learning_rate = 1e38
        # The bad weights are saved once, before any loss can show them.
        with pytest.raises(FloatingPointError, match="at step 5"):
            fit(model, stop_on_nan.StopOnNaN(), Saves(saved), steps=20)

        fresh = make(keras.optimizers.SGD(0.01))
        found = checkpoints.TrainingCheckpoints(directory, fresh, max_to_keep=2)
        assert found.restore()
        assert found.step == 4
        reader = tf.train.load_checkpoint(f"{directory}/ckpt-3")
        stored = [
            reader.get_tensor(f"model/{i}/.ATTRIBUTES/VARIABLE_VALUE")
            for i in range(len(good))
        ]
        assert_all_close(stored, good)

    @pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
    def test_any_loss_that_is_no_number(self, loss):
        callback = stop_on_nan.StopOnNaN()
        callback.set_model(make())
        callback.on_train_batch_end(0, {"loss": 1e30})
        with pytest.raises(FloatingPointError, match=f"became {loss}"):
            callback.on_train_batch_end(1, {"loss": loss})

    def test_leaves_a_good_run_alone(self):
        history = fit(make(), stop_on_nan.StopOnNaN(), epochs=2).history
        assert len(history["loss"]) == 2
