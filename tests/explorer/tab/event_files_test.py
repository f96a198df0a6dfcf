"""A file that ends in the middle of a record is recognized."""

import os
import time

import pytest
import tensorflow as tf

from keras_transformer.explorer.tab import event_files


@pytest.fixture
def file(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    path = folder / "events.out.tfevents.1"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for size in (3, 0, 1009):
            writer.write(b"x" * size)
    return path


def age(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_whole_file(file):
    assert not event_files.is_cut(file)


def test_an_empty_file(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    assert not event_files.is_cut(tmp_path / "a")


@pytest.mark.parametrize("missing", [1, 4, 5, 1012, 1013, 1024])
def test_a_file_without_its_end(file, missing):
    file.write_bytes(file.read_bytes()[:-missing])
    assert event_files.is_cut(file)


def test_the_end_of_a_record_is_no_cut(file):
    file.write_bytes(file.read_bytes()[:-1025])
    assert not event_files.is_cut(file)


def test_the_note_of_a_run(file):
    files = event_files.EventFiles(str(file.parents[1]))
    assert files.note("run") is None
    file.write_bytes(file.read_bytes()[:-5])
    # A process may still be writing to such a new file.
    age(file, 3)
    assert files.note("run") is None
    age(file, 601)
    assert f"{file.name} of the run run ends in the middle" in files.note("run")


def test_a_file_that_is_deleted_has_no_note(file, monkeypatch):
    files = event_files.EventFiles(str(file.parents[1]))
    monkeypatch.setattr(files, "_files", lambda run: [file])
    file.unlink()
    assert files.note("run") is None


@pytest.mark.parametrize("log_dir", [None, "", "/no/such", "gs://bucket/logs"])
def test_logs_that_are_not_here(log_dir):
    assert event_files.EventFiles(log_dir).note("run") is None
