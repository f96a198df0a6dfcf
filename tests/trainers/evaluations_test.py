"""Scores of evaluations choose checkpoints, and end a run."""

import json

import pytest
import tensorflow as tf

import keras_transformer as kt
from trainers import evaluations

BLEU = {5: 1.0, 10: 7.0, 15: 3.0, 20: 7.0, 25: 2.0}


@pytest.fixture
def directory(tmp_path):
    return kt.runs.RunDirectory(tmp_path)


def make(directory, criterion="bleu", patience=None):
    made = evaluations.Evaluations(directory, criterion, patience)
    for step, bleu in BLEU.items():
        made.record(step, {"bleu": bleu, "chrf": -bleu, "loss": bleu})
    return made


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        ("bleu", [10, 15, 20]),
        ("chrf", [5, 15, 25]),
        ("loss", [5, 15, 25]),
        ("last", [15, 20, 25]),
    ],
)
def test_the_best_steps(directory, criterion, expected):
    made = make(directory, criterion)
    assert made.best(3) == expected
    assert made.best(7) == sorted(BLEU)
    assert made.best(1, among=[15]) == [15]


def test_of_two_equal_ones_the_later_is_better(directory):
    assert make(directory).best(1) == [20]


def test_patience_counts_evaluations_after_the_best(directory):
    # The best BLEU is that of step 10. At step 20 it is equal.
    assert make(directory, patience=3).is_over()
    assert not make(directory, patience=4).is_over()
    # The best chrF is the first.
    assert make(directory, "chrf", patience=4).is_over()
    assert not make(directory, "chrf", patience=5).is_over()
    assert not make(directory).is_over()
    # With "last", the newest is the best, so none follows it.
    assert not make(directory, "last", patience=1).is_over()
    strategy = tf.distribute.get_strategy()
    for patience, expected in ((3, True), (4, False)):
        made = make(directory, patience=patience)
        assert evaluations.is_over(strategy, made) == expected


def test_patience_after_nan(directory):
    made = evaluations.Evaluations(directory, "loss", 2)
    over = []
    for step in (5, 10, 15):
        made.record(step, {"loss": float("nan")})
        over.append(made.is_over())
    assert over == [False, False, True]


def test_a_continued_run_forgets_what_it_repeats(directory):
    made = make(directory)
    made.forget_after(15)
    assert list(made.read()) == [5, 10, 15]
    made.record(10, {"bleu": 0.0, "chrf": 0.0, "loss": 0.0})
    assert list(made.read()) == [5, 10]
    assert made.read()[10]["bleu"] == 0


def test_no_run_has_no_evaluations(directory):
    made = evaluations.Evaluations(directory, "bleu", 1)
    assert made.read() == {} and made.best(3) == [] and not made.is_over()


def test_a_damaged_file_is_refused(directory):
    for content in ("{", "[]"):
        directory.evaluations.write_text(content)
        with pytest.raises(ValueError, match="evaluations.json is damaged"):
            evaluations.Evaluations(directory, "bleu").read()


def test_the_callback_records_the_scores_of_the_logs(directory):
    made = evaluations.Evaluations(directory, "bleu")
    callback = evaluations.RecordEvaluation(made, lambda: 7)
    callback.on_epoch_end(
        0, {"val_loss": 1.5, "val_bleu": 20.0, "val_chrf": 40.0, "loss": 9.0}
    )
    assert json.loads(directory.evaluations.read_text()) == {
        "7": {"loss": 1.5, "bleu": 20.0, "chrf": 40.0}
    }
