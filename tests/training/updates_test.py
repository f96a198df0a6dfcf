"""Which optimizers are refused, and how gradients are clipped.

tests/training/replicas_test.py tests that several replicas clip as one does.
"""

import keras
import pytest
import tensorflow as tf

from keras_transformer.training import updates
from tests.assertions import assert_all_close

GRADIENTS = [[3.0, -4.0], None, [12.0]]


def sgd(**settings):
    return keras.optimizers.SGD(1.0, **settings)


def scaled(optimizer, scale):
    return keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=scale)


class TestUpdates:
    def apply(self, optimizer, gradients, replicas):
        """Returns the variables after an update by one of so many replicas."""
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

    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            pytest.param({}, [[-3.0, 4.0], 0.0, [-12.0]], id="not"),
            pytest.param(
                {"global_clipnorm": 6.5},
                [[-1.5, 2.0], 0.0, [-6.0]],
                id="global_norm",
            ),
            pytest.param(
                {"clipnorm": 2.5}, [[-1.5, 2.0], 0.0, [-2.5]], id="norm"
            ),
            pytest.param(
                {"clipvalue": 3.5}, [[-3.0, 3.5], 0.0, [-3.5]], id="value"
            ),
            pytest.param(
                {"global_clipnorm": 13.5},
                [[-3.0, 4.0], 0.0, [-12.0]],
                id="seldom",
            ),
        ],
    )
    def test_clips_the_sum(self, settings, expected):
        # Keras warns of the variable without a gradient.
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
            found = self.apply(optimizer, gradients, 1)
            assert_all_close(found, expected, rtol=1e-6)
        if settings:
            # Each of four replicas applies a fourth; here only one applies it.
            found = self.apply(sgd(**settings), GRADIENTS, 4)
            for one, other in zip(found, expected, strict=True):
                assert_all_close(4 * tf.constant(one), other, rtol=1e-6)

    def test_infinite_gradients_are_left_out(self):
        for replicas in (1, 2):
            optimizer = scaled(sgd(global_clipnorm=6.5), 2.0**7)
            found = self.apply(
                optimizer, [[float("inf"), 1.0], None, [1.0]], replicas
            )
            assert found == [[0.0, 0.0], 0.0, [0.0]]

    def test_a_limit_of_zero_is_no_limit(self):
        """As in Keras."""
        optimizer = scaled(sgd(clipnorm=0.0), 1.0)
        found = self.apply(optimizer, [[3.0, -4.0], 1.0, [12.0]], 2)
        assert found == [[-1.5, 2.0], -0.5, [-6.0]]
        # Without a limit, the optimizer sums the gradients itself.
        found = self.apply(sgd(clipnorm=0.0), [[3.0, -4.0], 1.0, [12.0]], 2)
        assert found == [[-3.0, 4.0], -1.0, [-12.0]]

    def test_nothing_to_update(self):
        updates.apply(sgd(), [], [], replicas=1)

    def test_no_optimizer(self):
        with pytest.raises(ValueError, match="optimizer=None. Give any"):
            updates.check_optimizer(None)

    def test_gathering_optimizers_are_refused(self):
        updates.check_optimizer(sgd())
        updates.check_optimizer(scaled(sgd(), 2.0))
        gathering = sgd(gradient_accumulation_steps=3)
        for optimizer in (gathering, scaled(gathering, 2.0)):
            with pytest.raises(ValueError, match="accumulation_steps=3"):
                updates.check_optimizer(optimizer)
