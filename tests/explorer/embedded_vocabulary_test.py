"""A vocabulary as data, and vocabularies that the page cannot read.

`engine/tokenizer_test.py` shows that the data are sufficient.
"""

import io
import json

import pytest
import sentencepiece

from keras_transformer.explorer import embedded_vocabulary
from keras_transformer.text import Tokenizer
from tests.explorer import edited_models, translators


def learn(**settings):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(translators.TEXTS * 3),
        model_writer=model,
        vocab_size=150,
        hard_vocab_limit=False,
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=3,
        num_threads=1,
        minloglevel=2,
        **settings,
    )
    return model.getvalue()


def test_the_data_is_json():
    tokenizer = translators.tokenizer()
    data = embedded_vocabulary.embed_vocabulary(tokenizer)
    assert json.loads(json.dumps(data)) == data
    assert data["pieces"] == tokenizer.pieces(range(tokenizer.vocabulary_size))
    assert data["special_ids"] == {
        "pad": 0,
        "begin": 1,
        "end": 2,
        "unknown": 3,
    }
    assert data["leaves_out_unknown_words"]
    assert data["normalization"]["remove_extra_whitespaces"]
    assert data["denormalization"] is None


def test_rules_for_decoded_text(tmp_path):
    rules = tmp_path / "rules.tsv"
    rules.write_text("63\t6B\n")  # The letter c becomes k.
    model = learn(model_type="bpe", denormalization_rule_tsv=str(rules))
    data = embedded_vocabulary.embed_vocabulary(Tokenizer(model))
    assert data["denormalization"]["rules"]
    assert not data["denormalization"]["add_dummy_prefix"]


@pytest.mark.parametrize(
    ("settings", "message"),
    (
        ({"model_type": "char"}, "of the type 'char'"),
        ({"model_type": "word"}, "of the type 'word'"),
        (
            {"model_type": "bpe", "treat_whitespace_as_suffix": True},
            "spaces at the end of words",
        ),
    ),
)
def test_other_kinds(settings, message):
    with pytest.raises(ValueError, match=message):
        embedded_vocabulary.embed_vocabulary(Tokenizer(learn(**settings)))


def test_unused_pieces():
    def change(index, piece, score, kind):
        return piece, score, 5 if index == 9 else kind

    model = edited_models.with_pieces(learn(model_type="bpe"), change)
    with pytest.raises(ValueError, match="with unused pieces"):
        embedded_vocabulary.embed_vocabulary(Tokenizer(model))
