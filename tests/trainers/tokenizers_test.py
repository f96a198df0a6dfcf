"""Vocabularies are learned from the right side, saved and loaded."""

import dataclasses

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
    # A run notices that its tokenizer was replaced by another one.
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


class TestGivenVocabularies:
    @pytest.fixture(autouse=True)
    def write(self, tmp_path):
        self.folder = tmp_path
        self.tokenizers = [
            kt.Tokenizer(kt.learn_vocabulary([text], may_be_smaller=True))
            for text in ("ten six", "dix six")
        ]
        self.files = [str(tmp_path / name) for name in ("a.model", "b.model")]
        for tokenizer, file in zip(self.tokenizers, self.files, strict=True):
            tokenizer.save(file)

    def load(self, *vocabularies):
        given = dataclasses.replace(
            SETTINGS,
            **dict(
                zip(
                    ("vocabulary", "target_vocabulary"),
                    vocabularies,
                    strict=False,
                )
            ),
        )
        tokenizers.check(given, {})
        return tokenizers.load(
            run_directory.RunDirectory(self.folder / "run"),
            corpora.Corpora(PAIRS, PAIRS, [], []),
            given,
            {},
        )

    def test_one_file(self):
        loaded = self.load(self.files[0])
        assert loaded.source.model == self.tokenizers[0].model
        assert loaded.target is None

    def test_two_files(self):
        loaded = self.load(*self.files)
        assert loaded.source.model == self.tokenizers[0].model
        assert loaded.target.model == self.tokenizers[1].model

    def test_the_directory_of_a_run(self):
        other = run_directory.RunDirectory(self.folder / "other")
        other.path.mkdir()
        tokenizers.Tokenizers(*self.tokenizers).save(other)
        loaded = self.load(str(other.path))
        assert loaded.source.model == self.tokenizers[0].model
        assert loaded.target.model == self.tokenizers[1].model

    def test_characters_of_both(self):
        loaded = self.load(*self.files)
        assert set("tenisxd") <= loaded.characters()
        assert "q" not in loaded.characters()

    def test_no_vocabulary(self):
        (self.folder / "text").write_text("no model")
        with pytest.raises(ValueError, match="text: Expected a SentencePiece"):
            self.load(str(self.folder / "text"))
        for missing in ("nowhere.model", ""):
            with pytest.raises(FileNotFoundError, match="No such vocabulary"):
                self.load(str(self.folder / missing))
        with pytest.raises(FileNotFoundError, match="nowhere"):
            self.load(self.files[0], "nowhere")

    def test_a_vocabulary_has_its_size(self):
        given = dataclasses.replace(SETTINGS, vocabulary=self.files[0])
        with pytest.raises(ValueError, match="--vocabulary_size=293 with"):
            tokenizers.check(given, {"vocabulary_size": 293})
        given = settings.TrainingSettings(train_shards=["shards"])
        with pytest.raises(ValueError, match="--target_vocabulary_size=7 with"):
            tokenizers.check(given, {"target_vocabulary_size": 7})
