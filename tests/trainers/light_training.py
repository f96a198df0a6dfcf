"""Patches that leave out the slow parts of a training.

Except for rounding, the losses and weights are those of an ordinary run. A
patched run shows no progress, translates nothing and exports no graphs.
"""

import functools

import tensorflow as tf

import keras_transformer as kt
from trainers import dashboards, measuring


def save_variables(translator, directory, **described):
    """Replaces `kt.export.save`: writes the variables, but no graphs."""
    variables = [v.value for v in translator.model.variables]
    tf.train.Checkpoint(variables=variables).write(
        str(directory / "variables/variables")
    )


def save_light(patch):
    """Makes the trainer write a SavedModel without graphs."""
    patch.setattr(kt.export, "save", save_variables)
    patch.setattr(kt.export, "check", lambda *arguments: None)


def draw_nothing(patch):
    """Makes the trainer write no summaries; evaluations are still recorded."""
    patch.setattr(dashboards, "callbacks", lambda *arguments: [])


def finish_light(patch):
    """Makes the trainer draw and translate nothing, and export no graphs.

    The loss of each evaluation is still recorded.

    Args:
        patch: a `pytest.MonkeyPatch`.
    """
    draw_nothing(patch)
    patch.setattr(kt.Translator, "translate", lambda self, texts: list(texts))
    save_light(patch)


def trace_no_steps(patch):
    """Makes the trainer run eagerly: tracing takes longer than a few steps."""
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
