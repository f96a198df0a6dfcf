"""A run that was stopped continues as if it had never stopped."""

import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import models
from keras_transformer.training import (
    checkpoint_files,
    checkpoints,
    losses,
    optimizers,
)
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
    assert_not_all_equal,
    logged,
)

VOCABULARY = 11


def transformer(num_encoder_layers, dtype=None):
    config = models.TransformerConfig(
        VOCABULARY, num_encoder_layers, 1, 8, 2, 13
    )
    return models.build_transformer(config, dtype)


def make(seed=0, run_eagerly=False, **settings):
    """Returns a Transformer with all state: weights, dropout seeds and Adam."""
    keras.utils.set_random_seed(seed)
    model = transformer(1, **settings)
    model.compile(
        optimizers.paper_adam(8, 3),
        losses.SmoothedCrossEntropy(),
        run_eagerly=run_eagerly,
    )
    return model


def make_dense(
    optimizer="adam", units=3, dtype=None, layers=1, run_eagerly=True
):
    """A small model with dropout; its optimizer has made one update."""
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dropout(0.5, dtype=dtype)]
        + [keras.layers.Dense(units, dtype=dtype) for _ in range(layers)]
    )
    # Eager, since tracing a graph would take most of the time.
    model.compile(optimizer, "mse", run_eagerly=run_eagerly)
    model.fit(np.ones((4, 2)), np.ones((4, units)), verbose=0)
    return model


def dataset(first_step=0, steps=4):
    """Returns `steps` of four fixed batches, from `first_step` on."""
    generator = np.random.default_rng(0)

    def batches():
        for length in (3, 5, 7, 5):
            source, target, labels = generator.integers(
                1, VOCABULARY, size=(3, 2, length)
            )
            yield (
                {"source_ids": source, "target_input_ids": target},
                labels,
                np.ones(labels.shape, "float32"),
            )

    drawn = list(batches())[first_step : first_step + steps]
    ids = tf.TensorSpec((None, None), tf.int32)
    data = tf.data.Dataset.from_generator(
        lambda: iter(drawn),
        output_signature=(
            {"source_ids": ids, "target_input_ids": ids},
            ids,
            tf.TensorSpec((None, None), tf.float32),
        ),
    )
    return data.apply(tf.data.experimental.assert_cardinality(len(drawn)))


def set_weights(model, value):
    for weight in model.trainable_weights:
        weight.assign(np.full(weight.shape, value))


def state(model):
    """Returns the values of all variables of a model and its optimizer."""
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


def fill(model, value):
    """Sets all variables of a model and its optimizer to one value."""
    for variable in (*model.variables, *model.optimizer.variables):
        variable.assign(np.full(variable.shape, value))


class Cases:
    @pytest.fixture(autouse=True)
    def set_up(self, tmp_path):
        self.directory = tmp_path / "checkpoints"

    def open(self, model, **settings):
        return checkpoints.TrainingCheckpoints(
            self.directory, model, **settings
        )

    def files(self):
        return sorted(path.name for path in self.directory.glob("*.index"))

    def assert_same_state(self, model, other):
        for one, two in zip(state(model), state(other), strict=True):
            assert_all_equal(one, two)

    def steps(self):
        """The steps of the checkpoints in the directory."""
        return checkpoint_files.CheckpointFiles(self.directory, 99).good()

    def save_at(self, *steps, **settings):
        """Saves a checkpoint at each step; all its values are the step."""
        model = make_dense()
        saved = self.open(model, **settings)
        for step in steps:
            fill(model, step)
            saved.save()
        return model, saved

    def damage(self, step):
        """Flips one bit of the optimizer's last variable."""
        index = f"{self.directory}/ckpt-{step}"
        reader = tf.train.load_checkpoint(index)
        last = max(
            name
            for name in reader.get_variable_to_shape_map()
            if name.startswith("optimizer/")
        )
        value = reader.get_tensor(last).tobytes()
        path = self.directory / f"ckpt-{step}.data-00000-of-00001"
        content = path.read_bytes()
        at = content.rindex(value)
        path.write_bytes(
            content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        )

    def contents(self):
        return {p.name: p.read_bytes() for p in self.directory.iterdir()}


