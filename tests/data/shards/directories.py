"""Shard directories that tests write, and the pairs that are in them."""

import functools

import numpy as np

import keras_transformer as kt
from keras_transformer.data import encoding, shards


@functools.cache
def tokenizer(text="a cat sat"):
    """Returns a tokenizer; other texts give other vocabularies."""
    return kt.Tokenizer(kt.learn_vocabulary([text], may_be_smaller=True))


def random_pairs(count, seed=0, longest=29):
    """Returns encoded pairs that all differ."""
    generator = np.random.default_rng(seed)

    def side(number):
        ids = generator.integers(4, 251, generator.integers(3, longest + 1))
        # The first two ids are the number of the pair, in base 251.
        ids[:2] = 4 + number // 251, 4 + number % 251
        return ids.astype("int32")

    return encoding.EncodedPairs(
        [side(number) for number in range(count)],
        [side(number) for number in range(count)],
    )


def write(path, pairs, pairs_per_shard=17, text="a cat sat", **settings):
    """Writes a shard directory; returns its path."""
    writer = shards.ShardWriter(
        path, tokenizer(text), pairs_per_shard=pairs_per_shard, **settings
    )
    writer.write(pairs)
    writer.finish()
    return str(path)


def as_tuples(pairs):
    """Returns the pairs as tuples, which can be compared and sorted."""
    return [
        (tuple(source.tolist()), tuple(target.tolist()))
        for source, target in zip(pairs.sources, pairs.targets, strict=True)
    ]
