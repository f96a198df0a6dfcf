"""Runs of earlier versions still load and give the same answers.

Each archive in `written_before/` has a run directory that the trainer wrote on
the date in its name, the training pairs, and the answers at that time.
"""

import json
import pathlib
import tarfile

import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from tests import costs
from tests.trainers import light_training, trainer_command

ARCHIVES = sorted((pathlib.Path(__file__).parent / "written_before").iterdir())
# For sums of 16 to 23 float32 terms, of size one, in another order.
TOLERANCE = 2e-5


@pytest.fixture(
    params=costs.grid(ARCHIVES, keep=ARCHIVES[:1]),
    ids=lambda path: path.name.split(".")[0],
)
def run(request, tmp_path):
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "run"


def expected_of(run):
    expected = json.loads((run / "expected.json").read_text(encoding="utf-8"))
    # Equal translations would not show that a model works.
    assert len(set(expected["translations"])) >= 3
    return expected


def test_there_are_archives():
    assert len(ARCHIVES) >= 2


def test_run_translates_as_it_did(run):
    expected = expected_of(run)
    translator = kt.load_translator(run)
    found = [best[0] for best in translator.hypotheses(expected["texts"])]
    assert [best.text for best in found] == expected["translations"]
    np.testing.assert_allclose(
        [best.score for best in found], expected["scores"], atol=TOLERANCE
    )
    ids = np.array(expected["ids"], "int32")
    logits = translator.model(
        {"source_ids": ids, "target_input_ids": ids[:, :3]}
    )
    np.testing.assert_allclose(logits, expected["logits"], atol=TOLERANCE)


def test_saved_model_serves_as_it_did(run):
    expected = expected_of(run)
    served = tf.saved_model.load(str(run / "saved_model" / "1")).signatures[
        "serving_default"
    ](text=tf.constant(expected["texts"]))
    assert [
        text.decode() for text in served["translation"].numpy()
    ] == expected["served"]
    np.testing.assert_allclose(
        served["score"], expected["served_scores"], atol=TOLERANCE
    )


@pytest.mark.seconds
def test_run_goes_on(run, monkeypatch, caplog):
    """The same command completes a run whose final files are missing."""
    light_training.save_light(monkeypatch)
    monkeypatch.chdir(run.parent)
    for name in ("metrics.json", "model.keras"):
        (run / name).unlink()
    settings = json.loads((run / "config.json").read_text())["settings"]
    # The trainer requires flags for settings that are newer than the run.
    newer = {
        "rare_characters": "0",
        "text_normalization": "none",
        "packed": "false",
    }
    with caplog.at_level("INFO", "trainers"):
        trainer_command.train_here(
            run,
            "--train_tsv=train.tsv",
            "--dev_tsv=dev.tsv",
            "--preset=demo",
            "--num_encoder_layers=1",
            "--num_decoder_layers=1",
            "--model_dim=16",
            "--num_heads=2",
            "--feed_forward_dim=23",
            "--vocabulary_size=307",
            "--steps=400",
            "--warmup_steps=100",
            "--learning_rate_factor=2",
            "--tokens_per_batch=512",
            "--max_length=32",
            "--dropout=0",
            "--evaluation_interval=200",
            *(f"--{k}={v}" for k, v in newer.items() if k not in settings),
        )
    assert "Continuing at step 400" in caplog.text
    test_run_translates_as_it_did(run)
