"""Sampled pairs must be the same text in other pieces, in any process."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import data, text
from keras_transformer.data import segmentation
from tests.data.windows import Windows

WORDS = ("lower", "lowest", "newer", "newest", "wider", "widest", "blower")


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def tokenizer(request):
    return text.Tokenizer(
        text.learn_vocabulary(
            [f"{a} {b}" for a in WORDS for b in WORDS],
            may_be_smaller=True,
            algorithm=request.param,
        )
    )


@pytest.fixture(scope="module")
def encoded(tokenizer):
    pairs = [(f"{a} {b} {a}", f"{b} {a}") for a in WORDS for b in WORDS]
    # Samples are at most as long as the longest pair, so one pair is long.
    pairs.append((" ".join(WORDS * 5), " ".join(WORDS * 4)))
    return data.encode_pairs(
        [data.SentencePair(*pair) for pair in pairs], tokenizer
    )


def ids_of(window):
    return [x.tolist() for x in window.sources + window.targets]


class TestSampledSegmentation:
    def test_texts_stay_and_pieces_change(self, encoded, tokenizer):
        sampled = segmentation.SampledSegmentation(encoded, tokenizer, rate=0.1)
        first, second = sampled.read_window(0), sampled.read_window(1)
        for name in ("sources", "targets"):
            before = getattr(encoded, name)
            for window in (first, second):
                after = getattr(window, name)
                changed = [
                    len(a) != len(b) for a, b in zip(after, before, strict=True)
                ]
                assert np.mean(changed) > 0.1
                assert all(x.dtype == np.int32 for x in after)
                assert decode(tokenizer, after) == decode(tokenizer, before)
        assert ids_of(first) != ids_of(second)

    def test_a_window_depends_on_the_seed_and_its_number(
        self, encoded, tokenizer
    ):
        def read(number, seed):
            return ids_of(
                segmentation.SampledSegmentation(
                    encoded, tokenizer, rate=0.1, seed=seed
                ).read_window(number)
            )

        assert read(5, seed=3) == read(5, seed=3)
        assert read(5, seed=3) != read(5, seed=4)

    def test_no_sentence_is_longer_than_the_longest(self, encoded, tokenizer):
        sampled = segmentation.SampledSegmentation(encoded, tokenizer, rate=1.0)
        longest = max(map(len, ids_of(sampled.read_window(0))))
        assert longest < sampled.longest == encoded.longest

    def test_lengths_are_those_of_the_window(self, encoded, tokenizer):
        sampled = segmentation.SampledSegmentation(
            Windows(encoded), tokenizer, rate=0.1
        )
        lengths = sampled.window_lengths(1)
        window = sampled.read_window(1)
        for found, expected in zip(
            lengths, window.window_lengths(0), strict=True
        ):
            np.testing.assert_array_equal(found, expected)

    def test_batches_hold_every_pair_once_and_continue(
        self, encoded, tokenizer
    ):
        def batches():
            return data.TokenBatches(
                segmentation.SampledSegmentation(encoded, tokenizer, rate=0.1),
                131,
                encoded.longest,
                packed=True,
            )

        whole = read_texts(batches(), tokenizer, 0, 3)
        read = batches()
        per_epoch = next(
            step for step in range(99) if read.bookmark(step).window == 1
        )
        first = sum(read_texts(batches(), tokenizer, 0, per_epoch), [])
        assert sorted(first) == sorted(decode(tokenizer, encoded.targets))
        assert read_texts(batches(), tokenizer, 1, 2) == whole[1:]

    @pytest.mark.parametrize("rate", [0.0, -0.1, 1.1])
    def test_no_probability(self, encoded, tokenizer, rate):
        with pytest.raises(ValueError, match=f"in .0, 1.. Received: {rate}"):
            segmentation.SampledSegmentation(encoded, tokenizer, rate=rate)


def decode(tokenizer, rows):
    """Returns the texts of rows of ids."""
    ragged = tf.ragged.constant([row.tolist() for row in rows], dtype=tf.int32)
    return [text.decode() for text in tokenizer.decode(ragged).numpy()]


def read_texts(batches, tokenizer, first, steps):
    """Returns the target texts of each batch."""
    texts = []
    for inputs, labels, _ in batches.training_dataset(first).take(steps):
        segments = inputs["target_segment_ids"].numpy()
        texts.append(
            decode(
                tokenizer,
                [
                    labels.numpy()[i][segments[i] == number]
                    for i in range(len(segments))
                    for number in range(1, segments[i].max() + 1)
                ],
            )
        )
    return texts
