"""An event file is opened at the first write, and closed after training."""

import pathlib
import time

import keras
import tensorflow as tf
from tensorboard.backend.event_processing import (
    plugin_event_accumulator as event_accumulator,
)

from keras_transformer.summaries import summary_callback
from tests.summaries import events
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


def test_a_directory_that_cannot_be_written(tmp_path, caplog):
    file = tmp_path / "file"
    file.write_text("")
    callback = Ends(file / "logs")
    history = fit(make(), callback, epochs=3)
    assert len(history.epoch) == 3
    (record,) = caplog.records
    assert record.message.startswith(
        f"Ends writes no more summaries to {file / 'logs'}; training goes on."
    )


def test_it_never_writes_to_the_file_of_another(tmp_path):
    (tmp_path / "file").write_text("")
    callback = Ends(tmp_path / "file" / "logs")
    with tf.summary.create_file_writer(str(tmp_path / "keras")).as_default(7):
        fit(make(), callback)
    assert steps(tmp_path / "keras") == []


def test_a_file_that_cannot_be_written_any_more(tmp_path, caplog, monkeypatch):
    """Simulates a disk that becomes full during training."""
    callback = Ends(tmp_path)
    model = make()
    fit(model, callback)

    def fail(*arguments, **options):
        monkeypatch.undo()
        raise tf.errors.ResourceExhaustedError(None, None, "the disk is full")

    monkeypatch.setattr(tf.summary, "scalar", fail)
    fit(model, callback, epochs=3)
    assert steps(tmp_path) == [5]
    (record,) = caplog.records
    assert record.message.endswith("The reason: the disk is full")


def test_a_file_that_cannot_be_closed(tmp_path, caplog, monkeypatch):
    callback = Ends(tmp_path)
    create = tf.summary.create_file_writer

    class Writer:
        def __init__(self, *args):
            self._writer = create(*args)

        def as_default(self, step):
            return self._writer.as_default(step)

        def close(self):
            raise tf.errors.ResourceExhaustedError(
                None, None, "the disk is full"
            )

    monkeypatch.setattr(tf.summary, "create_file_writer", Writer)
    fit(make(), callback)
    (record,) = caplog.records
    assert record.message.endswith("The reason: the disk is full")


def test_a_run_that_continues_forgets_later_steps(tmp_path):
    model = make()
    fit(model, Ends(tmp_path), epochs=3)
    model.optimizer.iterations.assign(10)
    # Files are read in the order of their names, which contain the second.
    time.sleep(1.1)
    fit(model, Ends(tmp_path))
    starts = [
        event.step
        for event in events.events(tmp_path)
        if event.HasField("session_log")
    ]
    assert starts == [11, 11]
    accumulator = event_accumulator.EventAccumulator(str(tmp_path))
    accumulator.Reload()
    read = accumulator.Tensors("epoch")
    assert [event.step for event in read] == [5, 10, 15]
