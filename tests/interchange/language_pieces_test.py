"""Tokens of multilingual models are in the order of fairseq."""

import pathlib

import pytest

from keras_transformer.interchange import language_codes, language_pieces

DIRECTORY = pathlib.Path(__file__).parent.parent / "goldens/languages/nllb"


def test_order_of_tokens():
    model = language_pieces.read_model(DIRECTORY)
    tokens = language_pieces.fairseq_tokens(model, ["aa", "bb"], 67, DIRECTORY)
    assert tokens[:4] == ["<s>", "<pad>", "</s>", "<unk>"]
    # The model has 61 pieces. Three of them are special.
    assert tokens[62:] == ["aa", "bb", "<mask>", "<unused65>", "<unused66>"]
    with pytest.raises(ValueError, match="61 pieces.* take 65 ids. Expected"):
        language_pieces.fairseq_tokens(model, ["aa", "bb"], 64, DIRECTORY)


def test_languages():
    check = language_pieces.check_languages
    check(DIRECTORY, language_codes.NLLB, "zul_Latn", "ace_Arab")
    with pytest.raises(ValueError, match="--source_language=None. Expected"):
        check(DIRECTORY, language_codes.MBART, None, "fr_XX")
