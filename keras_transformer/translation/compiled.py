"""A search compiled by XLA, in one of a few shapes.

B batch   S source length   P prefix length
"""

import functools

import tensorflow as tf

from keras_transformer.search import contract
from keras_transformer.text import special_ids

# XLA compiles a search for each shape, so sources and prefixes are padded to
# multiples of this, and batches to powers of two.
_LENGTH = 32


class CompiledSearch:
    """Pads what is given to it to a shape that was compiled, if one was.

    Args:
        search_with: that of a `Translator`.
        lengths: `Lengths` of translations.
        strategy: that of the model, if its replicas shall search for a share of
            the rows each. A TPU searches in no other way.

    Example:

    >>> from keras_transformer.translation import lengths
    >>> def search_with(source_ids, prefix, align, max_length):
    ...     ids = tf.fill([tf.shape(source_ids)[0], 1, max_length], 2)
    ...     found = tf.fill([tf.shape(source_ids)[0], 1], 1)
    ...     scores = tf.cast(found, tf.float32)
    ...     return contract.SearchResult(ids, found, scores, ids)
    >>> search = CompiledSearch(search_with, lengths.Lengths())
    >>> search(tf.fill([3, 7], 5)).ids.shape
    TensorShape([3, 1, 82])
    """

    def __init__(self, search_with, lengths, strategy=None):
        self._search = tf.function(search_with, jit_compile=True)
        self._replicas = 1
        if strategy is not None:
            self._search = _spread(strategy, search_with)
            self._replicas = strategy.num_replicas_in_sync
        self._lengths = lengths

    def __call__(
        self, source_ids, prefix=None, align: bool = False
    ) -> contract.SearchResult:
        """Searches for source ids (B, S), B above 0, with prefixes (B, P)."""
        rows = source_ids.shape[0]
        source_ids = _padded(source_ids, self._replicas)
        _, longest = self._lengths.of(tf.constant([source_ids.shape[1]]))
        result = self._search(
            source_ids,
            None if prefix is None else _padded(prefix, self._replicas),
            align=align,
            max_length=int(longest[0]),
        )
        return contract.SearchResult(
            *(None if field is None else field[:rows] for field in result)
        )


def _spread(strategy, search_with):
    """A compiled search whose rows are shared by the replicas."""
    is_on_tpu = isinstance(strategy, tf.distribute.TPUStrategy)

    @tf.function
    def on_replicas(shares, align, max_length):
        def on_one(*ids):
            search = functools.partial(
                search_with, align=align, max_length=max_length
            )
            if not is_on_tpu:  # It compiles all that it runs.
                # One for each replica, whose variables it holds.
                search = tf.function(search, jit_compile=True)
            return search(*ids)

        return strategy.run(on_one, args=shares)

    def search(source_ids, prefix, align, max_length):
        shares = tuple(
            strategy.experimental_distribute_values_from_function(
                lambda replica, ids=ids: tf.split(
                    ids, replica.num_replicas_in_sync
                )[replica.replica_id_in_sync_group]
            )
            for ids in (source_ids, prefix)
            if ids is not None
        )
        result = on_replicas(shares, align, max_length)
        return contract.SearchResult(
            *(
                None
                if field is None
                else tf.concat(strategy.experimental_local_results(field), 0)
                for field in result
            )
        )

    return search


def _padded(ids, replicas):
    """Ids of one of a few shapes, with more of their first row."""
    rows, length = ids.shape
    more_rows = (1 << (rows - 1).bit_length()) - rows
    more_rows += -(rows + more_rows) % replicas
    padding = [[0, 0], [0, -length % _LENGTH]]
    ids = tf.pad(ids, padding, constant_values=special_ids.PAD_ID)
    # They are done when that row is.
    return tf.concat([ids, tf.repeat(ids[:1], more_rows, axis=0)], axis=0)
