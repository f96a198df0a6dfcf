"""A shard directory must hold all pairs, and an index only if complete."""

import json
import os
import resource

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.data import encoding, shards
from keras_transformer.text import vocabulary_sha256
from tests.data.shards import directories


def test_index_says_what_is_in_the_shards(tmp_path):
    pairs = directories.random_pairs(53)
    tokenizer = directories.tokenizer()
    writer = shards.ShardWriter(
        tmp_path, tokenizer, max_length=37, tag="<2fr>", pairs_per_shard=17
    )
    writer.write(encoding.EncodedPairs(pairs.sources[:5], pairs.targets[:5]))
    writer.write(
        encoding.EncodedPairs(pairs.sources[5:], pairs.targets[5:], 3, 7)
    )
    assert writer.num_pairs == 53
    assert not shards.is_shard_directory(str(tmp_path))
    returned = writer.finish(["a.en", "a.fr"], {"copies": 11})
    index = shards.ShardDirectory(tmp_path).index
    assert index == returned
    assert [each.num_pairs for each in index.files] == [17, 17, 17, 2]
    assert (index.num_pairs, index.max_length, index.tag) == (53, 37, "<2fr>")
    assert (index.num_empty, index.num_too_long) == (3, 7)
    assert index.num_source_tokens == sum(map(len, pairs.sources))
    assert index.num_target_tokens == sum(map(len, pairs.targets))
    assert index.source_files == ("a.en", "a.fr")
    assert index.cleaning == {"copies": 11}
    for vocabulary in (index.source_vocabulary, index.target_vocabulary):
        assert vocabulary.sha256 == vocabulary_sha256(tokenizer)
        assert vocabulary.special_ids == tokenizer.special_ids
    for each in index.files:
        assert each.num_bytes == os.path.getsize(tmp_path / each.name)
    assert not list(tmp_path.glob("*.tmp"))


def test_how_pairs_arrive_changes_nothing(tmp_path):
    pairs = directories.random_pairs(53)
    directories.write(tmp_path / "one", pairs)
    writer = shards.ShardWriter(
        tmp_path / "many", directories.tokenizer(), pairs_per_shard=17
    )
    for pair in zip(pairs.sources, pairs.targets, strict=True):
        writer.write(encoding.EncodedPairs(*([side] for side in pair)))
    writer.finish()
    one, many = (
        {file.name: file.read_bytes() for file in folder.iterdir()}
        for folder in (tmp_path / "one", tmp_path / "many")
    )
    assert one == many
    assert len(one) == 4 + 3  # Index, lengths and vocabulary.


def test_the_hash_tells_other_ids(tmp_path):
    pairs = directories.random_pairs(19)
    hashes = set()
    for name in ("same", "same too", "other"):
        if name == "other":
            pairs.targets[-1][-1] += 1
        directories.write(tmp_path / name, pairs)
        hashes.add(shards.ShardDirectory(tmp_path / name).index.sha256)
    assert len(hashes) == 2


def test_what_a_stopped_program_left_is_replaced(tmp_path):
    (tmp_path / "shard-000099.tfrecord").write_bytes(b"left")
    (tmp_path / "notes.txt").write_bytes(b"mine")
    directories.write(tmp_path, directories.random_pairs(3))
    assert not (tmp_path / "shard-000099.tfrecord").exists()
    assert (tmp_path / "notes.txt").read_bytes() == b"mine"


def test_a_whole_directory_is_not_replaced(tmp_path):
    directories.write(tmp_path, directories.random_pairs(3))
    before = (tmp_path / "index.json").read_bytes()
    with pytest.raises(ValueError, match="is a shard directory already"):
        shards.ShardWriter(tmp_path, directories.tokenizer())
    assert (tmp_path / "index.json").read_bytes() == before


def test_no_pair_is_left(tmp_path):
    writer = shards.ShardWriter(tmp_path, directories.tokenizer(), max_length=5)
    writer.write(encoding.EncodedPairs([], [], 2, 3))
    with pytest.raises(
        ValueError, match="left of 5: 2 have an empty side, 3 .*max_length=5"
    ):
        writer.finish()
    assert not shards.is_shard_directory(str(tmp_path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_length": 0}, "`max_length` must be .*most 65535. Received: 0"),
        ({"max_length": 65536}, "`max_length` must be .*Received: 65536"),
        ({"pairs_per_shard": 0}, "`pairs_per_shard` must be .*Received: 0"),
    ],
)
def test_invalid_numbers(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        shards.ShardWriter(
            tmp_path / "new", directories.tokenizer(), **settings
        )
    assert not (tmp_path / "new").exists()


def test_two_vocabularies(tmp_path):
    tokenizers = [directories.tokenizer(text) for text in ("a cat", "un chat")]
    writer = shards.ShardWriter(tmp_path, *tokenizers)
    writer.write(directories.random_pairs(2))
    writer.finish()
    directory = shards.ShardDirectory(tmp_path)
    assert [
        directory.index.source_vocabulary.sha256,
        directory.index.target_vocabulary.sha256,
    ] == list(map(vocabulary_sha256, tokenizers))
    for read, written in zip(directory.tokenizers(), tokenizers, strict=True):
        assert read.model == written.model


@pytest.mark.parametrize("limit", [2**8, 2**14])
def test_a_full_disk_leaves_no_index(tmp_path, limit):
    # The first limit stops a shard, the second one the lengths.
    pairs = directories.random_pairs(4999, longest=3)
    pairs = encoding.EncodedPairs(
        [np.array([5, 6, 7], "int32")] * 4999, pairs.targets
    )
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(tf.errors.OpError, match="File too large"):
            directories.write(tmp_path, pairs, pairs_per_shard=997)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not shards.is_shard_directory(str(tmp_path))
    # The same command replaces what is there.
    directories.write(tmp_path, pairs, pairs_per_shard=997)
    assert (
        json.loads((tmp_path / "index.json").read_text())["num_pairs"] == 4999
    )
