"""A tiny translator that has learned to reverse the words of a sentence.

It also translates the words, so that source and target have different tokens:
"ba de fi" becomes "FI DE BA".
"""

import functools
import json

import keras
import numpy as np

import keras_transformer as kt

WORDS = ("ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu", "ra")


def random_pairs(count, seed=0, longest=7):
    generator = np.random.default_rng(seed)
    return [
        pair_of(generator.choice(WORDS, generator.integers(1, longest + 1)))
        for _ in range(count)
    ]


def pair_of(words):
    target = " ".join(words[::-1]).upper()
    return kt.data.SentencePair(" ".join(words), target)


@functools.cache
def translator():
    """Returns the translator. It is trained once in a process."""
    pairs = random_pairs(4999)
    texts = [text for pair in pairs for text in pair]
    tokenizer = kt.Tokenizer(kt.learn_vocabulary(texts, may_be_smaller=True))
    keras.utils.set_random_seed(0)
    config = kt.TransformerConfig(
        tokenizer.vocabulary_size,
        num_encoder_layers=1,
        num_decoder_layers=2,
        model_dim=32,
        num_heads=2,
        feed_forward_dim=67,
        dropout=0.0,
        normalization="pre",
    )
    model = kt.build_transformer(config)
    model.compile(
        kt.training.paper_adam(32, warmup_steps=101, factor=0.5),
        kt.training.SmoothedCrossEntropy(0.1),
    )
    batches = kt.data.TokenBatches(
        kt.data.encode_pairs(pairs, tokenizer, 17), 512, 17
    )
    model.fit(
        batches.training_dataset(),
        steps_per_epoch=500,
        verbose=0,
        shuffle=False,
    )
    return kt.Translator(model, tokenizer)


@functools.cache
def several():
    """Returns the translator with a search that gives 4 hypotheses.

    Tests share it, because each translator traces its own graphs.
    """
    return translator().with_n_best(4)


def write_run(directory, settings=None):
    """Writes the translator to a run directory, as the trainer does."""
    directory.mkdir(parents=True)
    live = translator()
    files = kt.runs.RunDirectory(directory)
    live.tokenizer.save(files.tokenizer)
    live.model.save(files.model)
    config = files.config
    config.write_text(json.dumps({"settings": settings or {}}))
    return directory