class TestTrainingCheckpoints(Cases):
    @pytest.mark.seconds
    def test_goes_on_to_the_bit(self):
        # `train_translation_test.py` continues a run with graphs.
        whole = make(run_eagerly=True)
        whole.fit(dataset(steps=1), verbose=0, shuffle=False)
        self.open(whole).save()
        seeds = whole.non_trainable_variables
        assert len(seeds) > 0
        before = [v.numpy() for v in (whole.weights[0], *seeds)]
        # As in a new process: other weights, seeds and optimizer state.
        second = make(seed=7, run_eagerly=True)
        found = self.open(second)
        fill(second, 7)
        assert found.restore()
        assert found.step == 1
        self.assert_same_state(second, whole)
        for model in (whole, second):
            model.fit(dataset(first_step=1, steps=1), verbose=0, shuffle=False)
        assert found.step == 2
        # A step changes the weights and the seeds of dropout.
        for variable, value in zip(
            (whole.weights[0], *seeds), before, strict=True
        ):
            assert_not_all_equal(variable, value)
        self.assert_same_state(second, whole)

    def test_nothing_to_restore(self):
        model = make()
        found = self.open(model)
        before = state(model)
        assert not found.restore()
        assert found.step == 0
        for one, other in zip(before, state(model), strict=True):
            assert_all_equal(one, other)

    def test_restores_the_newest(self):
        model = make()
        saved = self.open(model)
        for step in (3, 5):
            set_weights(model, step)
            model.optimizer.iterations.assign(step)
            saved.save()
        set_weights(model, 0)
        assert saved.restore()
        assert saved.step == 5
        for weight in model.trainable_weights:
            assert_all_equal(weight, 5 * np.ones(weight.shape))

    def test_keeps_the_last(self):
        model = make()
        for step in (2, 3, 5, 7, 11):
            model.optimizer.iterations.assign(step)
            # A new object each time, as after a restart.
            self.open(model, max_to_keep=3).save()
        assert self.files() == ["ckpt-11.index", "ckpt-5.index", "ckpt-7.index"]

    def test_counters(self):
        saved = self.open(make(), counters=("seconds", "tokens"))
        saved.counters["seconds"].assign(0.1)
        saved.counters["tokens"].assign(2**53)
        saved.save()
        found = self.open(make(), counters=("seconds", "tokens"))
        found.restore()
        assert found.counters["seconds"].numpy() == 0.1
        assert found.counters["tokens"].numpy() == 2**53

    @pytest.mark.seconds
    def test_average_is_the_mean_of_the_kept(self):
        model = make()
        saved = self.open(model, max_to_keep=3)
        drawn, generator = [], np.random.default_rng(0)
        for step in (1, 2, 3, 4):
            for weight in model.trainable_weights:
                weight.assign(generator.normal(size=weight.shape))
            model.optimizer.iterations.assign(step)
            drawn.append(model.get_weights())
            saved.save()
        assert_not_all_close(drawn[2][0], drawn[3][0])
        other = make(seed=7)
        found = self.open(other, max_to_keep=3)
        seeds = [v.numpy() for v in other.non_trainable_variables]
        for newest, kept in ((None, drawn[1:]), (2, drawn[2:]), (1, drawn[3:])):
            assert found.load_average(newest) == [1, 2, 3, 4][-len(kept) :]
            for weight, *values in zip(other.weights, *kept, strict=True):
                if weight.trainable:
                    assert_all_close(
                        weight, np.mean(values, axis=0), rtol=1e-6, atol=1e-7
                    )
        # Seeds are not averaged: the model keeps its seeds.
        for variable, seed in zip(
            other.non_trainable_variables, seeds, strict=True
        ):
            assert_all_equal(variable, seed)

    def test_average_of_nothing(self):
        with pytest.raises(ValueError, match="no checkpoint.*checkpoints"):
            self.open(make()).load_average()

    def test_one_string_is_no_list_of_counters(self):
        with pytest.raises(ValueError, match="`counters` must be.*'steps'"):
            self.open(make_dense(), counters="steps")

    def test_averages_one_at_least(self):
        _, saved = self.save_at(3)
        with pytest.raises(ValueError, match="Received: 0"):
            saved.load_average(0)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            (
                {"units": 5},
                r"kernel: float32 \(2, 3\) stored, .*\(2, 5\) expected",
            ),
            (
                {"layers": 2},
                "model: 3 stored, 5 expected; .*optimizer: 6 stored",
            ),
            (
                {"optimizer": "sgd"},
                "Variables of the optimizer: 6 stored, 2 exp",
            ),
            (
                {"dtype": "float64"},
                r"float32 \(3,\) stored, float64 \(3,\) expec",
            ),
        ],
    )
    def test_another_model(self, settings, message):
        self.save_at(7)
        other = make_dense(**settings)
        found = self.open(other)
        before = state(other)
        with pytest.raises(
            ValueError, match=f"ckpt-7 is of another.*{message}"
        ):
            found.restore()
        if "optimizer" not in settings:
            with pytest.raises(ValueError, match="is of another"):
                found.load_average()
        for one, two in zip(state(other), before, strict=True):
            assert_all_equal(one, two)

    def test_a_transformer_of_another_vocabulary(self):
        self.open(make()).save()
        config = models.TransformerConfig(VOCABULARY + 2, 1, 1, 8, 2, 13)
        other = models.build_transformer(config)
        other.compile(
            optimizers.paper_adam(8, 3), losses.SmoothedCrossEntropy()
        )
        with pytest.raises(
            ValueError,
            match=r"embeddings: float32 \(11, 8\) stored, float32 \(13, 8\) "
            r"expected",
        ):
            self.open(other).restore()

    def test_weights_of_other_names(self):
        """Another program may have written the checkpoint."""
        model = make_dense()
        checkpoints = self.open(model)
        other = tf.train.Checkpoint(
            model=tf.train.Checkpoint(
                **{
                    f"x{i}": tf.Variable(0.0)
                    for i in range(len(model.variables))
                }
            )
        )
        checkpoints.save()
        other.write(tf.train.latest_checkpoint(self.directory))
        message = "kernel: nothing stored, float32"
        with pytest.raises(ValueError, match=message):
            self.open(model).restore()
        with pytest.raises(ValueError, match=message):
            self.open(model).load_average()

    def test_other_counters(self):
        model, _ = self.save_at(7, counters=("a.b", "c/d"))
        found = self.open(model, counters=("c/d", "a.b"))
        assert found.restore()
        found = self.open(model, counters=("e",))
        with pytest.raises(ValueError, match="Counters: .* stored, .'e'. exp"):
            found.restore()

    def test_the_one_before_a_damaged_one(self):
        model, saved = self.save_at(3, 5, 7, counters=("seconds",))
        self.damage(7)
        fill(model, 11)
        with logged(checkpoint_files._LOG, "WARNING") as logs:
            assert saved.restore()
        assert re.search("ckpt-7 is damaged.*optimizer/.*hecksum", logs[0])
        assert saved.step == 5
        for value in state(model):
            assert_all_equal(value, np.full(value.shape, 5))
        # The damaged checkpoint is not counted as kept, and not averaged.
        assert len(saved.load_average(2)) == 2
        assert_all_equal(model.weights[0], np.full((2, 3), 4.0))
        fill(model, 7)
        saved.save()
        assert len(saved.load_average()) == 3
        assert_all_equal(model.weights[0], np.full((2, 3), 5.0))

    def test_averages_those_kept(self):
        # The directory has three, as after a run with a larger `max_to_keep`.
        self.save_at(3, 5, 7)
        model = make_dense()
        assert self.open(model, max_to_keep=2).load_average() == [5, 7]
        assert_all_equal(model.weights[0], np.full((2, 3), 6.0))

    def test_pinned_checkpoints_stay_and_are_averaged(self):
        model = make_dense()
        pinned = [3]
        saved = self.open(model, max_to_keep=1, pinned=lambda: pinned)
        for step in (3, 5, 7):
            fill(model, step)
            saved.save()
        assert self.steps() == [3, 7]
        assert saved.load_average(steps=[3, 5]) == [3]
        assert_all_equal(model.weights[0], np.full((2, 3), 3.0))
        assert saved.load_average(steps=[7, 3]) == [3, 7]
        assert_all_equal(model.weights[0], np.full((2, 3), 5.0))
        with pytest.raises(ValueError, match="none of these checkpoints.*5"):
            saved.load_average(steps=[5])
        # Checkpoint 7 is pinned instead of 3, so 3 is removed.
        pinned[:] = [7]
        fill(model, 11)
        saved.save()
        assert self.steps() == [7, 11]

    def test_all_damaged(self):
        model, saved = self.save_at(3, 5)
        self.damage(3)
        (self.directory / "ckpt-5.index").unlink()
        fill(model, 11)
        before = self.contents()
        for attempt in (saved.restore, saved.load_average):
            with pytest.raises(
                ValueError,
                match="All checkpoints in .* damaged. ckpt-3: .*hecksum.* "
                "ckpt-5: "
                "ckpt-5.index is missing.*Put back a copy",
            ):
                attempt()
        assert self.contents() == before
        for value in state(model):
            assert_all_equal(value, np.full(value.shape, 11))

    def test_moving_averages_of_weights(self):
        def ema():
            return keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.7)

        model = make_dense(ema())
        self.open(model).save()
        names = [v.path for v in model.optimizer.variables]
        # One average of the kernel and one of the bias.
        assert len([n for n in names if n.endswith("average")]) == 2, names
        other = make_dense(ema())
        assert self.open(other).restore()
        self.assert_same_state(other, model)
        for each in (model, other):
            each.fit(np.ones((5, 2)), np.ones((5, 3)), epochs=3, verbose=0)
        self.assert_same_state(other, model)

    def test_scaled_loss_with_its_optimizer_inside(self):
        def scaled():
            return keras.optimizers.LossScaleOptimizer(
                keras.optimizers.Adam(0.1), initial_scale=2.0**5
            )

        model = make_dense(scaled())
        inner = model.optimizer.inner_optimizer
        self.open(model).save()
        other = make_dense(scaled())
        other.optimizer.dynamic_scale.assign(3.0)
        other.optimizer.step_counter.assign(7)
        fill(other, 11)
        assert self.open(other).restore()
        assert other.optimizer.dynamic_scale.numpy() == 2.0**5
        assert other.optimizer.step_counter.numpy() == 1
        found = other.optimizer.inner_optimizer.variables
        assert len(found) == 6  # Steps, rate, two moments of two weights.
        for one, two in zip(found, inner.variables, strict=True):
            assert_all_equal(one, two)

    def test_one_that_may_not_write(self):
        _, saved = self.save_at(3, 5)
        left = self.directory / ".ckpt-7.writing"
        left.mkdir()
        before = self.files()
        model = make_dense()
        reader = self.open(model, is_writer=False)
        assert reader.restore()
        assert reader.step == 5
        fill(model, 7)
        reader.save()
        assert self.files() == before
        assert left.exists()
        saved.restore()
        assert not left.exists()

    def test_forgets_one_but_not_the_last(self):
        model, saved = self.save_at(3, 5, 7)
        self.open(model, is_writer=False).forget(7)
        assert len(self.files()) == 3
        saved.forget(6)
        assert len(self.files()) == 3
        saved.forget(7)
        assert self.files() == ["ckpt-3.index", "ckpt-5.index"]
        # The model in memory stays at its step.
        assert saved.step == 7
        self.damage(3)
        saved.forget(5)
        assert self.files() == ["ckpt-3.index", "ckpt-5.index"]
        assert self.open(make_dense()).restore()

    @pytest.mark.seconds
    def test_half_precision_keeps_its_loss_scale(self):
        model = make(run_eagerly=True, dtype="mixed_float16")
        model.fit(dataset(steps=1), verbose=0, shuffle=False)
        model.optimizer.dynamic_scale.assign(2.0**7)
        self.open(model).save()
        other = make(seed=7, dtype="mixed_float16")
        assert self.open(other).restore()
        self.assert_same_state(other, model)
        assert other.optimizer.dynamic_scale.numpy() == 2.0**7


