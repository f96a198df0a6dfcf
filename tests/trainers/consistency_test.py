"""The consistency loss of a run must be the one that its settings name."""

import pytest

import keras_transformer as kt
from trainers import consistency, learning_settings


def make(seed=0, **values):
    return consistency.make_consistency(
        learning_settings.LearningSettings(**values), seed
    )


def test_makes_the_named_loss():
    assert make() is None
    assert make(consistency="r_drop") == kt.training.RDrop(5.0)
    assert make(consistency="simcut", seed=7) == kt.training.SimCut(
        3.0, cut_off=0.05, seed=7
    )
    assert make(
        consistency="simcut",
        consistency_weight=2.0,
        cut_off=0.1,
        consistency_start=11,
        consistency_ramp=13,
    ) == kt.training.SimCut(2.0, 11, 13, cut_off=0.1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"consistency": "vat"}, "Received: 'vat'. Expected one of none"),
        ({"cut_off": 0.1}, "--cut_off has no effect with --consistency=none"),
        ({"consistency_ramp": 3}, "--consistency_ramp=3"),
        ({"consistency": "r_drop", "cut_off": 0.1}, "--consistency=r_drop"),
        ({"consistency": "simcut", "cut_off": 1.5}, "must be in"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        make(**values)
