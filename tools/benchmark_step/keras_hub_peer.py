"""The training step of a Transformer that is made of KerasHub's layers.

This step differs from that of `keras_transformer`: KerasHub also applies
dropout to attention scores, the sparse cross-entropy of Keras has no label
smoothing, and Keras chooses whether to use XLA.
"""

from collections.abc import Callable

import keras
import keras_hub
import numpy as np
import tensorflow as tf
from keras import ops

from tools.benchmark_step import jobs
from tools.engines import keras_fit

_DROPOUT = 0.1


def make_training(job: jobs.Job) -> tuple[Callable[[], list], dict]:
    """Makes a model and a function that trains it, see `ours.make_training`."""
    keras_fit.use_threads(job.threads)
    keras.config.set_dtype_policy(job.precision)
    batches = _CorpusBatches(job) if job.corpus else _RandomBatches(job)
    return keras_fit.make_rounds(
        _make_model(job, batches),
        batches,
        job.steps,
        jobs.WARM_UP_STEPS,
        keras_hub.__version__,
    )


def _make_model(job, batches):
    embeddings = keras_hub.layers.ReversibleEmbedding(
        job.vocabulary_size, job.model_dim
    )
    settings = (job.feed_forward_dim, job.num_heads, _DROPOUT)

    def embed(ids):
        embedded = embeddings(ids) * job.model_dim**0.5
        positions = keras_hub.layers.SinePositionEncoding()(embedded)
        return keras.layers.Dropout(_DROPOUT)(embedded + positions)

    source, target = (
        keras.Input((length,), dtype="int32") for length in batches.lengths
    )
    source_mask = target_mask = None
    if batches.has_padding:
        source_mask, target_mask = (
            ops.not_equal(ids, batches.pad_id) for ids in (source, target)
        )
    memory = embed(source)
    for _ in range(job.layers):
        memory = keras_hub.layers.TransformerEncoder(*settings)(
            memory, padding_mask=source_mask
        )
    outputs = embed(target)
    for _ in range(job.layers):
        outputs = keras_hub.layers.TransformerDecoder(*settings)(
            outputs,
            memory,
            decoder_padding_mask=target_mask,
            encoder_padding_mask=source_mask,
        )
    model = keras.Model([source, target], embeddings(outputs, reverse=True))
    model.compile(
        keras.optimizers.Adam(1e-4, beta_2=0.98, epsilon=1e-9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


class _RandomBatches:
    """The same batch of random ids at each step, without padding."""

    has_padding = False

    def __init__(self, job):
        self._ids = job.draw_ids()
        self.lengths = (job.length, job.length)
        self.facts = {}

    def next(self, steps):
        """Returns a round's data set, and the number of timed target tokens.

        The round has `1 + steps` steps. The first step is not timed, so its
        tokens are not counted.
        """
        ids = self._ids
        batch = ((ids, ids), ids, np.ones(ids.shape, "float32"))
        dataset = tf.data.Dataset.from_tensors(batch).repeat()
        return dataset, steps * ids.size


class _CorpusBatches:
    """Batches of the pairs of a corpus, in random order.

    Pairs with a sentence of more than `max_length` tokens are left out. All
    sources are padded to the longest source of all batches, and all targets to
    the longest target of all batches.
    """

    has_padding = True

    def __init__(self, job):
        import sentencepiece

        corpus = jobs.Corpus(job.corpus)
        vocabulary = sentencepiece.SentencePieceProcessor(
            model_file=str(corpus.vocabulary)
        )
        self.pad_id = vocabulary.pad_id()
        sides = [
            [
                [*vocabulary.encode(line.rstrip("\r")), vocabulary.eos_id()]
                for line in path.read_bytes().decode("utf-8").split("\n")
            ]
            for path in (corpus.source, corpus.target)
        ]
        pairs = [
            pair
            for pair in zip(*sides, strict=True)
            if max(map(len, pair)) <= job.max_length
        ]
        self._sources, self._targets = map(self._pad, zip(*pairs, strict=True))
        # The decoder reads the begin id, and then the padded target without its
        # last id.
        self._inputs = np.roll(self._targets, 1, axis=1)
        self._inputs[:, 0] = vocabulary.bos_id()
        self._order = np.random.default_rng(0).permutation(len(pairs))
        self._batch_size, self._step = job.batch_size, 0
        self.lengths = (self._sources.shape[1], self._targets.shape[1])
        self.facts = {
            "corpus_target_tokens": int(self._weights(self._targets).sum()),
            "batches": "each side padded to {} and {} tokens".format(
                *self.lengths
            ),
        }

    def _pad(self, sentences):
        longest = max(map(len, sentences))
        padded = np.full((len(sentences), longest), self.pad_id, "int32")
        for row, ids in zip(padded, sentences, strict=True):
            row[: len(ids)] = ids
        return padded

    def _weights(self, targets):
        return (targets != self.pad_id).astype("float32")

    def next(self, steps):
        """Returns a round's data set, and the number of timed target tokens.

        The round has `1 + steps` steps. The first step is not timed, so its
        tokens are not counted.
        """
        size = self._batch_size
        first, self._step = self._step, self._step + 1 + steps
        rows = np.arange(first * size, self._step * size)
        rows = np.take(self._order, rows, mode="wrap")
        targets = self._targets[rows]
        weights = self._weights(targets)
        dataset = tf.data.Dataset.from_tensor_slices(
            ((self._sources[rows], self._inputs[rows]), targets, weights)
        )
        return dataset.batch(size), int(weights[size:].sum())
