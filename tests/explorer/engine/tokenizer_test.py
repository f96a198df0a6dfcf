"""The tokenizer in the browser does what `Tokenizer` does."""

import io
import json
import random

import pytest
import sentencepiece
import tensorflow as tf

from keras_transformer.explorer import (
    embedded_vocabulary,
    sentencepiece_file,
)
from keras_transformer.text import NORMALIZATIONS, Tokenizer
from tests import costs
from tests.explorer import edited_models, hostile_texts, translators

pytestmark = [pytest.mark.browser, pytest.mark.process]

_RUN = """
async ([data, texts, ids]) => {
  const { Tokenizer } = await import("/engine/tokenizer.js");
  const tokenizer = new Tokenizer(JSON.parse(data));
  texts = JSON.parse(texts);
  return JSON.stringify({
    encoded: texts.map((text) => tokenizer.encode(text)),
    sources: texts.map((text) => tokenizer.encodeSource(text)),
    decoded: ids.map((each) => tokenizer.decode(each)),
  });
}
"""


def in_browser(page, tokenizer, texts, ids):
    data = json.dumps(embedded_vocabulary.embed_vocabulary(tokenizer))
    return json.loads(page.evaluate(_RUN, [data, json.dumps(list(texts)), ids]))


def random_ids(tokenizer, count=700):
    generator = random.Random(1)
    size = tokenizer.vocabulary_size
    return [
        [generator.randrange(size) for _ in range(generator.randint(0, 13))]
        for _ in range(count)
    ]


def assert_same(page, tokenizer, texts):
    read = tf.constant([text.encode() for text in texts])
    encoded = tokenizer.encode(read).to_list()
    sources = tokenizer.encode_source(read).to_list()
    ids = encoded + random_ids(tokenizer)
    decoded = tokenizer.decode(tf.ragged.constant(ids, dtype=tf.int32)).numpy()
    found = in_browser(page, tokenizer, texts, ids)
    for i, text in enumerate(texts):
        assert found["encoded"][i] == encoded[i], repr(text)
        assert found["sources"][i] == sources[i], repr(text)
    for each, now, expected in zip(ids, found["decoded"], decoded, strict=True):
        assert now == expected.decode(), each
    return encoded, sources


@pytest.mark.parametrize(
    "normalization",
    costs.grid(NORMALIZATIONS, keep=("nfkc_cf",)),
)
def test_hostile_text(front_end, normalization):
    tokenizer = translators.tokenizer(normalization)
    texts = hostile_texts.lines()
    encoded, sources = assert_same(front_end, tokenizer, texts)
    assert len({tuple(each) for each in encoded}) > 1500
    differ = sum(a != b for a, b in zip(encoded, sources, strict=True))
    # Only the default normalization leaves out unknown words.
    assert (differ > 100) == (normalization == "nfc_punctuation")


def test_lone_surrogates(front_end):
    tokenizer = translators.tokenizer("none")
    texts = hostile_texts.LONE_SURROGATES
    as_text = [
        "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
        for text in texts
    ]
    found = in_browser(front_end, tokenizer, texts, [])
    assert found["encoded"] == tokenizer.encode(as_text).to_list()


@pytest.mark.parametrize("kind", ("bpe", "unigram"))
@pytest.mark.parametrize("spells_bytes", (True, False))
def test_vocabulary_of_another_system(front_end, kind, spells_bytes):
    tokenizer = Tokenizer(of_sentencepiece(kind, spells_bytes))
    assert_same(front_end, tokenizer, hostile_texts.lines(500))


def test_rules_for_decoded_text(front_end, tmp_path):
    rules = tmp_path / "rules.tsv"
    rules.write_text("63\t6B\n61 74\t20 41\n")  # c becomes k, and at becomes A.
    tokenizer = Tokenizer(
        of_sentencepiece("bpe", True, denormalization_rule_tsv=str(rules))
    )
    assert_same(front_end, tokenizer, hostile_texts.lines(300))


def of_sentencepiece(kind, spells_bytes, **settings):
    """A vocabulary with pieces of the user and with other special ids.

    SentencePiece learns no piece that contains a piece of the user. Two such
    pieces replace learned pieces, because a tokenizer might prefer them.
    """
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(translators.TEXTS * 3),
        model_writer=model,
        model_type=kind,
        vocab_size=500 if spells_bytes else 200,
        hard_vocab_limit=False,
        byte_fallback=spells_bytes,
        user_defined_symbols=["cat", "the c", "<x>", "<xy>", "Ａ"],
        pad_id=7,
        eos_id=0,
        bos_id=-1,
        unk_id=5,
        num_threads=1,
        minloglevel=2,
        **settings,
    )
    learned = sentencepiece_file.read(model.getvalue()).pieces
    *_, first, second = (i for i, each in enumerate(learned) if len(each) > 2)
    score = 0.5 if kind == "bpe" else -3.0
    others = {first: ("cats", score, 1), second: ("▁cat", score, 1)}
    return edited_models.with_pieces(
        model.getvalue(),
        lambda index, *piece: others.get(index, piece),
    )
