"""Two systems are compared, whether they are files or models."""

import json

import pytest

import keras_transformer as kt
from tests.tools import in_process

FEW = ["--samples=11", "--trials=13"]
TEXT = {
    "reference": ["un chat dort ici", "le chien a vu un chat", "oui"],
    "one": ["un chat dort ici", "un chien a vu un chat", "non"],
    "two": ["un chat dort ici", "le chien a vu un chat", "oui"],
    "source": ["a cat sleeps here", "the dog saw a cat", "yes"],
}


@pytest.fixture
def files(tmp_path):
    for name, lines in TEXT.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    return {name: str(tmp_path / name) for name in TEXT}


def call(*flags):
    result = in_process.call("compare", *FEW, *flags)
    assert result.returncode == 0, result.stderr.decode()
    return json.loads(result.stdout)


def test_files(files):
    found = call(
        f"--first={files['one']}",
        f"--second={files['two']}",
        f"--reference={files['reference']}",
        f"--source={files['source']}",
        "--differences=1",
        "--tokenize=none",
    )
    assert found["sentences"] == 3
    expected = kt.translation.compare_translations(
        TEXT["one"],
        TEXT["two"],
        TEXT["reference"],
        tokenize="none",
        samples=11,
        trials=13,
    )
    assert {name: found[name] for name in expected} == expected
    assert "tok:none" in found["bleu"]["bootstrap_signature"]
    [most] = found["differences"]
    assert (most["line"], most["source"]) == (3, "yes")
    assert (most["first"], most["second"]) == ("non", "oui")


@pytest.mark.grid
def test_a_model_and_a_file(demo_run, demo_translator, files, tmp_path):
    pairs = kt.data.illustrated_corpus().test[:7]
    for name, lines in (
        ("source", [pair.source for pair in pairs]),
        ("reference", [pair.target for pair in pairs]),
        ("two", [pair.target for pair in pairs]),
    ):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    found = call(
        f"--first={demo_run}",
        f"--second={files['two']}",
        f"--reference={files['reference']}",
        f"--source={files['source']}",
    )
    translations = demo_translator.translate([pair.source for pair in pairs])
    expected = kt.translation.score_translations(
        translations, [pair.target for pair in pairs]
    )
    assert found["bleu"]["first"] == expected["bleu"]
    assert found["bleu"]["second"] == pytest.approx(100)


def test_refuses_what_does_not_fit(files, tmp_path):
    for flags, message in (
        ([f"--first={tmp_path}"], "without --source"),
        (
            [f"--first={files['one']}", f"--source={files['source']}"] * 2,
            "Both systems translate the same sentences",
        ),
    ):
        (tmp_path / "two").write_text("un\n")
        result = in_process.call(
            "compare",
            *flags,
            f"--second={files['two']}",
            f"--reference={files['reference']}",
        )
        assert result.returncode == 1
        assert message in result.stderr.decode()
