"""One vocabulary or two: learned of the right side, written, read again."""

import pytest

import keras_transformer as kt
from keras_transformer.runs import run_directory
from trainers import continuing, corpora, settings, tokenizers

PAIRS = [
    kt.data.SentencePair("one two three", "un deux trois"),
    kt.data.SentencePair("three two one", "trois deux un"),
] * 7
SETTINGS = settings.TrainingSettings(train_tsv=["mine"])


def load(directory, **overrides):
    return tokenizers.load(
        directory, corpora.Corpora(PAIRS, PAIRS, [], []), SETTINGS, overrides
    )


def pieces(tokenizer):
    return set(tokenizer.pieces(range(tokenizer.vocabulary_size)))


def test_one_vocabulary_knows_both_sides(tmp_path):
    loaded = load(run_directory.RunDirectory(tmp_path))
    assert loaded.target is None
    assert {"\u2581one", "\u2581un"} <= pieces(loaded.source)
    assert loaded.vocabulary_sizes() == {
        "vocabulary_size": loaded.source.vocabulary_size,
        "target_vocabulary_size": None,
    }


def test_two_vocabularies_know_their_side(tmp_path):
    directory = run_directory.RunDirectory(tmp_path)
    loaded = load(directory, target_vocabulary_size=281)
    assert "\u2581three" in pieces(loaded.source)
    assert "\u2581trois" not in pieces(loaded.source)
    assert "\u2581three" not in pieces(loaded.target)
    assert loaded.target.vocabulary_size == 281
    assert loaded.vocabulary_sizes()["target_vocabulary_size"] == 281

    directory.write_config({})
    loaded.save(directory)
    again = load(directory, target_vocabulary_size=281)
    assert again.source.model == loaded.source.model
    assert again.target.model == loaded.target.model


def test_what_is_there_stays(tmp_path):
    directory = run_directory.RunDirectory(tmp_path)
    directory.tokenizer.write_bytes(b"kept")
    load(directory).save(directory)
    assert directory.tokenizer.read_bytes() == b"kept"
    assert not directory.target_tokenizer.exists()


def test_a_fingerprint_tells_vocabularies_apart(tmp_path):
    directory = run_directory.RunDirectory(tmp_path)
    one, two = load(directory), load(directory, target_vocabulary_size=281)
    assert one.fingerprint() == load(directory).fingerprint()
    assert one.fingerprint() != two.fingerprint()
    # A run whose tokenizer was replaced by another of that size is not its own.
    directory.write_config({"settings": {}, "data": one.fingerprint()})
    other = [kt.data.SentencePair("six ten six", "six dix six")] * 14
    learned = kt.learn_vocabulary(
        [text for pair in other for text in pair], may_be_smaller=True
    )
    kt.Tokenizer(learned).save(directory.tokenizer)
    fingerprint = load(directory).fingerprint()
    with pytest.raises(ValueError, match="data.vocabulary_sha256: '.*' there"):
        continuing.ExistingRun(directory).check_same(
            {"architecture": {}, "settings": {}, "data": fingerprint}
        )
