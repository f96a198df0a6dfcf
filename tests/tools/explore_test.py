"""The program writes the page or a figure of a run, or says what is wrong."""

import json
import re
import shutil

import pytest

import keras_transformer as kt
from tests import costs
from tests.explorer import calibrations
from tests.interpretation import random_translator
from tests.tools import in_process

TEXT = "the old cat, sleeps"  # The comma must not split the flag.


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    translator = random_translator.translator()
    directory = kt.runs.RunDirectory(tmp_path_factory.mktemp("runs") / "random")
    directory.path.mkdir()
    translator.model.save(directory.model)
    translator.tokenizer.save(directory.tokenizer)
    # `explore` must ignore this: with it a page has only recorded traces.
    directory.write_config({"settings": {"minimum_risk": 3}})
    return directory.path


def call(run, *flags):
    return in_process.call("explore", f"--model={run}", *flags)


def page_of(path):
    html = path.read_text(encoding="utf-8")
    (text,) = re.findall(r'id="page">(.*?)</script>', html, re.DOTALL)
    return json.loads(text), 'id="model">' in html


@pytest.mark.grid
@pytest.mark.seconds
def test_a_page_with_the_model(run, tmp_path):
    path = tmp_path / "page.html"
    found = call(
        run,
        f"--output={path}",
        f"--text={TEXT}",
        "--text=le chat",
        "--target=un chat, vieux",
        "--target=a",
        "--max_length=7",
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.decode() == f"{path}\n"
    data, is_live = page_of(path)
    assert is_live
    assert data["texts"] == [TEXT, "le chat"]
    assert data["targets"] == ["un chat, vieux", "a"]


# `imported_model_test.py` calls the program for a page of recorded traces.
@pytest.mark.grid
def test_a_model_above_the_limit(run, tmp_path):
    path = tmp_path / "page.html"
    found = call(
        run,
        f"--output={path}",
        "--text=a cat",
        "--target=un",
        "--most_megabytes=0",
    )
    assert found.returncode == 0, found.stderr
    assert b"The page has recorded traces of its sentences" in found.stdout
    data, is_live = page_of(path)
    assert not is_live
    assert data["traces"][0]["target"]["text"] == "un"


@pytest.mark.grid
@pytest.mark.seconds
@pytest.mark.parametrize("limit", costs.grid([0, 9], keep=[0]))
def test_a_run_that_is_calibrated(run, tmp_path, limit):
    calibrated = tmp_path / "run"
    shutil.copytree(run, calibrated)
    kt.runs.write_calibration(calibrated, calibrations.TWO_POINTS)
    path = tmp_path / "page.html"
    result = call(
        calibrated,
        f"--output={path}",
        "--text=a cat",
        "--target=un chat",
        f"--most_megabytes={limit}",
    )
    assert result.returncode == 0, result.stderr
    data, is_live = page_of(path)
    [trace] = data["traces"]
    assert (trace["assessments"] is None) == is_live
    if not is_live:
        assert trace["assessments"][0]["words"] == ["un", "chat"]
    curve = json.dumps(calibrations.TWO_POINTS.as_json()["words"])
    assert (curve in path.read_text(encoding="utf-8")) == is_live


@pytest.mark.grid
def test_a_figure(run, tmp_path):
    path = tmp_path / "head.svg"
    flags = ["--attention=decoder", "--layer=3", "--head=6", "--format=svg"]
    found = call(
        run, f"--output={path}", f"--text={TEXT}", "--target=le chat", *flags
    )
    assert found.returncode == 0, found.stderr
    assert path.read_bytes().startswith(b"<?xml")
    found = call(run, f"--output={path}", f"--text={TEXT}", *flags, "--head=7")
    assert found.returncode == 1
    assert b"`head` is an index from 0 to 5. Received: 6" in found.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--text= "], "`text` must have words"),
        (["--target=un chat"], "1 of --target, 0 of --text"),
        (
            ["--text=a", "--text=b", "--format=svg"],
            "Received: 2 of --text with --format=svg",
        ),
        (["--head=2"], "--head=2 is for a figure. Give --format"),
        (["--output=/"], "is a directory. Received: --output=/"),
        (["--output=no/page.html"], "is not a directory. Received"),
        (["--model=/nowhere"], "No such model: /nowhere"),
    ],
)
def test_bad_input(run, tmp_path, flags, message):
    found = call(run, f"--output={tmp_path}/page.html", *flags)
    assert found.returncode == 1
    error = found.stderr.decode()
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_other_models_are_refused(run, tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "saved_model.pb").touch()
    for models, message in (
        (f"{run},{run}", "one Transformer. Received: Ensemble"),
        (f"{tmp_path}/served", "is a SavedModel. Give its run directory"),
    ):
        found = call(models, f"--output={tmp_path}/page.html")
        assert found.returncode == 1
        assert message in found.stderr.decode()
