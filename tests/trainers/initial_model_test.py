"""A run starts from another run's weights, with the same or another text."""

import json

import numpy as np
import pytest

import keras_transformer as kt
from tests.assertions import assert_all_equal
from tests.trainers import light_training
from tests.trainers.trainer_command import train_here, write_pairs
from trainers import initial_model

TAGS = "--direction_tags=<2fr>,<2en>"
SHORT = [
    "--tokens_per_batch=1024",
    "--max_length=16",
    "--steps=2",
    "--evaluation_interval=2",
    "--average_checkpoints=1",
]


@pytest.fixture(scope="module", autouse=True)
def light():
    with pytest.MonkeyPatch.context() as patch:
        light_training.train_light(patch)
        yield


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    return write_pairs(folder, train_size=997, dev_size=13)


@pytest.fixture(scope="module")
def first(text, tmp_path_factory):
    """A run in both directions."""
    run = tmp_path_factory.mktemp("runs") / "first"
    train_here(
        run,
        *text,
        *SHORT,
        TAGS,
        "--preset=demo",
        "--num_encoder_layers=1",
        "--num_decoder_layers=1",
        "--model_dim=32",
    )
    return run


@pytest.mark.training
def test_a_second_stage_continues_with_the_weights(
    first, text, tmp_path, caplog
):
    flags = [
        *text,
        *SHORT,
        f"--initial_model={first}",
        "--freeze=embedding,^encoder/",
        "--optimizer=adamw",
        "--weight_decay=0.1",
        "--schedule=constant",
        "--learning_rate=0.001",
        "--layer_decay=0.5",
        "--cooldown_steps=1",
        "--consistency=simcut",
    ]
    with caplog.at_level("INFO", "trainers"):
        train_here(tmp_path, *flags)
    assert "0 with rows of another vocabulary, 0 kept" in caplog.text
    old, new = map(kt.load_translator, (first, tmp_path))
    assert new.tokenizer.model == old.tokenizer.model
    assert "<2fr>" in new.tokenizer.pieces(range(new.tokenizer.vocabulary_size))
    for one, other in zip(
        old.model.trainable_weights, new.model.trainable_weights, strict=True
    ):
        is_frozen = "embedding" in one.path or "/encoder/" in one.path
        same = (np.array(one) == np.array(other)).all()
        assert same == is_frozen, one.path
    # The run records the hash of the initial model, which may not change.
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["data"] == {
        **config["data"],
        **initial_model.fingerprint(str(first)),
    }


@pytest.mark.grid
@pytest.mark.training
def test_another_vocabulary_takes_over_shared_rows(
    first, text, tmp_path, caplog
):
    with caplog.at_level("INFO", "trainers"):
        train_here(
            tmp_path,
            *text,
            *SHORT,
            f"--initial_model={first}",
            "--vocabulary_size=401",
            "--freeze=embedding",
        )
    old, new = map(kt.load_translator, (first, tmp_path))
    assert new.tokenizer.vocabulary_size == 401
    rows = kt.text.match_pieces(old.tokenizer, new.tokenizer)
    assert f"Of 401 pieces, {rows.num_shared} are in" in caplog.text
    assert rows.num_shared > 300
    shared = [(i, row[0]) for i, row in enumerate(rows.rows) if len(row) == 1]
    assert len(shared) > 300
    new_rows, old_rows = zip(*shared, strict=True)
    assert_all_equal(
        np.array(new.model.source_embedding.embeddings)[[*new_rows]],
        np.array(old.model.source_embedding.embeddings)[[*old_rows]],
    )


def test_refuses_what_is_no_finished_run(tmp_path):
    initial_model.check(None)
    with pytest.raises(FileNotFoundError, match="there is no config.json"):
        initial_model.check(str(tmp_path))


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (["embeding"], "--freeze=embeding matches no weight"),
        (["("], "takes regular expressions"),
        (["embedding", "."], "freezes all weights"),
    ],
)
def test_refuses_patterns_without_effect(patterns, message):
    model = kt.build_transformer(kt.TransformerConfig(7, 1, 1, 4, 2, 8))
    with pytest.raises(ValueError, match=message):
        initial_model.freeze(model, patterns)
