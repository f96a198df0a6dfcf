"""Special ids never change: saved vocabularies and models contain them."""

import pytest
import sentencepiece
import tensorflow as tf

from keras_transformer.text import special_ids, tokenizer, vocabulary

TEXTS = ["the cat sat on a mat", "le chat est assis"]
OTHER = special_ids.SpecialIds(pad=7, begin=5, end=0, unknown=1)


def processor_of(ids):
    return sentencepiece.SentencePieceProcessor(
        model_proto=vocabulary.learn_vocabulary(
            TEXTS, may_be_smaller=True, special_ids=ids
        )
    )


def test_are_the_first_four():
    ids = special_ids.SpecialIds()
    assert (ids.pad, ids.begin, ids.end, ids.unknown) == (0, 1, 2, 3)
    assert ids.as_list() == [0, 1, 2, 3]


@pytest.mark.parametrize("ids", [special_ids.SpecialIds(), OTHER])
def test_sentencepiece_knows_them(ids):
    processor = processor_of(ids)
    assert processor.pad_id() == ids.pad
    assert processor.bos_id() == ids.begin
    assert processor.eos_id() == ids.end
    assert processor.unk_id() == ids.unknown
    assert special_ids.of_model(processor) == ids


def test_a_vocabulary_may_have_no_begin():
    ids = special_ids.SpecialIds(begin=None)
    assert ids.as_list() == [0, 2, 3]
    assert special_ids.of_model(processor_of(ids)) == ids


def test_a_tokenizer_with_other_ids():
    other, usual = (
        tokenizer.Tokenizer(
            vocabulary.learn_vocabulary(
                TEXTS, may_be_smaller=True, special_ids=ids
            )
        )
        for ids in (OTHER, special_ids.SpecialIds())
    )
    assert other.special_ids == OTHER
    assert other.pieces([7, 5, 0]) == ["<pad>", "<bos>", "<eos>"]
    assert other.vocabulary_size == usual.vocabulary_size
    ids = other.encode(TEXTS)
    # Both encode to the same pieces, without special ids.
    for mine, theirs in zip(
        ids.to_list(), usual.encode(TEXTS).to_list(), strict=True
    ):
        assert other.pieces(mine) == usual.pieces(theirs)
        assert not set(mine) & {7, 5, 0, 1}
    assert [text.decode() for text in other.decode(ids).numpy()] == TEXTS
    # Special ids give no text at any position. The usual special ids are pieces
    # of this vocabulary.
    first = ids.to_list()[0]
    [text] = other.decode([[5, *first[:2], 7, *first[2:], 1, 0, 7]]).numpy()
    assert text.decode() == TEXTS[0]
    assert other.decode([[2, 3]]).numpy()[0] != b""


@pytest.mark.parametrize(
    "ids", [{"pad": 2}, {"begin": 3}, {"unknown": -1}, {"source_prefix": [-5]}]
)
def test_ids_that_are_the_same_or_below_zero(ids):
    with pytest.raises(ValueError, match="different, and at least 0"):
        special_ids.SpecialIds(**ids)


def test_ids_beyond_the_vocabulary():
    with pytest.raises(ValueError, match="below .* size. Received: .*pad=300"):
        vocabulary.learn_vocabulary(
            TEXTS, 300, True, special_ids=special_ids.SpecialIds(pad=300)
        )


def test_rows_get_their_end_and_padding():
    ids = tf.ragged.constant([[5], [6, 8, 9], []], dtype=tf.int32)
    found = special_ids.SpecialIds(pad=7, begin=None, end=4, unknown=0)
    expected = [[5, 4, 7, 7], [6, 8, 9, 4], [4, 7, 7, 7]]
    assert found.complete_targets(ids).numpy().tolist() == expected
    assert found.complete_sources(ids).numpy().tolist() == expected


def test_sources_get_other_ids_around_them():
    ids = tf.ragged.constant([[5], [6, 8], []], dtype=tf.int32)
    found = special_ids.SpecialIds(source_prefix=[11], source_suffix=[2, 13])
    assert found.complete_sources(ids).numpy().tolist() == [
        [11, 5, 2, 13, 0],
        [11, 6, 8, 2, 13],
        [11, 2, 13, 0, 0],
    ]
    assert found.around_source() == [11, 2, 13]
    are_of_text = found.are_of_text(tf.constant([11, 5, 2, 13, 0]))
    assert are_of_text.numpy().tolist() == [False, True, False, False, False]
    # Targets do not get these ids.
    assert found.complete_targets(ids)[0].numpy().tolist() == [5, 2, 0]


def test_targets_get_first_ids():
    ids = tf.ragged.constant([[5], [6, 8], []], dtype=tf.int32)
    found = special_ids.SpecialIds(target_prefix=[11])
    assert found.complete_targets(ids).numpy().tolist() == [
        [11, 5, 2, 0],
        [11, 6, 8, 2],
        [11, 2, 0, 0],
    ]
    assert found.prefixed_targets(ids).numpy().tolist() == [
        [11, 5, 0],
        [11, 6, 8],
        [11, 0, 0],
    ]
    assert found.without_text() == [0, 1, 2, 3, 11]
    # Sources do not get these ids.
    assert found.complete_sources(ids)[0].numpy().tolist() == [5, 2, 0]


def test_sources_may_have_no_end():
    found = special_ids.SpecialIds(source_suffix=())
    ids = tf.ragged.constant([[5], [6, 8]], dtype=tf.int32)
    assert found.complete_sources(ids).numpy().tolist() == [[5, 0], [6, 8]]
    # A model needs at least one column.
    nothing = tf.ragged.constant([[], []], dtype=tf.int32, ragged_rank=1)
    assert found.complete_sources(nothing).numpy().tolist() == [[0], [0]]
