"""What `--precision=auto` chooses for a new run and for an existing run."""

import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer.training import hardware
from trainers import precision, settings

FAST = {"avx512_bf16"}
SLOW = {"avx512_vnni"}


@pytest.fixture
def resolve(monkeypatch, tmp_path):
    """Returns a function that resolves a precision on a CPU with features."""

    def resolve(asked, features):
        monkeypatch.setattr(
            hardware,
            "read_hardware",
            lambda strategy=None: hardware.Hardware("CPU", (), features),
        )
        return precision.resolve(
            settings.TrainingSettings(precision=asked, seed=7),
            kt.runs.RunDirectory(tmp_path),
            tf.distribute.get_strategy(),
        )

    return resolve


@pytest.mark.parametrize(
    "features, policy, reason",
    [
        (FAST, "mixed_bfloat16", "the CPU has avx512_bf16"),
        (SLOW, "float32", "the CPU has no bfloat16 instructions"),
    ],
)
def test_auto_follows_the_machine(resolve, caplog, features, policy, reason):
    with caplog.at_level("INFO", "trainers"):
        resolved = resolve("auto", features)
    # Nothing else has changed.
    assert resolved == settings.TrainingSettings(precision=policy, seed=7)
    assert caplog.messages == [f"Precision {policy}: {reason}."]


@pytest.mark.parametrize("begun", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("features", [FAST, SLOW])
def test_a_run_keeps_its_precision(resolve, tmp_path, caplog, begun, features):
    kt.runs.RunDirectory(tmp_path).write_config(
        {"settings": {"precision": begun}}
    )
    with caplog.at_level("INFO", "trainers"):
        assert resolve("auto", features).precision == begun
    assert caplog.messages == [f"Precision {begun}: the run began with it."]
    # A given precision stays; a later check compares it with the run's.
    assert resolve("mixed_float16", features).precision == "mixed_float16"


@pytest.mark.parametrize(
    "asked, features, warns",
    [
        ("mixed_bfloat16", SLOW, True),
        ("mixed_bfloat16", FAST, False),
        ("float32", SLOW, False),
        ("mixed_float16", SLOW, False),
    ],
)
def test_what_was_asked_for_stays(resolve, caplog, asked, features, warns):
    with caplog.at_level("INFO", "trainers"):
        assert resolve(asked, features).precision == asked
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING"] * warns
    assert ("mixed_bfloat16 is probably slower" in caplog.text) == warns
