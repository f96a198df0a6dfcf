"""Makes batches of sentence pairs, with one or several pairs in each row.

A batch is a tuple of inputs, labels and weights. The inputs are a dict:

source_ids          int32 (B, S), the source with its special ids
target_input_ids    int32 (B, T), the start id and the target

The labels and the weights are tensors:

target_output_ids   int32 (B, T), the labels: the target and its end id
weights             float32 (B, T), 1 at labels, 0 at padding

If the vocabulary has a target prefix, such as the id of a language, each target
begins with this prefix. If pairs are packed, a row holds several pairs, one
after another. The dict then has two more keys:

source_segment_ids  int32 (B, S)
target_segment_ids  int32 (B, T)

A segment id is the number of a token's pair in the row, from 1; 0 at padding.

B batch   S source length   T target length
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from keras_transformer.data import encoding, packing, plans

# The number of batches that are prepared in advance.
_PREFETCHED = 8


class Bookmark(NamedTuple):
    """The place in a stream of batches at which a window begins.

    window: the number of the window, counted from 0.
    batches: the number of batches before the window.
    target_tokens: the number of target tokens before the window, with special
        ids but without padding.
    """

    window: int
    batches: int
    target_tokens: int


class TokenBatches:
    """Batches of about `tokens_per_batch` tokens, with little padding.

    Without packing, pairs of similar lengths share a batch, see
    `plans.Buckets`. With packing, several pairs share a row, and all batches
    have one shape, see `plans.Packing`. In both cases, no pair of a window is
    lost or repeated. In training, the seed and the number of the window decide
    which pairs share a batch, and the order of the batches. More replicas do
    not change this: `rows_multiple_of` only adds rows of weight 0.

    Args:
        pairs: the encoded pairs.
        tokens_per_batch: the maximum number of source tokens of a batch, and
            also of target tokens. Padding counts, except the empty rows that
            `rows_multiple_of` adds.
        max_length: the maximum number of tokens of a source and of a target,
            with special ids.
        seed: the seed of the shuffling, at least 0.
        rows_multiple_of: the number of rows of each batch is a multiple of
            this argument, which is the number of replicas times the number of
            micro-batches of a replica.
        start_id: the first id that the decoder reads, the model's `start_id`.
            `None` for the begin id of the target vocabulary.
        packed: whether several pairs share a row.

    Attributes:
        needs_bookmarks: whether windows may have different numbers of batches.
            If True, the method `bookmark` takes time, because it plans earlier
            windows to find where a window begins.
        steps_per_epoch: the number of batches of an epoch. It is an estimate
            if `needs_bookmarks` is True: the number of batches of the first
            window times the number of windows of an epoch.

    Raises:
        ValueError: `tokens_per_batch` is too small for `rows_multiple_of` rows
            of `max_length` tokens; a sentence is longer than `max_length`; a
            size is below 1; the seed is negative; there is no start id.

    Example:

    >>> from keras_transformer.data import EncodedPairs
    >>> ids = [np.array([5, 6, 7], "int32")] * 10
    >>> batches = TokenBatches(EncodedPairs(ids, ids), tokens_per_batch=32,
    ...     max_length=8)
    >>> batches.steps_per_epoch
    3
    >>> inputs, labels, weights = next(iter(batches.evaluation_dataset()))
    >>> labels[0].numpy().tolist()
    [5, 6, 7, 2, 0, 0, 0, 0]
    """

    def __init__(
        self,
        pairs: encoding.PairWindows,
        tokens_per_batch: int = 4096,
        max_length: int = 128,
        seed: int = 0,
        rows_multiple_of: int = 1,
        start_id: int | None = None,
        packed: bool = False,
    ):
        plans.check_batch(tokens_per_batch, max_length, rows_multiple_of)
        if seed < 0:
            raise ValueError(f"`seed` must be at least 0. Received: {seed}.")
        if pairs.longest > max_length:
            raise ValueError(
                f"A sentence has {pairs.longest} tokens. Expected at most "
                f"max_length={max_length}. Encode with the same max_length."
            )
        self._pairs = pairs
        self._seed = seed
        self._rows_multiple_of = rows_multiple_of
        self._start_id = start_id
        if start_id is None:
            self._start_id = pairs.target_special_ids.begin
        if self._start_id is None:
            raise ValueError(
                "The decoder reads a start id first. Received: start_id=None, "
                "and a target vocabulary without an id that begins a target. "
                "Give the model's `start_id`."
            )
        self._packed = packed
        self._planner: plans.Buckets | plans.Packing
        if packed:
            room = packing.room_of_rows(
                self._lengths(0).mean(axis=0),
                pairs.longest,
                tokens_per_batch // plans.ROWS,
            )
            self._planner = plans.Packing(tokens_per_batch, room)
        else:
            self._planner = plans.Buckets(tokens_per_batch, max_length)
        self.needs_bookmarks = not isinstance(pairs, encoding.EncodedPairs)
        # Maps the number of a window to its bookmark.
        self._bookmarks = {0: Bookmark(0, 0, 0)}
        self._latest_plan: tuple[int, Any] = (-1, None)
        self.steps_per_epoch = (
            len(self._planner.plan(self._lengths(0))) * pairs.windows_per_epoch
        )

    def training_dataset(
        self,
        first_step: int = 0,
        observe: Callable[[int, int, np.ndarray], None] | None = None,
    ) -> tf.data.Dataset:
        """Returns endless batches for `fit`, in another order each epoch.

        Args:
            first_step: the number of batches to skip, so that a resumed run
                continues with the batch after its checkpoint.
            observe: a function to call for each batch before the model reads
                it. Its arguments are the number of the batch in the run,
                counted from 0, the number of pairs in it, and its weights
                `(B, T)`. The thread that makes batches calls the function.
                `None` for no function.
        """

        def generate():
            bookmark = self.bookmark(first_step)
            number = first_step
            while True:
                plan = self._shuffled_plan(bookmark.window)
                pairs = self._pairs.read_window(bookmark.window)
                for batch in plan[number - bookmark.batches :]:
                    arrays = self._batch(pairs, batch)
                    if observe is not None:
                        observe(number, sum(map(len, batch.rows)), arrays[-1])
                    yield arrays
                    number += 1
                bookmark = self._next(bookmark)

        # If the cardinality is known, the workers of a cluster need not ask
        # each other at every step whether the data has ended.
        return self._dataset(generate, tf.data.INFINITE_CARDINALITY)

    def evaluation_dataset(self) -> tf.data.Dataset:
        """Returns the batches of the first epoch, always in the same order."""
        planned = [
            self._planner.plan(self._lengths(window))
            for window in range(self._pairs.windows_per_epoch)
        ]

        def generate() -> Iterator:
            for window, plan in enumerate(planned):
                pairs = self._pairs.read_window(window)
                for batch in plan:
                    yield self._batch(pairs, batch)

        return self._dataset(generate, sum(map(len, planned)))

    def bookmark(self, step: int) -> Bookmark:
        """Returns the bookmark of the window to which a batch belongs.

        Args:
            step: the number of batches before this batch.
        """
        if not self.needs_bookmarks:
            window = step // self.steps_per_epoch
            return Bookmark(
                window,
                window * self.steps_per_epoch,
                window * int(self._lengths(window)[:, 1].sum()),
            )
        # `max` reads a copy of the bookmarks, because the thread that makes
        # batches may add a bookmark at the same time.
        bookmark = max(
            each
            for each in list(self._bookmarks.values())
            if each.batches <= step
        )
        while (following := self._next(bookmark)).batches <= step:
            bookmark = following
        return bookmark

    def use_bookmark(self, bookmark: Bookmark) -> None:
        """Stores where a window begins.

        If `needs_bookmarks` is True, call this before a run continues from a
        checkpoint. Without this call, the method `bookmark` plans the batches
        of all earlier windows again, because it must count them.

        Args:
            bookmark: an earlier result of the method `bookmark`, such as
                the bookmark in the checkpoint.
        """
        self._bookmarks[bookmark.window] = bookmark

    def count_target_tokens(self, steps: int) -> int:
        """Returns the number of target tokens in the first `steps` batches.

        The batches are training batches. Special ids count; padding does not.
        """
        bookmark = self.bookmark(steps)
        plan = self._shuffled_plan(bookmark.window)
        lengths = self._lengths(bookmark.window)[:, 1]
        return bookmark.target_tokens + sum(
            int(lengths[pair])
            for batch in plan[: steps - bookmark.batches]
            for row in batch.rows
            for pair in row
        )

    def _next(self, bookmark):
        """Returns the bookmark of the next window."""
        following = self._bookmarks.get(bookmark.window + 1)
        if following is None:
            plan = self._shuffled_plan(bookmark.window)
            lengths = self._lengths(bookmark.window)[:, 1]
            following = Bookmark(
                bookmark.window + 1,
                bookmark.batches + len(plan),
                bookmark.target_tokens + int(lengths.sum()),
            )
            self._bookmarks[following.window] = following
        return following

    def _lengths(self, window):
        """Returns source and target lengths `(pairs, 2)`, with special ids."""
        added = [
            len(self._pairs.source_special_ids.around_source()),
            1 + len(self._pairs.target_special_ids.target_prefix),
        ]
        return added + np.stack(self._pairs.window_lengths(window), axis=1)

    def _shuffled_plan(self, window):
        latest, plan = self._latest_plan
        if window != latest:
            generator = np.random.default_rng([self._seed, window])
            plan = self._planner.plan(self._lengths(window), generator)
            plan = [plan[i] for i in generator.permutation(len(plan))]
            self._latest_plan = window, plan
        return plan

    def _batch(self, pairs, batch):
        """Returns the arrays of a planned batch."""
        rows, *lengths = batch.shape
        rows = -(-rows // self._rows_multiple_of) * self._rows_multiple_of
        source_shape, target_shape = ((rows, length) for length in lengths)
        source_special = pairs.source_special_ids
        target_special = pairs.target_special_ids
        source_ids = np.full(source_shape, source_special.pad, "int32")
        target_input_ids = np.full(target_shape, target_special.pad, "int32")
        target_output_ids = target_input_ids.copy()
        source_segment_ids = np.zeros(source_shape, "int32")
        target_segment_ids = np.zeros(target_shape, "int32")
        for i, row in enumerate(batch.rows):
            begin, target_begin = 0, 0
            for number, pair in enumerate(row, start=1):
                source, target = pairs.sources[pair], pairs.targets[pair]
                if target_special.target_prefix:
                    target = np.append(target_special.target_prefix, target)
                first = begin + len(source_special.source_prefix)
                last = first + len(source)
                end = last + len(source_special.source_ending)
                target_end = target_begin + len(target)
                source_ids[i, begin:first] = source_special.source_prefix
                source_ids[i, first:last] = source
                source_ids[i, last:end] = source_special.source_ending
                source_segment_ids[i, begin:end] = number
                target_input_ids[i, target_begin] = self._start_id
                target_input_ids[i, target_begin + 1 : target_end + 1] = target
                target_output_ids[i, target_begin:target_end] = target
                target_output_ids[i, target_end] = target_special.end
                target_segment_ids[i, target_begin : target_end + 1] = number
                begin, target_begin = end, target_end + 1
        inputs = {
            "source_ids": source_ids,
            "target_input_ids": target_input_ids,
        }
        if self._packed:
            inputs["source_segment_ids"] = source_segment_ids
            inputs["target_segment_ids"] = target_segment_ids
        weights = (target_segment_ids > 0).astype("float32")
        return inputs, target_output_ids, weights

    def _dataset(self, generate, cardinality):
        names = ["source_ids", "target_input_ids"]
        if self._packed:
            names += ["source_segment_ids", "target_segment_ids"]
        ids = tf.TensorSpec((None, None), tf.int32)
        signature: Any = (
            dict.fromkeys(names, ids),
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
        # There is nothing to tune, because `_PREFETCHED` is fixed. With tuning,
        # a thread may still run after the data set was deleted.
        options.autotune.enabled = False
        return dataset.with_options(options).prefetch(_PREFETCHED)
