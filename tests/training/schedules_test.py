"""Learning rates follow their formulas; steps are counted from 1."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.training import schedules
from tests.assertions import assert_all_close


def rate(schedule, step):
    """Returns the learning rate of a step, counted from 1."""
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
            ValueError,
            match=f"`{name}` must be positive and finite. Received: {value}",
        ):
            schedules.WarmupInverseSqrt(**settings)


def rates_of(schedule, steps):
    return np.array([rate(schedule, step) for step in range(1, steps + 1)])


class TestWarmupTo:
    def test_each_form_in_closed_form(self):
        warmup, total, peak = 5, 17, 0.3
        steps = np.arange(1, total + 1)
        after = {
            "inverse_square_root": np.sqrt(warmup / steps),
            "cosine": np.cos((steps - warmup) / (total - warmup) * np.pi) / 2
            + 0.5,
            "constant": np.ones(total),
        }
        assert set(after) == set(schedules.FORMS)
        for form, factors in after.items():
            schedule = schedules.WarmupTo(form, peak, warmup, total)
            expected = np.where(steps < warmup, steps / warmup, factors)
            assert_all_close(
                rates_of(schedule, total), peak * expected, rtol=0, atol=1e-7
            )

    def test_the_papers_rate_is_an_inverse_square_root(self):
        paper = schedules.WarmupInverseSqrt(512, 4000)
        peak = float(paper(3999))
        other = schedules.WarmupTo("inverse_square_root", peak, 4000)
        for step in (1, 1999, 4000, 4001, 100_003):
            assert_all_close(
                rate(other, step), rate(paper, step), rtol=1e-5, atol=0
            )

    def test_the_cosine_stays_at_zero(self):
        schedule = schedules.WarmupTo("cosine", 0.3, 5, 17)
        assert rate(schedule, 17) < 1e-7
        assert rate(schedule, 23) < 1e-7

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("linear", 0.1, 3), "Received: 'linear'.*cosine, constant"),
            (
                ("constant", 0.0, 3),
                "`peak` must be positive and finite. Received: 0",
            ),
            (("constant", 0.1, 0), "`warmup_steps` must be positive"),
            (("cosine", 0.1, 3), "total_steps=None, warmup_steps=3"),
            (("cosine", 0.1, 3, 3), "total_steps=3, warmup_steps=3"),
        ],
    )
    def test_refuses(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            schedules.WarmupTo(*arguments)


class TestCoolDown:
    def test_falls_linearly_at_the_end_of_any_schedule(self):
        before = schedules.WarmupTo("inverse_square_root", 0.3, 5)
        schedule = schedules.CoolDown(before, total_steps=23, cooldown_steps=7)
        factors = rates_of(schedule, 25) / rates_of(before, 25)
        expected = [1.0] * 17 + [i / 7 for i in (6, 5, 4, 3, 2, 1, 0, 0)]
        assert_all_close(factors, expected, rtol=0, atol=1e-6)

    def test_config_round_trip(self):
        before = schedules.WarmupTo("cosine", 0.3, 5, 23)
        schedule = schedules.CoolDown(before, 23, 7)
        copy = keras.optimizers.schedules.deserialize(
            keras.optimizers.schedules.serialize(schedule)
        )
        assert copy.get_config() == schedule.get_config()
        assert_all_close(
            rates_of(copy, 23), rates_of(schedule, 23), rtol=0, atol=0
        )

    @pytest.mark.parametrize(
        ("steps", "message"),
        [
            ((0, 1), "`total_steps` must be positive"),
            ((5, 0), "`cooldown_steps` must be positive"),
            ((5, 6), "cooldown_steps=6 of total_steps=5"),
        ],
    )
    def test_refuses(self, steps, message):
        before = schedules.WarmupTo("constant", 0.3, 5)
        with pytest.raises(ValueError, match=message):
            schedules.CoolDown(before, *steps)
