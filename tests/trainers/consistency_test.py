"""The consistency loss of a run must be the one that its settings name."""

import dataclasses

import numpy as np
import pytest

import keras_transformer as kt
from tests.assertions import assert_all_close
from trainers import consistency, learning_settings, tokenizers


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
        ({"cut_off": 0.0}, "--cut_off=0.0"),
        ({"consistency_ramp": 3}, "--consistency_ramp=3"),
        ({"consistency": "r_drop", "cut_off": 0.1}, "--consistency=r_drop"),
        ({"consistency": "simcut", "cut_off": 1.5}, "must be in"),
        (
            {"consistency": "simcut", "teacher": ["a"]},
            "--teacher has no effect",
        ),
        ({"consistency": "teacher"}, "Received: no --teacher"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        consistency.check(learning_settings.LearningSettings(**values))


def test_a_teacher_must_have_ended(tmp_path):
    settings = learning_settings.LearningSettings(
        consistency="teacher", teacher=[str(tmp_path)]
    )
    with pytest.raises(FileNotFoundError, match="not the directory of a fin"):
        consistency.check(settings)


@pytest.fixture
def runs(tmp_path):
    """Returns the paths of two runs with one vocabulary, and its tokenizers."""
    vocabulary = kt.learn_vocabulary(["a b", "c d"], may_be_smaller=True)
    tokenizer = kt.Tokenizer(vocabulary)
    config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 4, 2, 8)
    for name in "ab":
        directory = kt.runs.RunDirectory(tmp_path / name)
        directory.write_config(
            {"settings": {}, "architecture": {"start_id": config.start_id}}
        )
        tokenizer.save(directory.tokenizer)
        kt.build_transformer(config).save(directory.model)
    return [str(tmp_path / name) for name in "ab"], tokenizers.Tokenizers(
        tokenizer
    )


@pytest.mark.grid
def test_teachers_are_averaged(runs):
    paths, shared = runs
    settings = learning_settings.LearningSettings(
        consistency="teacher", teacher=paths
    )
    consistency.check(settings)
    loss = consistency.make_consistency(settings)
    assert isinstance(loss.teacher, kt.Ensemble)
    ids = np.array([[5, 7, 2]])
    inputs = {"source_ids": ids, "target_input_ids": ids}
    expected = kt.Ensemble([kt.load_translator(path).model for path in paths])(
        inputs
    )
    assert_all_close(loss.second_pass(None, inputs, 0), expected)
    # In training the teachers compute in the precision of the run.
    loss = consistency.make_consistency(settings, 0, "mixed_bfloat16")
    assert {model.compute_dtype for model in loss.teacher.models} == {
        "bfloat16"
    }
    difference = loss.second_pass(None, inputs, 0) - expected
    assert 0 < np.abs(difference).max() < 0.05
    config = kt.TransformerConfig(start_id=1)
    hashes = consistency.fingerprint(settings, shared, config)
    assert len(hashes["teacher_sha256"]) == 2
    with pytest.raises(ValueError, match="start_id=1. Received: start_id=2"):
        consistency.fingerprint(
            settings, shared, dataclasses.replace(config, start_id=2)
        )
    other = kt.Tokenizer(
        kt.learn_vocabulary(["e f", "g h"], may_be_smaller=True)
    )
    with pytest.raises(ValueError, match="has another vocabulary"):
        consistency.fingerprint(settings, tokenizers.Tokenizers(other), config)
