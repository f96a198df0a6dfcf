"""Errors of settings and data end a run before it writes anything."""

import dataclasses
import json
import pathlib
from unittest import mock

import pytest

import keras_transformer as kt
from trainers import corpora, run, settings, tokenizers


def write(path: pathlib.Path, lines) -> str:
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return str(path)


@pytest.fixture
def files(tmp_path):
    """Writes 83 pairs of spelled digits; returns settings that read them."""
    english = "zero one two three four five six seven eight nine".split()
    french = "zéro un deux trois quatre cinq six sept huit neuf".split()
    numbers = [(7 * i % 10, 3 * i % 10, i % 7) for i in range(83)]
    source = [" ".join(english[d] for d in n).encode() for n in numbers]
    target = [" ".join(french[d] for d in n).encode() for n in numbers]
    return {
        "train_source": [write(tmp_path / "train.en", source)],
        "train_target": [write(tmp_path / "train.fr", target)],
        "dev_source": [write(tmp_path / "dev.en", source[:5])],
        "dev_target": [write(tmp_path / "dev.fr", target[:5])],
    }


def fails(tmp_path, message, values, overrides=None):
    output = tmp_path / "output"
    with pytest.raises((ValueError, OSError), match=message):
        run.train(
            settings.TrainingSettings(preset="demo", steps=1, **values),
            overrides or {},
            output,
        )
    assert not output.exists()


def fails_in_time(tmp_path, message, values, overrides=None):
    """Checks what `fails` checks, and that no data is read."""
    with mock.patch.object(corpora, "load", side_effect=AssertionError):
        fails(tmp_path, message, values, overrides)


def test_missing_file(tmp_path, files):
    files["train_source"] = [f"{tmp_path}/nowhere.en"]
    fails(tmp_path, "No such file: .*nowhere.en", files)


def test_different_line_counts(tmp_path, files):
    files["dev_source"] = files["train_source"]
    fails(tmp_path, "train.en with 83 lines, .*dev.fr with 5 lines", files)


def test_not_utf8(tmp_path, files):
    files["dev_target"] = [
        write(tmp_path / "latin.fr", [b"un", b"z\xe9ro", b"", b"", b""])
    ]
    fails(tmp_path, "latin.fr, line 2: not UTF-8", files)


def test_nothing_left(tmp_path, files):
    files["max_length"] = 2
    fails(tmp_path, "No sentence pair is left of 83: 0 have an empty", files)


def test_vocabulary_larger_than_the_text_allows(tmp_path, files):
    message = "vocabulary_size=5000. Expected at most [0-9]+"
    fails(tmp_path, message, files, {"vocabulary_size": 5000})


def test_batch_too_small(tmp_path, files):
    files["tokens_per_batch"] = 100
    fails_in_time(tmp_path, "tokens_per_batch=100.*at least 128", files)


def test_heads_that_do_not_divide(tmp_path, files):
    message = "model_dim=128, num_heads=3"
    fails_in_time(tmp_path, message, files, {"num_heads": 3})


def test_one_matrix_for_two_vocabularies(tmp_path, files):
    message = "tying='all'.*target_vocabulary_size=290.*tying='target'"
    sizes = {"vocabulary_size": 293, "target_vocabulary_size": 290}
    fails_in_time(tmp_path, message, files, sizes)


def test_special_ids_that_no_vocabulary_has(tmp_path, files):
    message = "pad with 0 and can start with one of .0, 1, 2..*start_id=7"
    fails_in_time(tmp_path, message, files, {"start_id": 7})


def test_unknown_strategy(tmp_path, files):
    files["strategy"] = "many"
    fails_in_time(tmp_path, "Received: 'many'", files)


def test_steps_are_rounded_as_the_run_has_them(tmp_path, files):
    asked = settings.TrainingSettings(
        preset="demo",
        precision="float32",
        schedule="cosine",
        learning_rate=1e-3,
        steps=10,
        steps_per_execution=4,
        **files,
    )
    config = {
        "settings": {
            **dataclasses.asdict(asked),
            "steps": 12,
            "vocabulary_size": None,
        }
    }
    (tmp_path / "config.json").write_text(json.dumps(config))

    class DataAreRead(Exception):
        pass

    with (
        mock.patch.object(corpora, "load", side_effect=DataAreRead),
        pytest.raises(DataAreRead),
    ):
        run.train(asked, {}, tmp_path)


def test_a_vocabulary_is_known_by_its_pieces(tmp_path, files):
    folder = tmp_path / "run"
    folder.mkdir()
    one, other = (
        kt.Tokenizer(kt.learn_vocabulary([text], may_be_smaller=True))
        for text in ("ten six", "dix six")
    )
    vocabulary = tmp_path / "moved.model"
    asked = settings.TrainingSettings(
        preset="demo",
        precision="float32",
        vocabulary=str(vocabulary),
        **files,
    )
    config = {
        "settings": {
            **dataclasses.asdict(asked),
            "vocabulary": "old.model",
            "vocabulary_size": None,
        },
        "data": tokenizers.Tokenizers(one).fingerprint(),
    }
    (folder / "config.json").write_text(json.dumps(config))

    class DataAreRead(Exception):
        pass

    for written, expected, message in (
        (one, DataAreRead, "read"),
        (other, ValueError, "differ in data.vocabulary_sha256"),
    ):
        written.save(vocabulary)
        with (
            mock.patch.object(corpora, "load", side_effect=DataAreRead("read")),
            pytest.raises(expected, match=message),
        ):
            run.train(asked, {}, folder)


@pytest.mark.parametrize(
    "values, overrides, message",
    [
        ({"tokenize": "foo"}, {}, "tokenize='foo'. Expected one of none"),
        ({"seed": -1}, {}, "--seed must be at least 0"),
        ({}, {"num_encoder_layers": 0}, "num_encoder_layers.*0"),
        ({}, {"dropout": 1.5}, r"`dropout` is the share.*1\.5"),
        ({}, {"norm": "batch"}, "'batch'"),
    ],
)
def test_what_the_first_second_shows(
    tmp_path, files, values, overrides, message
):
    fails_in_time(tmp_path, message, {**files, **values}, overrides)


def test_no_place_for_the_run(tmp_path, files):
    (tmp_path / "file").touch()
    asked = settings.TrainingSettings(preset="demo", **files)
    with (
        mock.patch.object(corpora, "load", side_effect=AssertionError),
        pytest.raises(NotADirectoryError, match="file is not a directory"),
    ):
        run.train(asked, {}, tmp_path / "file" / "run")


@pytest.mark.parametrize(
    "values, overrides, message",
    [
        ({"seed": 3}, {}, "settings.seed: 0 there, 3 now"),
        ({}, {"model_dim": 64}, "architecture.model_dim: 128 there, 64 now"),
        ({}, {"vocabulary_size": 300}, "vocabulary_size: None there, 300 now"),
    ],
)
def test_another_runs_directory(tmp_path, files, values, overrides, message):
    config = {
        "settings": {"preset": "demo", "seed": 0, "vocabulary_size": None},
        "architecture": {"model_dim": 128},
    }
    for name in ("max_length", "tokens_per_batch", "adam_epsilon"):
        config["settings"][name] = getattr(settings.TrainingSettings(), name)
    (tmp_path / "config.json").write_text(json.dumps(config))
    asked = settings.TrainingSettings(preset="demo", **files, **values)
    with (
        mock.patch.object(corpora, "load", side_effect=AssertionError),
        pytest.raises(ValueError, match=message),
    ):
        run.train(asked, overrides, tmp_path)
