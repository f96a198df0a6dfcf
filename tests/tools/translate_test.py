"""Standard input to standard output, with a trained model."""

import pathlib
import subprocess
import sys

import keras_transformer as kt

ROOT = pathlib.Path(__file__).parent.parent.parent


def translate(model, text: bytes, *flags):
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "tools.translate",
            f"--model={model}",
            *flags,
        ],
        cwd=ROOT,
        input=text,
        capture_output=True,
        timeout=300,
    )


def test_lines_in_order_from_run_and_saved_model(demo_run):
    sources = [p.source for p in kt.data.illustrated_corpus().test[:100]]
    sources.insert(7, "")
    text = "".join(f"{line}\n" for line in sources).encode()
    from_run = translate(demo_run, text, "--batch_size=7")
    assert from_run.returncode == 0, from_run.stderr
    lines = from_run.stdout.decode().split("\n")
    assert lines.pop() == ""
    live = kt.translation.load_translator(demo_run).translate(sources)
    assert lines == live
    assert lines[7] == ""

    served = translate(demo_run / "saved_model" / "1", text, "--scores")
    assert served.returncode == 0, served.stderr
    columns = [
        line.split("\t") for line in served.stdout.decode().split("\n")[:-1]
    ]
    assert [translation for _, translation in columns] == live
    assert all(float(score) <= 0 for score, _ in columns)


def test_no_input_gives_no_output(demo_run):
    result = translate(demo_run / "saved_model" / "1", b"")
    assert (result.returncode, result.stdout) == (0, b"")


def test_strange_lines(demo_run):
    lines = [b"\xff\xfe", "🎉 \u202eשלום".encode(), b"no newline at the end"]
    lines.insert(1, b"The dog is small. " * 400)
    result = translate(demo_run, b"\r\n".join(lines), "--beam_size=2")
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.decode().splitlines()) == len(lines)
    warnings = [w for w in result.stderr.splitlines() if b"warning: line" in w]
    assert len(warnings) == 1 and b"warning: line 2 has" in warnings[0]


def test_no_such_model(tmp_path):
    result = translate(tmp_path / "nothing", b"a\n")
    assert result.returncode == 1
    message = result.stderr.decode().splitlines()[-1]
    assert message.startswith("error: No such model") and "nothing" in message
