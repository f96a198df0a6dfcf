"""An engine is started once, and answers each question."""

import sys

import pytest

from tools.engines import process

ENGINE = """\
#!{python}
import json, sys
print("Text that is not an answer.")
print("@" + json.dumps({{"arguments": sys.argv[1:]}}), flush=True)
for number, line in enumerate(sys.stdin):
    if line == "end\\n":
        break
    print("@" + json.dumps([number, line]), flush=True)
"""


@pytest.fixture
def python(tmp_path):
    """Returns the path of a program that replaces an interpreter."""
    path = tmp_path / "python"
    path.write_text(ENGINE.format(python=sys.executable))
    path.chmod(0o755)
    return str(path)


@pytest.mark.process
def test_answers(python):
    engine = process.Engine(python, "a.b", ["c"])
    assert engine.greeting == {"arguments": ["-m", "a.b", "c"]}
    assert not engine.is_missing
    assert engine.ask() == [0, "\n"]
    assert engine.ask("memory") == [1, "memory\n"]
    engine.close()


@pytest.mark.process
def test_a_process_that_ends_early(python):
    engine = process.Engine(python, "a.b", [])
    message = f"ended early. Its command: {python} -m a.b"
    with pytest.raises(ChildProcessError, match=message):
        engine.ask("end")
    engine.close()


@pytest.mark.process
def test_an_interpreter_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError):
        process.Engine(f"{tmp_path}/python", "a.b", [])
