"""Shards must have the ids of `encode_pairs`, in any order of threads."""

import pytest

import keras_transformer as kt
from keras_transformer.data import (
    cleaning,
    cleaning_report,
    encoding,
    pairs,
    sharding,
    shards,
)
from tests.data.shards import directories

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def tokenizer():
    return kt.Tokenizer(
        kt.learn_vocabulary(
            [LETTERS, " ".join(LETTERS)],
            may_be_smaller=True,
            user_symbols=["<2fr>"],
        )
    )


def text_pairs(count):
    """Pairs of many lengths; a twelfth are blank, and some are too long."""
    return [
        pairs.SentencePair(
            LETTERS[: 3 * number % 13] if number % 12 else " \t",
            LETTERS[number % 7 :][: 1 + 5 * number % 17],
        )
        for number in range(count)
    ]


def read(path):
    directory = shards.ShardDirectory(path)
    sides = [
        directory.read(number, 0, shard.num_pairs)
        for number, shard in enumerate(directory.index.files)
    ]
    return encoding.EncodedPairs(
        *(sum(side, []) for side in zip(*sides, strict=True))
    )


def test_shards_have_the_ids_of_encode_pairs(tmp_path, tokenizer):
    # Several chunks, so that some are encoded at the same time.
    texts = text_pairs(3 * 2048 + 101)
    expected = encoding.encode_pairs(texts, tokenizer, max_length=5)
    index = sharding.shard_pairs(
        iter(texts),
        tmp_path,
        tokenizer,
        max_length=5,
        source_files=["a", "b"],
        pairs_per_shard=1009,
    )
    assert directories.as_tuples(read(tmp_path)) == directories.as_tuples(
        expected
    )
    assert 0 < index.num_empty == expected.num_empty
    assert 0 < index.num_too_long == expected.num_too_long
    assert index.source_files == ("a", "b")
    assert index.cleaning == {}


def test_sides_may_have_tokenizers_of_their_own(tmp_path, tokenizer):
    other = directories.tokenizer("cat dog")
    texts = text_pairs(29)
    sharding.shard_pairs(texts, tmp_path, tokenizer, other)
    expected = encoding.encode_pairs(texts, tokenizer, 128, other)
    assert directories.as_tuples(read(tmp_path)) == directories.as_tuples(
        expected
    )


def test_a_tag_is_read_as_a_translator_reads_it(tmp_path, tokenizer):
    texts = text_pairs(29)
    index = sharding.shard_pairs(texts, tmp_path, tokenizer, tag="<2fr>")
    tagged = [
        pair._replace(source="<2fr> " + pair.source)
        for pair in texts
        if not pair.has_blank_side()
    ]
    expected = encoding.encode_pairs(tagged, tokenizer)
    assert directories.as_tuples(read(tmp_path)) == directories.as_tuples(
        expected
    )
    assert index.tag == "<2fr>"
    assert index.num_empty == len(texts) - len(tagged) > 0
    # The input of a translator has the tag as text.
    [ids] = tokenizer.encode_source(["<2fr> abc"]).numpy()
    [symbol] = [i for i in ids if tokenizer.pieces([i]) == ["<2fr>"]]
    assert all(symbol in source for source in read(tmp_path).sources)


@pytest.mark.parametrize("tag", ["<2de>", "<2fr><2fr>", "", "abc def"])
def test_other_tags(tmp_path, tokenizer, tag):
    with pytest.raises(ValueError, match="one symbol.*--user_symbols="):
        sharding.shard_pairs(text_pairs(2), tmp_path, tokenizer, tag=tag)
    assert not shards.is_shard_directory(str(tmp_path))


def test_cleaning_is_reported_in_the_index(tmp_path, tokenizer):
    texts = [
        pairs.SentencePair(*pair)
        for pair in [("abc", "abd"), ("ab", "ab"), ("abc", "abd"), ("", "a")]
    ]
    report = cleaning_report.CleaningReport()
    rules = cleaning.Cleaning(drop_copies=True, drop_duplicates=True)
    index = sharding.shard_pairs(
        rules.clean(texts, report), tmp_path, tokenizer, report=report
    )
    assert index.num_pairs == 1
    assert index.num_empty == 1
    assert index.cleaning == {
        "num_read": 4,
        "num_kept": 2,
        "drop_copies": {"num_pairs": 1, "examples": [["ab", "ab"]]},
        "drop_duplicates": {"num_pairs": 1, "examples": [["abc", "abd"]]},
    }


def test_an_error_of_the_text_is_raised_as_it_is(tmp_path, tokenizer):
    def texts():
        yield from text_pairs(5003)
        raise ValueError("line 5004: no tab")

    with pytest.raises(ValueError, match="^line 5004: no tab$"):
        sharding.shard_pairs(texts(), tmp_path, tokenizer)
    assert not shards.is_shard_directory(str(tmp_path))


def test_nothing_is_left(tmp_path, tokenizer):
    with pytest.raises(ValueError, match="left of 7: 1 have .*6 are longer"):
        sharding.shard_pairs(text_pairs(7), tmp_path, tokenizer, max_length=1)


def test_threads_read_little_ahead():
    asked = []

    def arguments():
        for number in range(1000):
            asked.append(number)
            yield number

    results = sharding._in_threads(lambda number: -number, arguments())
    assert next(results) == 0
    assert len(asked) < 1000
    assert list(results) == [-number for number in range(1, 1000)]
