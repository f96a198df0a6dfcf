"""The module reads model files as SentencePiece reads them."""

import pytest
import sentencepiece

from keras_transformer.explorer import sentencepiece_file
from keras_transformer.text import NORMALIZATIONS
from tests.explorer import edited_models, translators


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_pieces(normalization):
    model = translators.tokenizer(normalization).model
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    file = sentencepiece_file.read(model)
    ids = range(processor.vocab_size())
    assert file.pieces == [processor.id_to_piece(i) for i in ids]
    assert file.scores == [processor.get_score(i) for i in ids]
    for kind, is_kind in (
        (sentencepiece_file.BYTE, processor.is_byte),
        (sentencepiece_file.CONTROL, processor.is_control),
        (sentencepiece_file.UNKNOWN, processor.is_unknown),
    ):
        assert [each == kind for each in file.types] == [
            is_kind(i) for i in ids
        ]
    assert set(file.types) == {1, 2, 3, 6}
    assert file.model_type == "bpe"
    assert not file.has_spaces_at_the_end


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_settings_of_the_normalization(normalization):
    file = sentencepiece_file.read(translators.tokenizer(normalization).model)
    folds_spaces = normalization != "none"
    assert file.normalization.add_dummy_prefix == folds_spaces
    assert file.normalization.remove_extra_whitespaces == folds_spaces
    assert file.normalization.escape_whitespaces
    assert file.normalization.rules
    assert not file.denormalization.rules


def test_an_edited_model():
    """SentencePiece and this module read an edited model alike."""
    model = translators.tokenizer().model

    def change(index, piece, score, kind):
        return ("edited", -0.5, 4) if index == 300 else (piece, score, kind)

    edited = edited_models.with_pieces(model, change)
    processor = sentencepiece.SentencePieceProcessor(model_proto=edited)
    assert processor.id_to_piece(300) == "edited"
    assert processor.get_score(300) == -0.5
    file = sentencepiece_file.read(edited)
    assert file.types[300] == sentencepiece_file.USER_DEFINED
    before = sentencepiece_file.read(model)
    assert file.pieces[:300] == before.pieces[:300]
    assert file.normalization == before.normalization
