"""A run directory or a preset determines the steps."""

import dataclasses

import pytest

from keras_transformer import search
from keras_transformer.runs import run_directory
from tests.tools.tpu_preflight import programs
from tools.tpu_preflight import chips
from tools.tpu_preflight import run as tpu_run
from tools.tpu_preflight import steps as tpu_steps
from trainers import defaults, settings

SETTINGS = defaults.with_defaults(
    settings.TrainingSettings(
        preset="tiny",
        tokens_per_batch=211,
        max_length=13,
        precision="mixed_bfloat16",
        label_smoothing=0.2,
        beam_size=3,
        jit_compile=True,
    ),
    100,
)


def write_run(path, architecture=None):
    run_directory.RunDirectory(path).write_config(
        {
            "architecture": architecture or dataclasses.asdict(programs.CONFIG),
            "settings": {
                **dataclasses.asdict(SETTINGS),
                "vocabulary_size": None,
            },
            "data": {},
        }
    )
    return str(path)


def test_a_run(tmp_path):
    path = write_run(tmp_path)
    assert tpu_run.configuration(path, None, max_length=None) == (
        programs.CONFIG,
        SETTINGS,
    )
    _, found = tpu_run.configuration(path, None, precision="float32")
    assert found == dataclasses.replace(SETTINGS, precision="float32")
    _, found = tpu_run.configuration(path, None, precision="auto")
    assert found.precision == "mixed_bfloat16"


def test_a_preset():
    architecture, found = tpu_run.configuration(
        None, "big", tokens_per_batch=997
    )
    assert architecture.model_dim == 1024
    assert (found.tokens_per_batch, found.max_length) == (997, 128)
    # A preset has the precision of TPUs, not that of this machine.
    assert found.precision == "mixed_bfloat16"
    assert found.length_penalty == 0.6


@pytest.mark.parametrize(
    ("model", "preset", "message"),
    [
        (None, None, "--model=None, --preset=None"),
        ("runs/a", "tiny", "--model=runs/a, --preset=tiny"),
        (None, "huge", "Unknown preset. Received: 'huge'"),
        ("runs/absent", None, "No such run: .*absent/config.json"),
    ],
)
def test_no_configuration(model, preset, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        tpu_run.configuration(model, preset)


@pytest.mark.parametrize("text", ["no", "{}", '{"settings": {}}'])
def test_no_run(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match="is not a run's configuration"):
        tpu_run.configuration(str(tmp_path), None)


def test_a_run_of_other_parts(tmp_path):
    path = write_run(tmp_path, {"vocabulary_size": 23, "colour": "red"})
    with pytest.raises(ValueError, match="config.json is not.*colour"):
        tpu_run.configuration(path, None)


def test_unknown_precision():
    with pytest.raises(ValueError, match="Unknown --precision. .*'half'"):
        tpu_run.configuration(None, "tiny", precision="half")


def test_steps():
    model = tpu_run.model_of(programs.CONFIG, SETTINGS)
    assert model.compute_dtype == "bfloat16"
    assert model.loss.label_smoothing == 0.2
    assert not model.jit_compile
    steps = tpu_run.steps_of(model, SETTINGS, chips.topology("v5e:2x2"), 5)
    assert [(s.name, s.length) for s in steps] == [
        ("training", 13),
        ("decoding", 32),
    ]
    # Five sentences are padded to eight rows, which four replicas share.
    assert steps[-1].rows == 2
    assert tpu_run.chosen(steps, ["training"], ["13"]) == [steps[0]]
    assert tpu_run.chosen(steps, list(tpu_run.STEPS), None) == steps
    with pytest.raises(ValueError, match="--lengths=9. Expected.* 13"):
        tpu_run.chosen(steps, ["training"], ["9"])
    with pytest.raises(ValueError, match="--steps=scoring. .* training, dec"):
        tpu_run.chosen(steps, ["scoring"], None)


def test_the_search_of_the_run(monkeypatch):
    searches = []
    monkeypatch.setattr(
        tpu_steps,
        "decoding_step",
        lambda model, search, *_: searches.append(search),
    )
    run = dataclasses.replace(SETTINGS, minimum_risk=2)
    model = tpu_run.model_of(programs.CONFIG, SETTINGS)
    tpu_run.steps_of(model, run, chips.topology("v5e:2x2"), 5)
    assert set(searches) == {
        search.BeamSearch(
            beam_size=3,
            alpha=run.length_penalty,
            penalty=run.length_penalty_form,
            minimum_risk=2,
        )
    }
