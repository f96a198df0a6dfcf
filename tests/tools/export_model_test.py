"""The model of a run is written for another system."""

import pytest

from keras_transformer import interchange
from keras_transformer.interchange import ctranslate2_file, ctranslate2_import
from tests.interchange import ctranslate2_models as small
from tests.tools import in_process


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    read = ctranslate2_import.read(small.directory("gated"))
    interchange.write_run(read, path)
    return path


def test_exports(run, tmp_path):
    path = tmp_path / "it"
    result = in_process.call(
        "export_model",
        "--to=ctranslate2",
        f"--model={run}",
        f"--output_dir={path}",
        "--quantization=int8",
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.decode() == f"{path}\n"
    file = ctranslate2_file.read(path / "model.bin")
    assert file.variables["decoder/projection/weight"].dtype == "int8"


def test_errors(run):
    result = in_process.call(
        "export_model",
        "--to=ctranslate2",
        f"--model={run}",
        f"--output_dir={run}",
    )
    assert result.returncode == 1
    assert b"not an empty directory" in result.stderr
