"""Reads event files."""

import pathlib

import tensorflow as tf


def values(folder):
    """Returns (step, value) of all summaries, in the order of the files."""
    return [
        (event.step, value)
        for event in events(folder)
        for value in event.summary.value
    ]


def events(folder):
    """Returns all events of a folder, in the order of the files' names."""
    return [
        tf.compat.v1.Event.FromString(record.numpy())
        for path in sorted(pathlib.Path(folder).glob("events.out.tfevents.*"))
        for record in tf.data.TFRecordDataset(str(path))
    ]


def scalars(folder):
    """Returns lists of (step, number) by tag."""
    found = {}
    for step, value in values(folder):
        number = float(tf.make_ndarray(value.tensor))
        found.setdefault(value.tag, []).append((step, number))
    return found
