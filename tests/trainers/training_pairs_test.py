"""Encoded training pairs are those of the text, in memory and in shards."""

import os
from unittest import mock

import pytest

import keras_transformer as kt
from tests.data.shards import directories
from trainers import corpora, large_text, settings, tokenizers, training_pairs

COUNT = 211


@pytest.fixture
def text(tmp_path):
    file = tmp_path / "train.tsv"
    file.write_text(
        "".join(f"a {i}\tun {i}\n" for i in range(COUNT)) + "\tx\n", "utf-8"
    )
    return str(file)


def load(folder, text, **values):
    """Loads and encodes large text as the trainer does."""
    values = {"train_tsv": [text], "rare_characters": 0.0, **values}
    given = settings.TrainingSettings(**values)
    directory = kt.runs.RunDirectory(folder / "run")
    with mock.patch.object(large_text, "MAX_PAIRS", 100):
        loaded = corpora.load(given, directory)
    of_run = tokenizers.load(directory, loaded, given, {})
    return (
        training_pairs.load(directory, loaded, of_run, given),
        loaded,
        of_run,
    )


def sorted_pairs(encoded):
    return sorted(
        pair
        for number in range(encoded.windows_per_epoch)
        for pair in directories.as_tuples(encoded.read_window(number))
    )


def encoded_in_memory(loaded, of_run):
    return kt.data.encode_pairs(
        list(loaded.train), of_run.source, target_tokenizer=of_run.target
    )


class TestLargeText:
    def test_shards_have_the_pairs_of_the_text(self, tmp_path, text):
        encoded, loaded, of_run = load(tmp_path, text)
        assert isinstance(encoded, kt.data.ShardedPairs)
        assert encoded.num_pairs == COUNT - len(loaded.dev)
        assert sorted_pairs(encoded) == sorted_pairs(
            encoded_in_memory(loaded, of_run)
        )

    def test_a_second_start_reads_no_text(self, tmp_path, text):
        first, loaded, _ = load(tmp_path, text)
        index = tmp_path / "run" / "shards" / "index.json"
        written = index.stat().st_mtime_ns
        # A run that has begun has a vocabulary.
        directory = kt.runs.RunDirectory(tmp_path / "run")
        directory.write_config({"settings": {}})
        first.tokenizers()[0].save(directory.tokenizer)
        with mock.patch.object(large_text, "iterate") as iterate:
            again, loaded_again, _ = load(tmp_path, text)
        iterate.assert_not_called()
        assert index.stat().st_mtime_ns == written
        assert loaded_again.dev == loaded.dev
        assert loaded_again.fingerprint() == loaded.fingerprint()
        assert sorted_pairs(again) == sorted_pairs(first)

    @pytest.mark.seconds
    @pytest.mark.parametrize(
        "values", [{"max_length": 127}, {"seed": 7}, {"rare_characters": 0.5}]
    )
    def test_other_settings_make_other_shards(self, tmp_path, text, values):
        load(tmp_path, text)
        index = tmp_path / "run" / "shards" / "index.json"
        written = index.stat().st_mtime_ns
        load(tmp_path, text)
        assert index.stat().st_mtime_ns == written
        load(tmp_path, text, **values)
        assert index.stat().st_mtime_ns != written

    def test_incomplete_shards_are_replaced(self, tmp_path, text):
        first, _, _ = load(tmp_path, text)
        index = tmp_path / "run" / "shards" / "index.json"
        index.unlink()
        again, _, _ = load(tmp_path, text)
        assert sorted_pairs(again) == sorted_pairs(first)

    def test_a_run_goes_on_with_its_own_text_only(self, tmp_path, text):
        encoded, loaded, of_run = load(tmp_path, text)
        directory = kt.runs.RunDirectory(tmp_path / "run")
        directory.write_config(
            {
                "settings": {},
                "data": {**loaded.fingerprint(), **of_run.fingerprint()},
            }
        )
        of_run.save(directory)
        with open(text, "a", encoding="utf-8") as file:
            file.write("new\tnouveau\n")
        with pytest.raises(ValueError, match="data.train_pairs: 202 there"):
            load(tmp_path, text)
        assert encoded.read_window(0).sources

    def test_development_data_of_files(self, tmp_path, text):
        dev = tmp_path / "dev.tsv"
        dev.write_text("x\ty\n")
        _, loaded, _ = load(tmp_path, text, dev_tsv=[str(dev)])
        assert loaded.dev == [("x", "y")]
        assert loaded.fingerprint()["train_pairs"] == COUNT + 1
        _, again, _ = load(tmp_path, text, dev_tsv=[str(dev)])
        assert again.fingerprint() == loaded.fingerprint()
        dev.write_text("x\tz\n")
        _, other, _ = load(tmp_path, text, dev_tsv=[str(dev)])
        assert other.dev == [("x", "z")]
        assert other.fingerprint() != loaded.fingerprint()

    def test_rare_characters_are_in_a_share_of_the_sources(
        self, tmp_path, text
    ):
        plain, _, _ = load(tmp_path / "plain", text)
        changed, _, _ = load(tmp_path / "changed", text, rare_characters=0.5)
        sources, targets = (
            [set(side) for side in zip(*sorted_pairs(each), strict=True)]
            for each in (plain, changed)
        )
        assert sources[1] == targets[1]
        assert 50 < len(targets[0] - sources[0]) < 150


