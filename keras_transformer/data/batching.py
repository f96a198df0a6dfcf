"""Makes padded batches of pairs of similar lengths.

The keys of a batch, defined only here:

source_ids         int32 (B, S), the source and its end token
target_input_ids   int32 (B, T), the start token and the target
target_output_ids  int32 (B, T), the target and its end token
weights            float32 (B, T), 1 at real target tokens, 0 at padding

B batch   S source length   T target length
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from keras_transformer.data import encoding

# The number of batches that are prepared in advance.
_PREFETCHED = 8
# The number of pairs in a batch is a multiple of this number, or less than it.
# The usual numbers of replicas divide this number.
_ROWS = 8


def bucket_lengths(max_length: int) -> list[int]:
    """Returns the lengths that batches are padded to.

    There are only a few, since each new shape is traced or compiled. They
    increase by 4 up to 32, then by an eighth to a quarter of the length.

    Example:

    >>> bucket_lengths(50)
    [8, 12, 16, 20, 24, 28, 32, 40, 48, 50]
    """
    lengths, step = [min(8, max_length)], 4
    while lengths[-1] < max_length:
        if lengths[-1] >= 8 * step:
            step *= 2
        lengths.append(min(lengths[-1] + step, max_length))
    return lengths


def check_batch(
    tokens_per_batch: int, max_length: int, rows_multiple_of: int = 1
) -> None:
    """Raises ValueError for sizes that `TokenBatches` does not accept.

    The arguments are those of `TokenBatches`.
    """
    for name, value in (
        ("tokens_per_batch", tokens_per_batch),
        ("max_length", max_length),
        ("rows_multiple_of", rows_multiple_of),
    ):
        if value < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {value}.")
    if _rounded(tokens_per_batch // max_length) < rows_multiple_of:
        raise ValueError(
            "A batch must hold one sentence of the longest bucket for "
            "each micro-batch of each replica. Received: tokens_per_batch="
            f"{tokens_per_batch}, max_length={max_length}, "
            f"rows_multiple_of={rows_multiple_of}. Expected at least "
            f"{max_length * rows_multiple_of} tokens."
        )


class TokenBatches:
    """Batches of pairs of similar lengths, of about `tokens_per_batch` tokens.

    Each pair goes to the shortest bucket with room for both of its sides. All
    rows are padded to the bucket's length, so there are only a few shapes.
    Pairs that do not fill a batch of their bucket go to the next longer bucket.
    Empty rows of weight 0 fill up the very last batch. No pair is lost. Only
    the seed and the number of the epoch decide which pairs share a batch, and
    in which order. `rows_multiple_of` changes neither: it only adds empty rows
    of weight 0 to a batch.

    Args:
        encoded: the encoded pairs.
        tokens_per_batch: target tokens of a batch, including padding.
        max_length: the length of the longest bucket.
        seed: the seed of the shuffling.
        rows_multiple_of: the number of rows of each batch is a multiple of
            it. Use the number of replicas times the micro-batches on each.
        start_id: the first id that the decoder reads, the model's `start_id`.
            If `None`, it is the vocabulary's id that begins a target.

    Raises:
        ValueError: `tokens_per_batch` is too small for `rows_multiple_of` rows
            of the longest bucket; a sentence is longer than `max_length`; a
            size is below 1; the seed is negative; there is no start id.

    Example:

    >>> ids = [np.array([5, 6, 7], "int32")] * 10
    >>> batches = TokenBatches(encoding.EncodedPairs(ids, ids),
    ...     tokens_per_batch=32, max_length=8)
    >>> batches.steps_per_epoch
    3
    >>> inputs, labels, weights = next(iter(batches.evaluation_dataset()))
    >>> labels[0].numpy().tolist()
    [5, 6, 7, 2, 0, 0, 0, 0]
    """

    def __init__(
        self,
        encoded: encoding.EncodedPairs,
        tokens_per_batch: int = 4096,
        max_length: int = 128,
        seed: int = 0,
        rows_multiple_of: int = 1,
        start_id: int | None = None,
    ):
        check_batch(tokens_per_batch, max_length, rows_multiple_of)
        if seed < 0:
            raise ValueError(f"`seed` must be at least 0. Received: {seed}.")
        self._encoded = encoded
        self._seed = seed
        self._start_id = start_id
        if start_id is None:
            self._start_id = encoded.target_special_ids.begin
        if self._start_id is None:
            raise ValueError(
                "The decoder reads a start id first. Received: start_id=None, "
                "and a target vocabulary without an id that begins a target. "
                "Give the model's `start_id`."
            )
        self._lengths = bucket_lengths(max_length)
        # The numbers of pairs and of rows in a batch of each bucket.
        self._pairs = [
            _rounded(tokens_per_batch // length) for length in self._lengths
        ]
        self._rows = [
            -(-pairs // rows_multiple_of) * rows_multiple_of
            for pairs in self._pairs
        ]
        longest = 1 + max(
            max(map(len, encoded.sources)), max(map(len, encoded.targets))
        )
        if longest > max_length:
            raise ValueError(
                f"A sentence has {longest} tokens. Expected at most "
                f"max_length={max_length}. Encode with the same max_length."
            )
        sides = zip(encoded.sources, encoded.targets, strict=True)
        lengths = [
            1 + max(len(source), len(target)) for source, target in sides
        ]
        self._bucket_of = np.searchsorted(self._lengths, lengths)
        self.steps_per_epoch = len(self._plan(np.arange(len(lengths))))

    def training_dataset(self, first_step: int = 0) -> tf.data.Dataset:
        """Returns endless batches for `fit`, in another order each epoch.

        Args:
            first_step: the number of batches to skip, so that a resumed run
                continues with the batch after its checkpoint.
        """

        def generate():
            epoch, skipped = divmod(first_step, self.steps_per_epoch)
            while True:
                for bucket, rows in self._shuffled_plan(epoch)[skipped:]:
                    yield self._batch(bucket, rows)
                epoch, skipped = epoch + 1, 0

        # With a known cardinality, workers need not agree on the data's end.
        return self._dataset(generate, tf.data.INFINITE_CARDINALITY)

    def evaluation_dataset(self) -> tf.data.Dataset:
        """Returns batches of all pairs, in a fixed order, for `evaluate`."""

        def generate() -> Iterator:
            for bucket, rows in self._plan(np.arange(len(self._bucket_of))):
                yield self._batch(bucket, rows)

        return self._dataset(generate, self.steps_per_epoch)

    def count_target_tokens(self, steps: int) -> int:
        """Returns how many target tokens, not padding, the first steps read."""
        epochs, rest = divmod(steps, self.steps_per_epoch)
        targets = self._encoded.targets
        return epochs * self._encoded.num_target_tokens + sum(
            len(targets[row]) + 1
            for _, rows in self._shuffled_plan(epochs)[:rest]
            for row in rows
        )

    def _shuffled_plan(self, epoch):
        generator = np.random.default_rng([self._seed, epoch])
        plan = self._plan(generator.permutation(len(self._bucket_of)))
        return [plan[i] for i in generator.permutation(len(plan))]

    def _plan(self, order):
        """Returns (bucket, pairs) of each batch, for pairs in this order."""
        plan, waiting = [], np.array([], "int64")
        buckets = self._bucket_of[order]
        for bucket, size in enumerate(self._pairs):
            waiting = np.concatenate([waiting, order[buckets == bucket]])
            while len(waiting) >= size:
                plan.append((bucket, waiting[:size]))
                waiting = waiting[size:]
        if len(waiting):
            # All these pairs fit into the bucket of the longest of them.
            plan.append((int(self._bucket_of[waiting].max()), waiting))
        return plan

    def _batch(self, bucket, rows):
        shape = (self._rows[bucket], self._lengths[bucket])
        source_special = self._encoded.source_special_ids
        target_special = self._encoded.target_special_ids
        source_ids, target_input_ids, target_output_ids = (
            np.full(shape, special_ids.pad, "int32")
            for special_ids in (source_special, target_special, target_special)
        )
        weights = np.zeros(shape, "float32")
        for i, row in enumerate(rows):
            source = self._encoded.sources[row]
            target = self._encoded.targets[row]
            source_ids[i, : len(source)] = source
            source_ids[i, len(source)] = source_special.end
            target_input_ids[i, 0] = self._start_id
            target_input_ids[i, 1 : len(target) + 1] = target
            target_output_ids[i, : len(target)] = target
            target_output_ids[i, len(target)] = target_special.end
            weights[i, : len(target) + 1] = 1
        inputs = {
            "source_ids": source_ids,
            "target_input_ids": target_input_ids,
        }
        return inputs, target_output_ids, weights

    def _dataset(self, generate, cardinality):
        ids = tf.TensorSpec((None, None), tf.int32)
        signature = (
            {"source_ids": ids, "target_input_ids": ids},
            ids,
            tf.TensorSpec((None, None), tf.float32),
        )
        dataset = tf.data.Dataset.from_generator(
            generate, output_signature=signature
        )
        dataset = dataset.apply(
            tf.data.experimental.assert_cardinality(cardinality)
        )
        # Each worker takes its share of the rows of every batch.
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.DATA
        )
        # Nothing can be tuned here, and the tuning thread may outlive the data.
        options.autotune.enabled = False
        return dataset.with_options(options).prefetch(_PREFETCHED)


def _rounded(pairs):
    """Rounds a number of at least `_ROWS` down to a multiple of it."""
    return pairs // _ROWS * _ROWS if pairs >= _ROWS else pairs
