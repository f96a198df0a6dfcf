"""The part of a translation that stays is measured; the command runs."""

import json
import random
import unicodedata
from unittest import mock

import pytest

from tests.tools import in_process
from tests.translation import toy
from tools import measure_rare_characters as program
from tools.model_flags import loading


@pytest.mark.parametrize(
    ("plain", "changed", "only_more", "one_run"),
    [
        ("a b c", "a b c", True, True),
        ("a b c", "a X b c", True, True),
        ("a b c", "a b c X", True, True),
        ("a b c", "a X Y b c", False, True),
        ("a b c", "X a b Y c", False, False),
        ("a b c", "a X c", False, True),
        ("a b c", "a c", False, True),
        ("a b c d", "a X Y d", False, True),
        ("a b c d", "X", False, False),
        ("a b c d", "X b c Y", False, False),
        ("a b c", "", False, False),
    ],
)
def test_what_stays(plain, changed, only_more, one_run):
    assert program.adds_at_most_one_word(plain, changed) == only_more
    assert program.replaces_at_most_one_run(plain, changed) == one_run


def test_changes():
    generator = random.Random(0)
    text = "the cat sat"
    for _ in range(101):
        emoji = program.insert_emoji(text, generator)
        name = program.insert_name(text, generator)
        for new in (emoji, name):
            rest = "".join(c for c in new if c.isascii())
            assert rest.split() == text.split() and new != text
        accent = program.add_accent(text, generator)
        assert accent != text and len(accent) == len(text)
        decomposed = unicodedata.normalize("NFD", accent)
        assert "".join(c for c in decomposed if c.isascii()) == text
    assert program.add_accent("123", generator) == "123"


def test_measure():
    """Measures a translator that loses nothing, and one that loses all."""

    def upper(texts):
        return [text.upper() for text in texts]

    def ascii_alone(texts):
        if not all(text.isascii() for text in texts):
            return ["?"] * len(texts)
        return upper(texts)

    sources = ["the cat sat on a mat", "a dog ran to the door"] * 11
    found = program.measure(upper, sources)
    assert found["sentences"] == 22
    for name in ("emoji", "name", "accent"):
        assert found[name] == {"rest_stays": 1.0, "changed": []}
    found = program.measure(ascii_alone, sources)
    for name in ("emoji", "name", "accent"):
        assert found[name]["rest_stays"] == 0
        assert len(found[name]["changed"]) == 5
        assert found[name]["changed"][0][1:] == ["THE CAT SAT ON A MAT", "?"]


def test_the_command(tmp_path):
    (tmp_path / "source").write_text("ba de fi\n\ngo hu\n" * 9)
    # The shared translator has its graphs already.
    with mock.patch.object(
        loading, "load", return_value=toy.translator()
    ) as load:
        result = in_process.call(
            "measure_rare_characters",
            "--model=runs/toy",
            f"--source={tmp_path / 'source'}",
            "--sentences=7",
        )
    assert result.returncode == 0, result.stderr
    assert load.call_args.args[0].model == ["runs/toy"]
    found = json.loads(result.stdout)
    assert found["sentences"] == 7
    # The toy was not trained on rare characters: any share is possible.
    for name in ("emoji", "name", "accent"):
        assert 0 <= found[name]["rest_stays"] <= 1
        plain = [row[1] for row in found[name]["changed"]]
        assert set(plain) <= {"FI DE BA", "HU GO"}
