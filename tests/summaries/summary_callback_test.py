"""An event file is opened at the first write, and closed with training."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from keras_transformer.summaries import summary_callback


class Ends(summary_callback.SummaryCallback):
    def on_epoch_end(self, epoch, logs=None):
        with self.summaries():
            tf.summary.scalar("epoch", epoch)


def fit(callbacks, epochs=2):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    data = tf.data.Dataset.from_tensors((np.ones((7, 3)), np.ones((7, 2))))
    model.fit(data.repeat(5), epochs=epochs, callbacks=callbacks, verbose=0)


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
    fit([callback])
    assert steps(folder) == [5, 10]
    # A second `fit` opens a new file.
    fit([callback], epochs=1)
    assert steps(folder) == [5, 5, 10]


def test_beside_a_callback_that_silences_summaries(tmp_path):
    other = keras.callbacks.TensorBoard(tmp_path / "keras", update_freq=1009)
    fit([Ends(tmp_path / "logs"), other])
    assert steps(pathlib.Path(tmp_path / "logs")) == [5, 10]
