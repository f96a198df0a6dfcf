"""Every vocabulary is read from its bytes, and damaged bytes are refused."""

import pytest

from keras_transformer import text


@pytest.mark.parametrize(
    "make",
    [
        lambda: text.Tokenizer(
            text.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True)
        ),
        lambda: text.TokenList(["<pad>", "<s>", "</s>", "<unk>", "a", "cat"]),
        lambda: text.PieceTable(
            ["<pad>", "<s>", "</s>", "<unk>", "\u2581a", "\u2581cat"],
            text.learn_vocabulary(["a cat"] * 3, may_be_smaller=True),
        ),
    ],
)
def test_each_kind(make, tmp_path):
    made = make()
    made.save(tmp_path / "file")
    for read in (
        text.tokenizer_of(made.model),
        text.read_tokenizer(tmp_path / "file"),
    ):
        assert type(read) is type(made)
        assert read.model == made.model
        assert read.special_ids == made.special_ids
        assert read.encode(["a cat"]).to_list() == (
            made.encode(["a cat"]).to_list()
        )


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (b"", "Received 0 bytes"),
        (b"{", "Received 1 bytes that cannot be read"),
        (b'{"tokens": []}', "cannot be read .KeyError"),
        (b'{"kind": "letters"}', "Received: 'letters'. Expected one of 'by"),
        (b'{"kind": []}', r"Received: \[\]. Expected one of"),
        (b'{"kind": "tokens", "tokens": ["a"]}', "Received KeyError.'special"),
        (
            b'{"kind": "piece_table", "tokens": [], "sentencepiece": "?"}',
            "SentencePiece model of the table cannot be read",
        ),
        (
            b'{"kind": "tokens", "tokens": [], "special_ids": {"x": 1}}',
            "Received TypeError",
        ),
        (
            b'{"kind": "tokens", "tokens": [1], "special_ids": {}}',
            "Received TypeError",
        ),
        (
            b'{"kind": "byte_pairs", "pieces": [1], "merges": [],'
            b' "special_ids": {}}',
            "Received TypeError",
        ),
        (
            b'{"kind": "piece_table", "tokens": [1], "sentencepiece": "",'
            b' "special_ids": {}}',
            "Received TypeError",
        ),
    ],
)
def test_damaged(model, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        text.tokenizer_of(model)
    (tmp_path / "file").write_bytes(model)
    with pytest.raises(ValueError, match=f"{tmp_path}/file: .*{message}"):
        text.read_tokenizer(tmp_path / "file")
