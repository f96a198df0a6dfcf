"""The command learns a vocabulary from the texts of the right side."""

import re

import pytest

import keras_transformer as kt
from tests.tools import in_process

ENGLISH = "zero one two three four five six seven eight nine ten eleven".split()
FRENCH = "zéro un deux trois quatre cinq six sept huit neuf dix onze".split()
TEXT = {
    name: [f"{words[i % 12]} {words[5 * i % 11]}" for i in range(61)]
    for name, words in (("en", ENGLISH), ("fr", FRENCH))
}


@pytest.fixture
def run(tmp_path):
    for name, lines in TEXT.items():
        (tmp_path / name).write_text("".join(f"{x}\n" for x in lines))
    pairs = zip(*TEXT.values(), strict=True)
    (tmp_path / "tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs))

    def call(*flags, text=None):
        text = text or [f"--source={tmp_path}/en", f"--target={tmp_path}/fr"]
        output = f"--output={tmp_path}/v.model"
        return in_process.call("build_vocabulary", *text, output, *flags)

    return call


def pieces(path):
    tokenizer = kt.Tokenizer.from_file(path)
    return tokenizer.pieces(range(tokenizer.vocabulary_size))


@pytest.mark.parametrize("algorithm", kt.text.ALGORITHMS)
def test_one_vocabulary(run, tmp_path, algorithm):
    result = run(
        "--size=297", f"--algorithm={algorithm}", "--user_symbols=<2fr>,<2de>"
    )
    assert result.returncode == 0, result.stderr
    output = result.stdout.decode()
    assert "297 pieces, rounded up to 304, a multiple of 8" in output
    assert f"v.model: 304 pieces, {algorithm}." in output
    learned = pieces(tmp_path / "v.model")
    assert len(learned) == 304
    assert {"<2fr>", "<2de>", "w", "é"} <= set(learned)


def test_the_exact_size(run, tmp_path):
    result = run("--size=293", "--exact_size")
    assert len(pieces(tmp_path / "v.model")) == 293
    assert b"rounded" not in result.stdout


def test_two_vocabularies(run, tmp_path):
    flags = f"--target_output={tmp_path}/t.model", "--user_symbols=<2fr>"
    for text in (None, [f"--tsv={tmp_path}/tsv"]):
        assert run("--size=288", *flags, text=text).returncode == 0
        source, target = (
            set(pieces(tmp_path / name)) for name in ("v.model", "t.model")
        )
        assert "w" in source - target
        assert "é" in target - source
        assert "<2fr>" in source - target


def test_the_trainer_learns_the_same(run, tmp_path):
    assert run("--size=304", text=[f"--tsv={tmp_path}/tsv"]).returncode == 0
    pairs = kt.data.read_tsv([f"{tmp_path}/tsv"])
    model = kt.learn_vocabulary([text for pair in pairs for text in pair], 304)
    assert (tmp_path / "v.model").read_bytes() == model


def test_a_sample(run, tmp_path):
    words = [f"w{i}" for i in range(101)]
    (tmp_path / "many").write_text("\n".join(words))
    flags = "--sentences=7", "--seed=3", "--size=272"
    text = [f"--source={tmp_path}/many"]
    assert run(*flags, text=text).returncode == 0
    expected = kt.learn_vocabulary(words, 272, seed=3, max_sentences=7)
    assert (tmp_path / "v.model").read_bytes() == expected


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--tsv=x",), "Give the text once"),
        (("--size=8000",), "too small for this vocabulary.*=8000"),
        (("--user_symbols=a b",), "without spaces"),
        (("--output=/nowhere/v.model",), "/nowhere is not a directory"),
        (
            ("--target_output=/nowhere/t.model",),
            "Received: --target_output=/nowhere/t.model",
        ),
        (("--source=nowhere",), "No such file: nowhere"),
    ],
)
def test_errors(run, tmp_path, flags, message):
    result = run(*flags)
    assert result.returncode == 1
    assert re.search(f"error: .*{message}", result.stderr.decode())
    assert not (tmp_path / "v.model").exists()


def test_each_vocabulary_needs_text_and_a_file(run, tmp_path):
    for target, side, message in (
        ("t.model", "source", "--target_output needs text of the targets"),
        ("t.model", "target", "--output is the vocabulary of the sources"),
        ("../" + tmp_path.name + "/v.model", None, "must be two files"),
    ):
        text = None if side is None else [f"--{side}={tmp_path}/en"]
        result = run(f"--target_output={tmp_path}/{target}", text=text)
        assert message in result.stderr.decode()
        assert not (tmp_path / "v.model").exists()
