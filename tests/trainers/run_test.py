"""Faults of settings and data end a run before it touches anything."""

import pathlib

import pytest

import keras_transformer as kt
from trainers import run, settings, tokenizers


def write(path: pathlib.Path, lines) -> str:
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return str(path)


@pytest.fixture
def files(tmp_path):
    """Settings for 83 sentence pairs of digits, spelled in two languages."""
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
    fails(tmp_path, "tokens_per_batch=100.*at least 128", files)


def test_heads_that_do_not_divide(tmp_path, files):
    message = "model_dim=128, num_heads=3"
    fails(tmp_path, message, files, {"num_heads": 3})


def test_one_matrix_for_two_vocabularies(tmp_path, files):
    message = "tying='all'.*target_vocabulary_size=290.*tying='target'"
    sizes = {"vocabulary_size": 293, "target_vocabulary_size": 290}
    fails(tmp_path, message, files, sizes)


def test_special_ids_that_no_vocabulary_has(tmp_path, files):
    message = "pad with 0 and can start with one of .0, 1, 2..*start_id=7"
    fails(tmp_path, message, files, {"start_id": 7})


def test_unknown_strategy(tmp_path, files):
    files["strategy"] = "many"
    fails(tmp_path, "Received: 'many'", files)


def test_defaults_depend_on_the_data():
    found = run.with_defaults(settings.TrainingSettings(), 118)
    assert (found.preset, found.steps) == ("demo", 6 * 118)
    assert found.evaluation_interval == 118
    assert found.learning_rate_factor == 0.5
    assert found.average_checkpoints == 3
    mine = settings.TrainingSettings(
        train_tsv=["mine"], steps=2001, steps_per_execution=10
    )
    found = run.with_defaults(mine, 3000)
    assert (found.preset, found.steps) == ("small", 2010)
    assert found.evaluation_interval == 1000
    assert (found.warmup_steps, found.learning_rate_factor) == (502, 1)


def test_a_convention_sets_loss_and_search_unless_a_flag_does():
    def chosen(**values):
        found = run.with_defaults(settings.TrainingSettings(**values), 118)
        return (
            found.label_smoothing,
            found.smoothing_over,
            found.length_penalty,
            found.length_penalty_form,
        )

    assert chosen() == chosen(convention="paper") == (0.1, "all", 0.6, "gnmt")
    assert chosen(convention="fairseq") == (0.1, "others", 1.0, "average")
    assert chosen(
        convention="fairseq", label_smoothing=0.0, length_penalty=0.0
    ) == (0.0, "others", 0.0, "average")


def test_architecture_is_preset_then_convention_then_flags():
    text = ["zero one two", "zéro un deux"]
    tokenizer = kt.Tokenizer(kt.learn_vocabulary(text, may_be_smaller=True))
    found = run.architecture_of(
        settings.TrainingSettings(convention="fairseq"),
        {"biases": "none", "vocabulary_size": 5},
        tokenizers.Tokenizers(tokenizer),
    )
    assert found.model_dim == kt.PRESETS["demo"].model_dim
    assert (found.positions, found.start_id) == ("fairseq", 2)
    assert found.biases == "none"
    assert found.vocabulary_size == tokenizer.vocabulary_size
    assert found.target_vocabulary_size is None
