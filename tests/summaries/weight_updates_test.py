"""The ratio of updates is that of the last step of an epoch."""

import keras
import numpy as np
import pytest

from keras_transformer import summaries
from tests.summaries import events
from tests.training.small_model import fit, make


class Weights(keras.callbacks.Callback):
    """Records the weights after each step."""

    def __init__(self):
        super().__init__()
        self.kept = []

    def on_train_batch_end(self, batch, logs=None):
        self.kept.append([each.copy() for each in self.model.get_weights()])


def test_ratios_of_groups(tmp_path):
    weights = Weights()
    callback = summaries.UpdateRatios(
        tmp_path, lambda path: path.rpartition("/")[2]
    )
    model = make("adam")
    model.layers[0].bias.assign([3.0, 5.0])
    fit(model, callback, weights, epochs=2)
    found = events.scalars(tmp_path)
    for i, name in enumerate(("kernel", "bias")):
        curve = found[f"update_to_weight/{name}"]
        assert [step for step, _ in curve] == [5, 10]
        for step, ratio in curve:
            old, new = weights.kept[step - 2][i], weights.kept[step - 1][i]
            expected = np.linalg.norm(new - old) / np.linalg.norm(old)
            np.testing.assert_allclose(ratio, expected, rtol=1e-5)


def test_an_epoch_without_its_last_step_has_no_ratio(tmp_path):
    def batches():
        for _ in range(9):
            yield np.ones((7, 3)), np.ones((7, 2))

    # The second epoch has only four of its five steps.
    callback = summaries.UpdateRatios(tmp_path, lambda path: path)
    with pytest.warns(UserWarning, match="ran out of data"):
        make("adam").fit(
            batches(),
            steps_per_epoch=5,
            epochs=2,
            callbacks=[callback],
            verbose=0,
            shuffle=False,
        )
    curves = events.scalars(tmp_path)
    assert curves
    for curve in curves.values():
        assert [step for step, _ in curve] == [5]


def test_weights_that_are_zero_have_no_ratio(tmp_path):
    model = make("adam")
    callback = summaries.UpdateRatios(tmp_path, lambda path: path)
    model.layers[0].kernel.assign(np.zeros((3, 2)))
    model.layers[0].trainable = True
    fit(model, callback, steps=1)
    assert events.scalars(tmp_path) == {}
