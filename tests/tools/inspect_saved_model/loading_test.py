"""The probe runs in its own process; directories without a model fail."""

import json
import subprocess

import pytest
import tensorflow as tf

from tests.tools.inspect_saved_model import served
from tests.translation import toy  # noqa: F401  The tests use its translator.
from tools.inspect_saved_model import loading


@pytest.mark.process
@pytest.mark.grid
def test_a_model_of_another_kind(tmp_path):
    module = tf.Module()
    module.double = tf.function(
        lambda x: {"y": 2 * x}, [tf.TensorSpec([None], name="x")]
    )
    path = str(tmp_path / "1")
    tf.saved_model.save(module, path, {"double": module.double})
    with pytest.raises(
        ValueError,
        match=f"{path} is a SavedModel of another kind. Received the "
        "signatures: double of x. Expected serving_default",
    ):
        loading.ask(served.job(directory=path))


def test_a_directory_without_a_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="it has no file saved_model"):
        loading.check_directory(tmp_path)


def test_the_directory_of_versions():
    versions = served.directory().parent
    with pytest.raises(
        FileNotFoundError, match=f"Give one of its versions: {versions}/1."
    ):
        loading.check_directory(versions)


def test_the_newest_version(tmp_path):
    for version in ("9", "10"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "saved_model.pb").touch()
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}/10."):
        loading.check_directory(tmp_path)


def test_the_texts_that_warm_it_up(tmp_path):
    assert len(loading.texts_of(served.directory())) == 2
    # An older SavedModel has no metadata.
    assert len(loading.texts_of(tmp_path)) > 0


@pytest.mark.parametrize(
    ("code", "stdout", "message"),
    [
        (
            0,
            json.dumps({"signatures": {"double": {"inputs": {"x": []}}}}),
            "is a SavedModel of another kind. Received the signatures: double "
            "of x. Expected",
        ),
        (1, "", "as a SavedModel of this package: no such op Copy or export"),
    ],
)
def test_what_the_process_says(code, stdout, message, monkeypatch):
    def run(command, **how):
        return subprocess.CompletedProcess(
            command, code, stdout, "Traceback\nno such op"
        )

    monkeypatch.setattr(loading.subprocess, "run", run)
    with pytest.raises(ValueError, match=message):
        loading.ask(served.job())
