"""The learning rate of equation 3, by the numbers of the paper's models."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.training import schedules
from tests.assertions import assert_all_close


def rate(schedule, step):
    """The rate of the update counted from 1."""
    return float(schedule(step - 1))


class TestWarmupInverseSqrt:
    def test_base_model(self):
        schedule = schedules.WarmupInverseSqrt(model_dim=512)
        assert_all_close(rate(schedule, 1), 1.747e-7, rtol=3e-4)
        assert_all_close(rate(schedule, 4000), 6.988e-4, rtol=1e-4)
        assert_all_close(rate(schedule, 100000), 1.398e-4, rtol=3e-4)

    def test_big_model(self):
        schedule = schedules.WarmupInverseSqrt(model_dim=1024)
        assert_all_close(rate(schedule, 4000), 4.941e-4, rtol=1e-4)

    @pytest.mark.parametrize(
        ("model_dim", "warmup_steps", "factor"),
        [(512, 4000, 1.0), (131, 17, 0.7), (7, 1, 2.0), (1024, 16000, 2)],
    )
    def test_is_equation_3(self, model_dim, warmup_steps, factor):
        schedule = schedules.WarmupInverseSqrt(model_dim, warmup_steps, factor)
        for step in (1, 2, warmup_steps, warmup_steps + 1, 300007):
            expected = factor * model_dim**-0.5
            expected *= min(step**-0.5, step * warmup_steps**-1.5)
            assert_all_close(rate(schedule, step), expected, rtol=1e-5)

    def test_peak_is_at_the_end_of_the_warmup(self):
        schedule = schedules.WarmupInverseSqrt(model_dim=11, warmup_steps=13)
        rates = [rate(schedule, step) for step in range(1, 41)]
        assert np.argmax(rates) + 1 == 13
        assert np.min(np.diff(rates[:13])) > 0
        assert np.max(np.diff(rates[12:])) < 0

    @pytest.mark.parametrize("dtype", [tf.int64, tf.int32])
    def test_takes_the_integers_of_an_optimizer(self, dtype):
        schedule = schedules.WarmupInverseSqrt(model_dim=512)
        found = tf.function(schedule)(tf.constant(3999, dtype))
        assert found.dtype == tf.float32
        assert_all_close(found, 6.988e-4, rtol=1e-4)

    def test_config_round_trip(self):
        schedule = schedules.WarmupInverseSqrt(131, 17, factor=0.7)
        copy = keras.optimizers.schedules.deserialize(
            keras.optimizers.schedules.serialize(schedule)
        )
        assert isinstance(copy, schedules.WarmupInverseSqrt)
        assert copy.get_config() == schedule.get_config()
        assert float(copy(41)) == float(schedule(41))

    @pytest.mark.parametrize(
        ("name", "value"),
        [("model_dim", 0), ("warmup_steps", 0), ("factor", -1.5)],
    )
    def test_not_positive(self, name, value):
        settings = {"model_dim": 512, name: value}
        with pytest.raises(
            ValueError, match=f"`{name}` must be positive. Received: {value}"
        ):
            schedules.WarmupInverseSqrt(**settings)


class TestPaperAdam:
    def test_numbers_of_section_5_3(self):
        adam = schedules.paper_adam(model_dim=512)
        assert (adam.beta_1, adam.beta_2, adam.epsilon) == (0.9, 0.98, 1e-9)

    def test_follows_the_schedule_from_the_first_update_on(self):
        # While the gradient stays the same, Adam moves by the rate itself.
        adam = schedules.paper_adam(model_dim=7, warmup_steps=3, factor=0.7)
        schedule = schedules.WarmupInverseSqrt(7, 3, 0.7)
        variable = keras.Variable([5.0])
        adam.build([variable])
        for step in (1, 2, 3, 4, 5):
            before = variable.numpy()
            adam.apply([tf.constant([11.0])])
            assert_all_close(
                before - variable.numpy(), [rate(schedule, step)], rtol=1e-3
            )

    def test_config_round_trip(self):
        adam = schedules.paper_adam(131, 17, factor=0.7)
        copy = keras.optimizers.deserialize(keras.optimizers.serialize(adam))
        assert copy.get_config() == adam.get_config()
