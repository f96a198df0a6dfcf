"""Reads event files."""

import pathlib

import tensorflow as tf


def values(folder):
    """The summaries of all event files in order: (step, value)."""
    return [
        (event.step, value)
        for event in events(folder)
        for value in event.summary.value
    ]


def events(folder):
    """All events of a folder's files, in the order of the names."""
    return [
        tf.compat.v1.Event.FromString(record.numpy())
        for path in sorted(pathlib.Path(folder).glob("events.out.tfevents.*"))
        for record in tf.data.TFRecordDataset(str(path))
    ]


def scalars(folder):
    """The numbers by tag: lists of (step, number)."""
    found = {}
    for step, value in values(folder):
        number = float(tf.make_ndarray(value.tensor))
        found.setdefault(value.tag, []).append((step, number))
    return found
