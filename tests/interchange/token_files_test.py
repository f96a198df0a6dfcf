"""Lists of tokens are read from text files and from JSON."""

import pytest

from keras_transformer.interchange import token_files


def test_lines(tmp_path):
    path = tmp_path / "v.txt"
    path.write_bytes("<s>\na\r\n\u2028\n\u00a0b\n".encode())
    assert token_files.read_tokens(path) == ["<s>", "a", "\u2028", "\u00a0b"]


def test_json(tmp_path):
    path = tmp_path / "v.json"
    path.write_text('["<s>", "\\n", "é"]', encoding="utf-8")
    assert token_files.read_tokens(path) == ["<s>", "\n", "é"]


def test_a_pair_of_either_kind(tmp_path):
    with pytest.raises(FileNotFoundError, match="vocabulary of the source"):
        token_files.read_pair(tmp_path)
    (tmp_path / "source_vocabulary.txt").write_text("a\n")
    with pytest.raises(FileNotFoundError, match="target_vocabulary, .json"):
        token_files.read_pair(tmp_path)
    (tmp_path / "target_vocabulary.json").write_text('["b"]')
    assert token_files.read_pair(tmp_path) == (["a"], ["b"])
    (tmp_path / "shared_vocabulary.txt").write_text("c\n")
    assert token_files.read_pair(tmp_path) == (["c"], ["c"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.txt", b"a\n\xff\n"),
        ("v.json", b'["a",'),
        ("v.json", b"[" * 100_000),
        ("v.json", b'{"a": 1}'),
        ("v.json", b'["a", 1]'),
    ],
)
def test_files_that_are_no_lists(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} is not a vocabulary"):
        token_files.read_tokens(path)


def test_padding():
    assert token_files.padding_id(["<s>", "<pad>"], ["a", "<pad>"]) == 1
    assert token_files.padding_id(["<blank>", "a"]) == 0
    assert token_files.padding_id(["<pad>", "a"], ["a", "<pad>"]) is None
    assert token_files.padding_id(["<pad>"], ["a"]) is None
