"""Trainings without what takes longer than a few steps.

The losses and weights of such a run are, but for rounding, those of an ordinary
one. It shows nothing while it trains, translates nothing and has no graphs.
"""

import functools

import tensorflow as tf

import keras_transformer as kt
from trainers import dashboards, measuring


def save_variables(translator, directory, **described):
    """In the place of `kt.export.save`."""
    variables = [v.value for v in translator.model.variables]
    tf.train.Checkpoint(variables=variables).write(
        str(directory / "variables/variables")
    )


def save_light(patch):
    """Makes the trainer end without graphs to serve."""
    patch.setattr(kt.export, "save", save_variables)
    patch.setattr(kt.export, "check", lambda *arguments: None)


def draw_nothing(patch):
    """Makes the trainer write no summaries; evaluations are still recorded."""
    patch.setattr(dashboards, "callbacks", lambda *arguments: [])


def finish_light(patch):
    """Makes the trainer draw and translate nothing, and end without graphs.

    The loss of each evaluation is still recorded.

    Args:
        patch: a `pytest.MonkeyPatch`.
    """
    draw_nothing(patch)
    patch.setattr(kt.Translator, "translate", lambda self, texts: list(texts))
    save_light(patch)


def trace_no_steps(patch):
    """To trace the graph of a step takes longer than a few steps without it."""
    patch.setattr(
        kt.Transformer,
        "compile",
        functools.partialmethod(kt.Transformer.compile, run_eagerly=True),
    )


def train_light(patch):
    """Makes the trainer draw, trace and translate nothing."""
    trace_no_steps(patch)
    patch.setattr(measuring, "_chief_callbacks", lambda *arguments: [])
    finish_light(patch)
