"""Shapes computed from a config are those of the model of this config."""

import dataclasses

import pytest

import keras_transformer as kt
from keras_transformer.interchange import imported, weight_shapes

SMALL = kt.TransformerConfig(11, 2, 1, 6, 3, 13)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"normalization": "pre", "biases": "all"},
        {"biases": "none", "norm": "rms", "activation": "swiglu"},
        {
            "positions": "learned",
            "max_positions": 17,
            "biases": "blocks",
            "num_key_value_heads": 1,
            "normalization": "pre",
        },
        {
            "tying": "target",
            "target_vocabulary_size": 19,
            "biases": "all",
            "positions": "rotary",
        },
        {"positions": "learned_normalized", "norm": "rms"},
        {"tying": "none", "target_vocabulary_size": 7, "activation": "geglu"},
    ],
)
def test_are_those_of_the_model(changes):
    config = dataclasses.replace(SMALL, **changes)
    variables = imported.named_variables(kt.build_transformer(config))
    assert weight_shapes.weight_shapes(config) == {
        name: tuple(variable.shape) for name, variable in variables.items()
    }


def test_positions_that_have_no_other_weights():
    for name in ("paper", "fairseq", "learned", "rotary"):
        config = dataclasses.replace(SMALL, positions=name)
        assert weight_shapes.has_known_positions(config)
    config = dataclasses.replace(SMALL, positions="relative")
    assert not weight_shapes.has_known_positions(config)
