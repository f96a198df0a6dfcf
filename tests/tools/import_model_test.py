"""A model of another system becomes a run that every tool accepts."""

import pytest

from tests.interchange import ctranslate2_models as small
from tests.tools import in_process


@pytest.mark.seconds
def test_imports_and_translates(tmp_path):
    run = tmp_path / "run"
    result = in_process.call(
        "import_model",
        "--from=ctranslate2",
        str(small.directory("post_norm")),
        f"--output_dir={run}",
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.decode() == f"{run}: 3,093 parameters\n"
    golden = small.answers("post_norm")
    result = in_process.call(
        "translate",
        f"--model={run}",
        "--beam_size=3",
        "--max_length=11",
        text="\n".join(golden["sources"]).encode() + b"\n",
    )
    assert result.stdout.decode().splitlines() == [
        n_best[0][0] for n_best in golden["n_best"]
    ]


def test_errors_leave_nothing(tmp_path):
    def call(*arguments):
        return in_process.call("import_model", *arguments)

    run = tmp_path / "run"
    result = call("--from=ctranslate2", str(tmp_path), f"--output_dir={run}")
    assert result.returncode == 1
    assert result.stderr.decode() == (
        f"error: {tmp_path} has no model.bin. Give the directory that a "
        "converter of CTranslate2 wrote.\n"
    )
    model = str(small.directory("pre_norm"))
    result = call("--from=ctranslate2", model, f"--output_dir={model}")
    assert b"not an empty directory" in result.stderr
    assert list(tmp_path.iterdir()) == []
