"""Shard directories that tests write, and the pairs that are in them."""

import functools

import numpy as np

import keras_transformer as kt
from keras_transformer.data import encoding, shards


@functools.cache
def tokenizer(text="a cat sat"):
    """A tokenizer; the text tells vocabularies apart."""
    return kt.Tokenizer(kt.learn_vocabulary([text], may_be_smaller=True))


def random_pairs(count, seed=0, longest=29):
    """Encoded pairs of which no two are alike."""
    generator = np.random.default_rng(seed)

    def side(number):
        ids = generator.integers(4, 251, generator.integers(3, longest + 1))
        # The number of the pair, in two digits.
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
    """The pairs as tuples, which can be compared and sorted."""
    return [
        (tuple(source.tolist()), tuple(target.tolist()))
        for source, target in zip(pairs.sources, pairs.targets, strict=True)
    ]
