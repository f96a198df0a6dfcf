"""The program as a user calls it."""

import pytest

import keras_transformer as kt
from keras_transformer import export
from tests.tools import in_process
from tests.tools.inspect_saved_model import served
from tests.translation import toy
from tools.inspect_saved_model import loading, probe


def inspect(*flags):
    return in_process.call(
        "inspect_saved_model", f"--model={served.directory()}", *flags
    )


@pytest.mark.grid
@pytest.mark.process
def test_with_the_run_it_was_exported_from(tmp_path):
    run = toy.write_run(tmp_path / "run")
    texts = tmp_path / "texts"
    texts.write_text("".join(f"{text}\n\n" for text in served.TEXTS))
    result = inspect(
        f"--against={run}",
        f"--source={texts}",
        "--batch_sizes=2",
        "--threads=3",
        "--requests=1",
    )
    assert result.returncode == 0, result.stderr
    output = result.stdout.decode()
    assert "contract   every signature answers as docs/serving.md" in output
    assert f"against    {run}: 0 of 3 translations differ" in output
    [speed] = [
        line.split()
        for line in output.splitlines()
        if line.split()[:2] == ["2", "3"]
    ]
    p50, p99, rate = map(float, speed[2:])
    assert 0 < p50 <= p99
    assert rate > 0


@pytest.mark.grid
def test_with_another_saved_model(tmp_path, monkeypatch):
    # The test above starts the process; here the probe runs in this one.
    monkeypatch.setattr(loading, "ask", probe.run)
    other = tmp_path / "1"
    live = toy.translator()
    shorter = kt.Translator(
        live.model,
        live.tokenizer,
        lengths=kt.translation.Lengths(maximum=2),
    )
    export.save(shorter, other, signatures=[])
    texts = tmp_path / "texts"
    texts.write_text("ba de fi go\nba\n")
    result = inspect(
        f"--against_saved_model={other}", f"--source={texts}", "--requests=0"
    )
    output = result.stdout.decode()
    assert result.returncode == 1
    assert f"against    {other}: 1 of 2 translations differ" in output
    assert "  lengths: {" in output
    [line] = result.stderr.decode().splitlines()
    assert line == (
        f"error: {served.directory()}: 1 of 2 translations are not those of "
        f"{other}"
    )


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--batch_sizes=1,none", "--batch_sizes are whole numbers of at least"),
        ("--threads=0", "--threads are whole numbers of at least 1. Received"),
    ],
)
def test_refuses_sizes(flag, message):
    result = inspect(flag)
    assert result.returncode == 1
    assert message in result.stderr.decode()


def test_a_file_without_text(tmp_path):
    path = tmp_path / "empty"
    path.write_text("\n \n")
    result = inspect(f"--source={path}")
    assert result.returncode == 1
    assert "has no text" in result.stderr.decode()
