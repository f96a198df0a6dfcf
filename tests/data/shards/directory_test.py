"""Pairs must be read as they were written; damage must cause an error."""

import json

import numpy as np
import pytest

from keras_transformer.data import shards
from tests.assertions import assert_all_equal
from tests.data.shards import directories

# Three records in the first shard, which has 2,500 pairs.
COUNT, SHARD = 2711, 2500


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("shards")
    pairs = directories.random_pairs(COUNT, longest=5)
    return directories.write(path, pairs, SHARD), pairs


@pytest.mark.parametrize(
    ("number", "first", "last"),
    [(0, 0, SHARD), (1, 0, 211), (0, 1023, 1025), (0, 1024, 2048), (1, 7, 11)],
)
def test_a_slice_is_read_by_itself(written, number, first, last):
    path, pairs = written
    directory = shards.ShardDirectory(path)
    sources, targets = directory.read(number, first, last)
    start = number * SHARD
    kept = slice(start + first, start + last)
    assert len(sources) == last - first
    for side, expected in (
        (sources, pairs.sources[kept]),
        (targets, pairs.targets[kept]),
    ):
        for ids, expected_ids in zip(side, expected, strict=True):
            assert ids.dtype == np.int32
            assert_all_equal(ids, expected_ids)
    assert_all_equal(
        directory.slice_lengths(number, first, last),
        [list(map(len, sources)), list(map(len, targets))],
    )


def test_one_vocabulary_for_both_sides(written):
    source, target = shards.ShardDirectory(written[0]).tokenizers()
    assert source.model == directories.tokenizer().model
    assert target is None


def test_a_missing_vocabulary(tmp_path):
    # The index says that the vocabularies differ.
    writer = shards.ShardWriter(
        tmp_path, directories.tokenizer(), directories.tokenizer("un chat")
    )
    writer.write(directories.random_pairs(7))
    writer.finish()
    source, target = shards.ShardDirectory(tmp_path).tokenizers()
    assert source.model == directories.tokenizer().model
    assert target.model == directories.tokenizer("un chat").model
    for name in ("target", "source"):
        (tmp_path / f"{name}_vocabulary.model").unlink()
        message = f"{name}_vocabulary.model is missing, which index.json"
        with pytest.raises(FileNotFoundError, match=message):
            shards.ShardDirectory(tmp_path).tokenizers()


class TestDamage:
    @pytest.fixture(autouse=True)
    def set_up(self, tmp_path):
        self.path = tmp_path
        pairs = directories.random_pairs(53)
        directories.write(tmp_path, pairs, pairs_per_shard=17)
        self.shard = tmp_path / "shard-000001.tfrecord"

    def refused(self, message, error=ValueError):
        with pytest.raises(error, match=message):
            shards.ShardDirectory(self.path)

    def change_index(self, **values):
        file = self.path / "index.json"
        content = json.loads(file.read_text())
        file.write_text(json.dumps({**content, **values}))

    def test_no_index(self):
        (self.path / "index.json").unlink()
        self.refused("not a shard directory: .*prepare_data", FileNotFoundError)

    def test_damaged_index(self):
        text = (self.path / "index.json").read_text()
        for damaged in ("", text[:-30], "[]", "{}"):
            (self.path / "index.json").write_text(damaged)
            self.refused("index.json is not the index of a shard directory")

    def test_index_of_another_format(self):
        self.change_index(format=2)
        self.refused("format 2, not 1")

    def test_index_of_other_pairs(self):
        self.change_index(num_pairs=54)
        self.refused("lengths.npy and index.json do not belong.* 54 pairs")

    def test_index_of_other_tokens(self):
        self.change_index(num_target_tokens=7)
        self.refused("lengths.npy and index.json do not belong together")

    def test_no_lengths(self):
        (self.path / "lengths.npy").unlink()
        self.refused("lengths.npy and index.json do not belong together")

    def test_cut_lengths(self):
        data = (self.path / "lengths.npy").read_bytes()
        (self.path / "lengths.npy").write_bytes(data[:-1])
        self.refused("lengths.npy and index.json do not belong together")

    def test_missing_shard(self):
        self.shard.unlink()
        self.refused("shard-000001.tfrecord is missing", FileNotFoundError)

    def test_cut_shard(self):
        data = self.shard.read_bytes()
        self.shard.write_bytes(data[:-1])
        size = len(data)
        self.refused(f"000001.tfrecord is damaged.*{size - 1} bytes .* {size}")

    @pytest.mark.parametrize("position", [0, 50, -5])
    def test_changed_bytes(self, position):
        data = bytearray(self.shard.read_bytes())
        data[position] ^= 0xFF
        self.shard.write_bytes(data)
        directory = shards.ShardDirectory(self.path)
        with pytest.raises(ValueError, match="000001.tfrecord is damaged"):
            directory.read(1, 0, 17)
        assert len(directory.read(0, 0, 17)[0]) == 17

    def test_shards_that_changed_places(self):
        other = self.path / "shard-000000.tfrecord"
        one, two = other.read_bytes(), self.shard.read_bytes()
        other.write_bytes(two)
        self.shard.write_bytes(one)
        content = json.loads((self.path / "index.json").read_text())
        sizes = [each["num_bytes"] for each in content["files"]]
        content["files"][0]["num_bytes"] = sizes[1]
        content["files"][1]["num_bytes"] = sizes[0]
        self.change_index(files=content["files"])
        directory = shards.ShardDirectory(self.path)
        with pytest.raises(ValueError, match="other lengths than in the index"):
            directory.read(0, 0, 17)