class TestTwoReplicas(Cases):
    @pytest.fixture(autouse=True)
    def replicate(self, two_replicas):
        self.strategy = two_replicas

    def replicas(self, model):
        """Returns, for each replica, its values of all variables."""
        return list(
            zip(
                *(
                    self.strategy.experimental_local_results(v.value)
                    for v in (*model.variables, *model.optimizer.variables)
                ),
                strict=True,
            )
        )

    def test_from_one_to_two_and_back(self):
        one = make_dense()
        assert len(one.variables) == 3  # Kernel, bias and the seed of dropout.
        self.open(one).save()

        with self.strategy.scope():
            two = make_dense(run_eagerly=False)
        two.fit(np.ones((2, 2)), np.ones((2, 3)), verbose=0)
        found = self.open(two)
        assert found.restore()
        assert found.step == 1
        assert len(self.replicas(two)) == 2
        for values in self.replicas(two):
            for value, expected in zip(values, state(one), strict=True):
                assert_all_equal(value, expected)
        two.fit(np.ones((2, 2)), np.ones((2, 3)), verbose=0)
        expected = state(two)
        found.save()
        assert self.files() == ["ckpt-1.index", "ckpt-2.index"]

        back = make_dense()
        assert self.open(back).restore()
        for value, wanted in zip(state(back), expected, strict=True):
            assert_all_equal(value, wanted)
        # The average of checkpoints is the same on one and two replicas.
        assert len(found.load_average()) == 2
        assert len(self.open(back).load_average()) == 2
        for values in self.replicas(two):
            for value, wanted in zip(values, back.variables, strict=False):
                assert_all_equal(value, wanted)

        with pytest.raises(ValueError, match=r"\(2, 3\) stored"):
            self.open(make_dense(units=5)).restore()


