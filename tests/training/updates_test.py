"""Which optimizers can share an update, and how gradients are clipped.

That several replicas clip as one does is in tests/training/replicas_test.py.
"""

import keras
import pytest
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.training import updates

GRADIENTS = [[3.0, -4.0], None, [12.0]]


def sgd(**settings):
    return keras.optimizers.SGD(1.0, **settings)


def scaled(optimizer, scale):
    return keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=scale)


class UpdatesTest(tf.test.TestCase, parameterized.TestCase):
    def apply(self, optimizer, gradients, replicas):
        """What one of so many equal replicas, alone here, changes."""
        variables = [
            tf.Variable([0.0, 0.0]),
            tf.Variable(0.0),
            tf.Variable([0.0]),
        ]
        updates.apply(
            optimizer,
            [g if g is None else tf.constant(g) for g in gradients],
            variables,
            replicas,
        )
        return [variable.numpy().tolist() for variable in variables]

    @parameterized.named_parameters(
        ("not", {}, [[-3.0, 4.0], 0.0, [-12.0]]),
        ("global_norm", {"global_clipnorm": 6.5}, [[-1.5, 2.0], 0.0, [-6.0]]),
        ("norm", {"clipnorm": 2.5}, [[-1.5, 2.0], 0.0, [-2.5]]),
        ("value", {"clipvalue": 3.5}, [[-3.0, 3.5], 0.0, [-3.5]]),
        ("seldom", {"global_clipnorm": 13.5}, [[-3.0, 4.0], 0.0, [-12.0]]),
    )
    def test_clips_the_sum(self, settings, expected):
        # Keras says so of the variable without one.
        with pytest.warns(UserWarning, match="Gradients do not exist"):
            self.check_clipping(settings, expected)

    def check_clipping(self, settings, expected):
        for scale in (None, 2.0**7):
            gradients = GRADIENTS
            optimizer = sgd(**settings)
            if scale:
                optimizer = scaled(optimizer, scale)
                gradients = [
                    g if g is None else [scale * x for x in g]
                    for g in gradients
                ]
            with self.subTest(scale=scale):
                found = self.apply(optimizer, gradients, 1)
                self.assertAllClose(found, expected, rtol=1e-6)
        if settings:
            # One share of four, where Keras adds up four; here it adds one.
            found = self.apply(sgd(**settings), GRADIENTS, 4)
            for one, other in zip(found, expected, strict=True):
                self.assertAllClose(4 * tf.constant(one), other, rtol=1e-6)

    def test_infinite_gradients_are_left_out(self):
        for replicas in (1, 2):
            optimizer = scaled(sgd(global_clipnorm=6.5), 2.0**7)
            found = self.apply(
                optimizer, [[float("inf"), 1.0], None, [1.0]], replicas
            )
            self.assertEqual(found, [[0.0, 0.0], 0.0, [0.0]])

    def test_nothing_to_update(self):
        updates.apply(sgd(), [], [], replicas=1)

    def test_no_optimizer(self):
        with self.assertRaisesRegex(ValueError, "optimizer=None. Give any"):
            updates.check_optimizer(None)

    def test_gathering_optimizers_are_refused(self):
        updates.check_optimizer(sgd())
        updates.check_optimizer(scaled(sgd(), 2.0))
        gathering = sgd(gradient_accumulation_steps=3)
        for optimizer in (gathering, scaled(gathering, 2.0)):
            with self.assertRaisesRegex(ValueError, "accumulation_steps=3"):
                updates.check_optimizer(optimizer)


if __name__ == "__main__":
    tf.test.main()
