"""An event file is opened at the first write, and closed with training."""

import pathlib

import keras
import tensorflow as tf

from keras_transformer.summaries import summary_callback
from tests.training.small_model import fit, make


class Ends(summary_callback.SummaryCallback):
    def on_epoch_end(self, epoch, logs=None):
        with self.summaries():
            tf.summary.scalar("epoch", epoch)


def steps(folder):
    return sorted(
        event.step
        for path in folder.glob("events.out.tfevents.*")
        for record in tf.data.TFRecordDataset(str(path))
        for event in [tf.compat.v1.Event.FromString(record.numpy())]
        if event.summary.value
    )


def test_writes_at_the_optimizers_step(tmp_path):
    folder = tmp_path / "logs"
    callback = Ends(folder)
    assert not folder.exists()
    fit(make(), callback, epochs=2)
    assert steps(folder) == [5, 10]
    # A second `fit` opens a new file.
    fit(make(), callback)
    assert steps(folder) == [5, 5, 10]


def test_beside_a_callback_that_silences_summaries(tmp_path):
    other = keras.callbacks.TensorBoard(tmp_path / "keras", update_freq=1009)
    fit(make(), Ends(tmp_path / "logs"), other, epochs=2)
    assert steps(pathlib.Path(tmp_path / "logs")) == [5, 10]
