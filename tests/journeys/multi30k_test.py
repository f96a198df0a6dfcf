"""Real text passes through tokenizer and batches without loss."""

import pathlib
import unittest

import numpy as np
import pytest

import keras_transformer as kt

FOLDER = pathlib.Path(__file__).parents[3] / "shared/data/multi30k"


@unittest.skipUnless(FOLDER.is_dir(), f"needs Multi30k in {FOLDER}")
class TestMulti30k:
    @pytest.mark.grid
    def test_every_character_and_every_pair(self):
        pairs = kt.data.read_parallel(
            [f"{FOLDER}/train.en.gz"], [f"{FOLDER}/train.de.gz"]
        )
        assert len(pairs) == 29000
        texts = [text for pair in pairs for text in pair]
        tokenizer = kt.Tokenizer(kt.learn_vocabulary(texts, 8000))
        assert tokenizer.vocabulary_size == 8000
        decoded = tokenizer.decode(tokenizer.encode(texts)).numpy()
        # The default normalization changes texts, for example their spaces.
        assert [text.decode() for text in decoded] == list(
            map(kt.text.fold, texts)
        )

        encoded = kt.data.encode_pairs(pairs, tokenizer, max_length=64)
        assert len(encoded.sources) == 29000
        batches = kt.data.TokenBatches(encoded, 4096, max_length=64)
        tokens = padded = 0
        for _, labels, weights in batches.evaluation_dataset():
            tokens += int(np.sum(weights))
            padded += labels.shape[0] * labels.shape[1]
        assert tokens == encoded.num_target_tokens
        assert tokens / padded > 0.8