def check_two_workers(strategy, folder):
    """Checks, in each of two workers, that the chief writes and both read.

    `multi_worker_test.py` starts the processes.
    """
    directory = pathlib.Path(folder) / "checkpoints"
    index = strategy.cluster_resolver.task_id
    with strategy.scope():
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dropout(0.5),
                keras.layers.Dense(3),
            ]
        )
        model.compile("adam", "mse")
    shared = checkpoints.TrainingCheckpoints(
        directory, model, max_to_keep=2, is_writer=index == 0
    )

    def files():
        return sorted(path.name for path in directory.glob("*.index"))

    assert not shared.restore()
    for step in (3, 5, 7):
        fill(model, step)
        shared.save()
        # `save` returns on both workers only after the checkpoint exists.
        assert f"ckpt-{step}.index" in files()
    assert files() == ["ckpt-5.index", "ckpt-7.index"]
    assert len(shared.load_average()) == 2
    np.testing.assert_array_equal(model.weights[0], np.full((2, 3), 6.0))
    assert shared.restore()
    for value in state(model):
        np.testing.assert_array_equal(value, np.full(value.shape, 7))
    # Worker 1 has counted one update more than worker 0.
    model.optimizer.iterations.assign_add(index)
    with pytest.raises(RuntimeError, match="different steps.*7.5 on"):
        shared.save()