class TestShards:
    @pytest.fixture(autouse=True)
    def write(self, tmp_path):
        self.paths = [
            directories.write(
                tmp_path / str(seed), directories.random_pairs(31, seed)
            )
            for seed in range(2)
        ]
        self.dev = tmp_path / "dev.tsv"
        self.dev.write_text("a cat\tcat a\n")
        self.folder = tmp_path

    def load(self, **values):
        given = settings.TrainingSettings(
            train_shards=self.paths, dev_tsv=[str(self.dev)], **values
        )
        directory = kt.runs.RunDirectory(self.folder / "run")
        loaded = corpora.load(given, directory)
        of_run = tokenizers.load(directory, loaded, given, {})
        return training_pairs.load(directory, loaded, of_run, given), loaded

    def test_the_vocabulary_is_that_of_the_shards(self):
        encoded, loaded = self.load()
        assert encoded.num_pairs == 62
        assert loaded.fingerprint()["train_pairs"] == 62
        assert loaded.fingerprint()["dev_pairs"] == 1
        assert not (self.folder / "run").exists()

    def test_weights_and_temperature(self):
        encoded, _ = self.load(train_weights=["1", "0.5"])
        assert encoded.num_pairs == 46
        encoded, _ = self.load(sampling_temperature=2.0)
        assert encoded.num_pairs == 62

    def test_fingerprints_tell_other_shards(self):
        _, both = self.load()
        self.paths = self.paths[:1]
        _, one = self.load()
        assert both.fingerprint() != one.fingerprint()

    def test_another_vocabulary(self):
        file = self.folder / "other.model"
        directories.tokenizer("un chat").save(file)
        with pytest.raises(ValueError, match="is not that of the model"):
            self.load(vocabulary=str(file))

    def test_longer_sides_than_the_model_reads(self):
        longest = self.load()[0].longest
        self.load(max_length=longest)
        with pytest.raises(ValueError, match=f"sides of {longest} tokens"):
            self.load(max_length=longest - 1)


def test_small_text_stays_in_memory(tmp_path):
    file = tmp_path / "train.tsv"
    file.write_text("".join(f"a {i}\tun {i}\n" for i in range(47)))
    given = settings.TrainingSettings(
        train_tsv=[str(file)], rare_characters=0.25, seed=5
    )
    loaded = corpora.load(given)
    directory = kt.runs.RunDirectory(tmp_path / "run")
    of_run = tokenizers.load(directory, loaded, given, {})
    encoded = training_pairs.load(directory, loaded, of_run, given)
    expected = kt.data.encode_pairs(
        kt.data.with_rare_characters(loaded.train, 0.25, 5), of_run.source
    )
    assert directories.as_tuples(encoded) == directories.as_tuples(expected)
    assert not os.path.exists(tmp_path / "run")
