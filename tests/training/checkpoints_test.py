"""A run that was stopped goes on as if it had not been."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from keras_transformer import models
from keras_transformer.training import checkpoints, losses, schedules

VOCABULARY = 11


def transformer(num_encoder_layers, dtype=None):
    config = models.TransformerConfig(
        VOCABULARY, num_encoder_layers, 1, 8, 2, 13
    )
    return models.build_transformer(config, dtype)


def make(seed=0, **settings):
    """A Transformer with dropout and Adam: everything that has a state."""
    keras.utils.set_random_seed(seed)
    model = transformer(1, **settings)
    model.compile(schedules.paper_adam(8, 3), losses.SmoothedCrossEntropy())
    return model


def dataset(first_step=0, steps=4):
    """The same four batches, of different lengths, in every run."""
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
    """Of the model, its random generators and its optimizer."""
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


class TrainingCheckpointsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.create_tempdir()) / "checkpoints"

    def open(self, model, **settings):
        return checkpoints.TrainingCheckpoints(
            self.directory, model, **settings
        )

    def files(self):
        return sorted(path.name for path in self.directory.glob("*.index"))

    def assertSameState(self, model, other):
        for one, two in zip(state(model), state(other), strict=True):
            self.assertAllEqual(one, two)

    def test_goes_on_to_the_bit(self):
        whole = make()
        whole.fit(dataset(), verbose=0, shuffle=False)

        first = make()
        first.fit(dataset(steps=2), verbose=0, shuffle=False)
        self.open(first).save()
        # As in a new process: other weights, seeds and optimizer state.
        second = make(seed=7)
        second.fit(dataset(steps=1), verbose=0, shuffle=False)
        found = self.open(second)
        self.assertTrue(found.restore())
        self.assertEqual(found.step, 2)
        self.assertSameState(second, first)
        second.fit(dataset(first_step=2), verbose=0, shuffle=False)
        self.assertEqual(found.step, 4)
        self.assertSameState(second, whole)

    def test_dropout_goes_on_as_well(self):
        # Else the test above could not see that seeds are restored.
        model = make()
        seeds = model.non_trainable_variables
        self.assertNotEmpty(seeds)
        before = [seed.numpy() for seed in seeds]
        model.fit(dataset(steps=1), verbose=0, shuffle=False)
        for seed, value in zip(seeds, before, strict=True):
            self.assertNotAllEqual(seed, value)

    def test_nothing_to_restore(self):
        model = make()
        found = self.open(model)
        before = state(model)
        self.assertFalse(found.restore())
        self.assertEqual(found.step, 0)
        for one, other in zip(before, state(model), strict=True):
            self.assertAllEqual(one, other)

    def test_restores_the_newest(self):
        model = make()
        saved = self.open(model)
        for step in (3, 5):
            set_weights(model, step)
            model.optimizer.iterations.assign(step)
            saved.save()
        set_weights(model, 0)
        self.assertTrue(saved.restore())
        self.assertEqual(saved.step, 5)
        for weight in model.trainable_weights:
            self.assertAllEqual(weight, 5 * np.ones(weight.shape))

    def test_keeps_the_last(self):
        model = make()
        for step in (2, 3, 5, 7, 11):
            model.optimizer.iterations.assign(step)
            # A new object each time, as after a restart.
            self.open(model, keep=3).save()
        self.assertEqual(
            self.files(), ["ckpt-11.index", "ckpt-5.index", "ckpt-7.index"]
        )

    def test_counters(self):
        saved = self.open(make(), counters=("seconds", "tokens"))
        saved.counters["seconds"].assign(0.1)
        saved.counters["tokens"].assign(2**53)
        saved.save()
        found = self.open(make(), counters=("seconds", "tokens"))
        found.restore()
        self.assertEqual(found.counters["seconds"].numpy(), 0.1)
        self.assertEqual(found.counters["tokens"].numpy(), 2**53)

    def test_average_is_the_mean_of_the_kept(self):
        model = make()
        saved = self.open(model, keep=3)
        drawn = []
        for step in (1, 2, 3, 4):
            model.fit(
                dataset(first_step=step - 1, steps=1), verbose=0, shuffle=False
            )
            drawn.append(model.get_weights())
            saved.save()
        other = make(seed=7)
        found = self.open(other, keep=3)
        seeds = [v.numpy() for v in other.non_trainable_variables]
        for newest, kept in ((None, drawn[1:]), (2, drawn[2:]), (1, drawn[3:])):
            self.assertEqual(found.load_average(newest), len(kept))
            for weight, *values in zip(other.weights, *kept, strict=True):
                if weight.trainable:
                    self.assertAllClose(
                        weight, np.mean(values, axis=0), rtol=1e-6, atol=1e-7
                    )
        # Random generators have no mean.
        for variable, seed in zip(
            other.non_trainable_variables, seeds, strict=True
        ):
            self.assertAllEqual(variable, seed)

    def test_average_of_nothing(self):
        with self.assertRaisesRegex(ValueError, "no checkpoint.*checkpoints"):
            self.open(make()).load_average()

    def test_other_model(self):
        self.open(make()).save()
        keras.utils.set_random_seed(0)
        other = transformer(2)
        other.compile(schedules.paper_adam(8, 3), losses.SmoothedCrossEntropy())
        with self.assertRaises((AssertionError, ValueError, tf.errors.OpError)):
            self.open(other).restore()

    def test_half_precision_keeps_its_loss_scale(self):
        model = make(dtype="mixed_float16")
        model.fit(dataset(steps=1), verbose=0, shuffle=False)
        model.optimizer.dynamic_scale.assign(2.0**7)
        self.open(model).save()
        other = make(seed=7, dtype="mixed_float16")
        self.assertTrue(self.open(other).restore())
        self.assertSameState(other, model)
        self.assertEqual(other.optimizer.dynamic_scale.numpy(), 2.0**7)


if __name__ == "__main__":
    tf.test.main()
