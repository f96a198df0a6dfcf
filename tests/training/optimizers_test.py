"""Optimizers by name: each learns, and decays the right weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.training import optimizers, schedules, updates
from tests.assertions import assert_all_close

# Names that Keras's layers give to their weights.
DECAYING = ("kernel", "embeddings", "query_kernel")
NOT_DECAYING = ("bias", "query_bias", "gamma", "beta", "scale")


# `make_optimizer` refuses Muon with older versions of Keras.
HAS_MUON = optimizers._KERAS_HAS_MUON
NAMES = [name for name in optimizers.OPTIMIZERS if name != "muon" or HAS_MUON]


def settings_of(name):
    return {"weight_decay": 0.01} if name == "adamw" else {}


class TestMakeOptimizer:
    @pytest.mark.parametrize("name", NAMES)
    def test_finds_the_minimum_of_a_bowl(self, name):
        variables = [
            keras.Variable(np.full(shape, 0.1, "float32"), name="kernel")
            for shape in ((3, 5), (7,))
        ]
        schedule = schedules.WarmupTo("cosine", 0.1, 3, 31)
        optimizer = optimizers.make_optimizer(
            name, schedule, **settings_of(name)
        )
        targets = [
            np.random.default_rng(i).normal(size=v.shape).astype("float32")
            for i, v in enumerate(variables)
        ]

        def distance():
            return sum(
                float(tf.reduce_sum((v.value - t) ** 2))
                for v, t in zip(variables, targets, strict=True)
            )

        before = distance()
        for _ in range(31):
            optimizer.apply(
                [v - t for v, t in zip(variables, targets, strict=True)],
                variables,
            )
        # A loose bound: Adafactor's steps are relative to the weights.
        assert distance() < 0.8 * before

    @pytest.mark.parametrize("name", NAMES[1:])
    def test_kernels_decay_and_biases_and_norms_do_not(self, name):
        variables = [
            keras.Variable(np.full((3, 5), 2.0, "float32"), name=name)
            for name in DECAYING + NOT_DECAYING
        ]
        optimizer = optimizers.make_optimizer(name, 0.5, weight_decay=0.1)
        optimizer.build(variables)
        optimizer.apply([tf.zeros((3, 5)) for _ in variables])
        for i, variable in enumerate(variables):
            expected = 2 * (1 - 0.5 * 0.1) if i < len(DECAYING) else 2.0
            assert_all_close(
                variable.numpy(), np.full((3, 5), expected), rtol=1e-6
            )

    def test_names_are_kerass_optimizers_with_the_betas_of_the_papers(self):
        makers = {
            "adam": keras.optimizers.Adam,
            "adamw": keras.optimizers.AdamW,
            "adafactor": keras.optimizers.Adafactor,
            "lion": keras.optimizers.Lion,
            "muon": keras.optimizers.Muon,
        }
        assert set(makers) == set(optimizers.OPTIMIZERS)
        for name in NAMES:
            expected = makers[name]
            optimizer = optimizers.make_optimizer(
                name, 1.0, epsilon=1e-7, **settings_of(name)
            )
            assert type(optimizer) is expected
            config = optimizer.get_config()
            betas = {k: v for k, v in config.items() if "beta_" in k}
            if name == "lion":
                assert betas == {"beta_1": 0.9, "beta_2": 0.99}
            elif name != "adafactor":
                assert list(betas.values())[:2] == [0.9, 0.98]
                assert config["epsilon"] == 1e-7

    @pytest.mark.skipif(not HAS_MUON, reason="Keras is too old for Muon.")
    def test_muon_takes_learned_positions_for_embeddings(self):
        start = np.ones([3, 5], "float32")
        gradient = np.random.default_rng(0).normal(size=start.shape)
        moved = {}
        for name in ("muon", "adam"):
            for layer in ("positions", "feed_forward"):
                with keras.name_scope(layer):
                    variable = keras.Variable(start, name="encodings")
                optimizer = optimizers.make_optimizer(name, 0.1)
                optimizer.apply([tf.constant(gradient, tf.float32)], [variable])
                moved[name, layer] = variable.numpy() - start
        assert_all_close(
            moved["muon", "positions"], moved["adam", "positions"], rtol=1e-6
        )
        difference = moved["muon", "feed_forward"] - moved["adam", "positions"]
        assert np.abs(difference).max() > 0.01

    def test_passes_other_settings_on(self):
        optimizer = optimizers.make_optimizer(
            "lion", 1.0, global_clipnorm=0.7, use_ema=True, ema_momentum=0.9
        )
        assert (optimizer.global_clipnorm, optimizer.ema_momentum) == (0.7, 0.9)
        assert optimizer.use_ema

    @pytest.mark.parametrize("name", NAMES)
    def test_factors_scale_the_step_of_each_variable(self, name):
        def steps(**settings):
            variables = [
                keras.Variable(np.ones((3, 5), "float32"), name=n) for n in "ab"
            ]
            optimizer = optimizers.make_optimizer(
                name, 0.5, **settings_of(name), **settings
            )
            # Without weight decay, only the steps of the gradient are compared.
            optimizer.weight_decay = None
            gradient = tf.random.stateless_normal((3, 5), [1, 2])
            optimizer.apply([gradient, gradient], variables)
            return [v.numpy() - 1 for v in variables]

        full, scaled = steps(), steps(factor_of={"a": 0.25, "b": 1.0}.get)
        assert_all_close(scaled[0], full[0] / 4, rtol=1e-5, atol=1e-7)
        assert_all_close(scaled[1], full[1], rtol=0, atol=0)

    @pytest.mark.seconds
    @pytest.mark.parametrize("name", NAMES)
    def test_two_replicas_make_the_step_of_one(self, name, two_replicas):
        settings = {"weight_decay": 0.1} if name != "adam" else {}
        settings["factor_of"] = {"kernel": 0.5, "bias": 1.0}.get
        gradients = tf.random.stateless_normal((2, 3, 5), [1, 2])

        def run(strategy, scale):
            with strategy.scope():
                variables = [
                    keras.Variable(np.ones((3, 5), "float32"), name=name)
                    for name in ("kernel", "bias")
                ]
                optimizer = optimizers.make_optimizer(name, 0.01, **settings)
                optimizer.build(variables)

            def step():
                updates.apply(
                    optimizer,
                    [scale * gradients[0], scale * gradients[1]],
                    variables,
                    strategy.num_replicas_in_sync,
                )

            run_step = tf.function(lambda: strategy.run(step))
            for _ in range(3):
                run_step()
            return [variable.numpy() for variable in variables]

        one = run(tf.distribute.get_strategy(), 1.0)
        # Each replica has half of the gradient.
        two = run(two_replicas, 0.5)
        assert_all_close(two, one, rtol=1e-5, atol=1e-6)
        assert all((abs(w - 1) > 1e-4).any() for w in one)

    @pytest.mark.parametrize(
        ("name", "decay", "message"),
        [
            ("sgd", None, "Received: 'sgd'. Expected one of adam, adamw"),
            ("adam", 0.1, "weight_decay=0.1. Use adamw"),
            ("adamw", None, "Give one, such as 0.01, or use adam"),
        ],
    )
    def test_refuses(self, name, decay, message):
        with pytest.raises(ValueError, match=message):
            optimizers.make_optimizer(name, 1.0, decay)

    def test_refuses_muon_of_an_older_keras(self, monkeypatch):
        monkeypatch.setattr(optimizers, "_KERAS_HAS_MUON", False)
        with pytest.raises(ValueError, match="Muon needs Keras 3.13"):
            optimizers.make_optimizer("muon", 1.0)


class TestPaperAdam:
    def test_numbers_of_section_5_3(self):
        adam = optimizers.paper_adam(model_dim=512)
        assert (adam.beta_1, adam.beta_2, adam.epsilon) == (0.9, 0.98, 1e-9)

    def test_follows_the_schedule_from_the_first_update_on(self):
        # With a constant gradient, a step of Adam is the learning rate.
        adam = optimizers.paper_adam(model_dim=7, warmup_steps=3, factor=0.7)
        schedule = schedules.WarmupInverseSqrt(7, 3, 0.7)
        variable = keras.Variable([5.0])
        adam.build([variable])
        for step in (1, 2, 3, 4, 5):
            before = variable.numpy()
            adam.apply([tf.constant([11.0])])
            assert_all_close(
                before - variable.numpy(),
                [float(schedule(step - 1))],
                rtol=1e-3,
            )

    def test_config_round_trip(self):
        adam = optimizers.paper_adam(131, 17, factor=0.7)
        copy = keras.optimizers.deserialize(keras.optimizers.serialize(adam))
        assert copy.get_config() == adam.get_config()
