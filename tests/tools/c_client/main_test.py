"""The C program is compiled, and translates as Python does."""

import subprocess

import pytest
import tensorflow as tf
import tensorflow_text

from tests.export import saved_model_test
from tests.tools import in_process
from tests.translation import toy
from tools.c_client import __main__ as c_client

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(
        c_client.find_compiler() is None, reason="there is no C compiler"
    ),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Returns the program's path, and what its compilation printed."""
    path = tmp_path_factory.mktemp("client") / "translate"
    result = in_process.call("c_client", f"--output={path}")
    assert result.returncode == 0, result.stderr
    return path, result.stdout.decode().strip()


def translate(client, *arguments, text=b""):
    return subprocess.run(
        [client[0], *arguments], input=text, capture_output=True, timeout=300
    )


@pytest.mark.grid
def test_translates_lines(client):
    path, printed = client
    operations = c_client.operations()
    assert printed == (
        f"{path} SAVED_MODEL {' '.join(operations)} < source.txt > target.txt"
    )
    # More lines than a batch. One is empty, one is not UTF-8, and the last
    # line has no newline.
    lines = [
        *(pair.source.encode() for pair in toy.random_pairs(37, seed=3)),
        b"",
        "caf\u00e9".encode("latin-1"),
        b"ba de fi",
    ]
    directory = str(saved_model_test.saved())
    result = translate(client, directory, *operations, text=b"\r\n".join(lines))
    assert result.returncode == 0, result.stderr
    expected = toy.translator()(tf.constant(lines))["translation"].numpy()
    assert result.stdout.split(b"\n") == [*expected.tolist(), b""]


@pytest.mark.grid
def test_no_lines(client):
    directory = str(saved_model_test.saved())
    result = translate(client, directory, *c_client.operations())
    assert (result.returncode, result.stdout) == (0, b"")


@pytest.mark.grid
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "error: usage: translate SAVED_MODEL OPERATIONS... < source"),
        (["model", "nowhere.so"], "error: the operations cannot be loaded: "),
        (["nowhere", None], "error: the SavedModel cannot be loaded: "),
    ],
)
def test_one_message(client, arguments, message):
    arguments = [each or c_client.operations()[0] for each in arguments]
    result = translate(client, *arguments)
    assert (result.returncode, result.stdout) == (1, b"")
    [line] = [
        line
        for line in result.stderr.decode().splitlines()
        if line.startswith("error:")
    ]
    assert line.startswith(message)


def test_the_operations_of_other_vocabularies(client, tmp_path):
    module = tf.Module()
    module.split = tf.function(
        lambda text: {
            "translation": tf.strings.reduce_join(
                tensorflow_text.regex_split(text, "[ab]", "a").to_tensor(),
                axis=1,
                separator="|",
            )
        },
        [tf.TensorSpec([None], tf.string, name="text")],
    )
    tf.saved_model.save(
        module, str(tmp_path / "1"), {"serving_default": module.split}
    )
    result = translate(
        client, str(tmp_path / "1"), *c_client.operations(), text=b"cadbe"
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == b"c|a|d|e\n"


@pytest.mark.grid
def test_a_model_of_another_kind(client, tmp_path):
    module = tf.Module()
    module.double = tf.function(
        lambda x: {"y": 2 * x}, [tf.TensorSpec([None], name="x")]
    )
    tf.saved_model.save(
        module, str(tmp_path / "1"), {"serving_default": module.double}
    )
    result = translate(client, str(tmp_path / "1"), *c_client.operations())
    assert result.returncode == 1
    assert b"of another kind: it does not have: text" in result.stderr


def test_without_a_compiler(tmp_path, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    result = in_process.call("c_client", f"--output={tmp_path}/translate")
    assert result.returncode == 1
    assert "There is no C compiler." in result.stderr.decode()


def test_what_the_compiler_refuses(tmp_path, monkeypatch):
    source = tmp_path / "translate.c"
    source.write_text("int main( {")
    monkeypatch.setattr(c_client, "SOURCE", source)
    result = in_process.call("c_client", f"--output={tmp_path}/translate")
    assert result.returncode == 1
    assert "cannot compile translate.c" in result.stderr.decode()
