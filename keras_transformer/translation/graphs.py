"""A search in graphs that are made once.

B batch   S source length   P prefix length
"""

import tensorflow as tf

from keras_transformer.search import contract

# XLA compiles a search for each shape, so sources and prefixes are padded to
# multiples of this, and batches to powers of two.
_LENGTH = 32
_IDS = tf.TensorSpec([None, None], tf.int32)


def in_graphs(search, jit_compile: bool):
    """Makes a function of source ids (B, S), prefixes (B, P) or none, `align`.

    B is above 0.

    Args:
        search: a `ModelSearch`.
        jit_compile: whether XLA compiles the search.
    """
    if not jit_compile:
        return GraphSearch(search)
    strategy = getattr(search.model, "distribute_strategy", None)
    # On several hosts one of them searches.
    is_shared = isinstance(
        strategy, (tf.distribute.TPUStrategy, tf.distribute.MirroredStrategy)
    )
    return CompiledSearch(
        search,
        search.lengths,
        search.model.pad_id,
        strategy if is_shared else None,
    )


class GraphSearch:
    """Searches in a graph of any shapes, one for each kind of call.

    Args:
        search: a `ModelSearch`.

    Example:

    >>> def search(source_ids, prefix=None, align=False):
    ...     return tf.shape(source_ids)[0]
    >>> int(GraphSearch(search)(tf.fill([3, 7], 5)))
    3
    """

    def __init__(self, search):
        self._search = search
        self._graphs = {}

    def __call__(
        self, source_ids, prefix=None, align: bool = False
    ) -> contract.SearchResult:
        key = (prefix is not None, align)
        if key not in self._graphs:
            self._graphs[key] = self._graph(*key)
        return self._graphs[key](*_given(source_ids, prefix))

    def _graph(self, has_prefix, align):
        def search(source_ids, prefix=None):
            return self._search(source_ids, prefix, align)

        signature = [_IDS] * (1 + has_prefix)
        return tf.function(search, input_signature=signature)


class CompiledSearch:
    """Pads what is given to it to a shape that was compiled, if one was.

    Args:
        search: a `ModelSearch`.
        lengths: `Lengths` of translations.
        pad_id: what fills up shapes.
        strategy: that of the model, if its replicas shall search for a share of
            the rows each. A TPU searches in no other way.

    Example:

    >>> from keras_transformer.translation import lengths
    >>> def search(source_ids, prefix, align, max_length):
    ...     ids = tf.fill([tf.shape(source_ids)[0], 1, max_length], 2)
    ...     found = tf.fill([tf.shape(source_ids)[0], 1], 1)
    ...     scores = tf.cast(found, tf.float32)
    ...     return contract.SearchResult(ids, found, scores, ids)
    >>> compiled = CompiledSearch(search, lengths.Lengths(), pad_id=0)
    >>> compiled(tf.fill([3, 7], 5)).ids.shape
    TensorShape([3, 1, 82])
    """

    def __init__(self, search, lengths, pad_id, strategy=None):
        self._search = tf.function(search, jit_compile=True)
        self._replicas = 1
        if strategy is not None:
            self._search = _spread(strategy, search)
            self._replicas = strategy.num_replicas_in_sync
        self._lengths = lengths
        self._pad_id = pad_id

    def __call__(
        self, source_ids, prefix=None, align: bool = False
    ) -> contract.SearchResult:
        rows = source_ids.shape[0]
        source_ids = self._padded(source_ids)
        _, longest = self._lengths.of(tf.constant([source_ids.shape[1]]))
        result = self._search(
            source_ids,
            None if prefix is None else self._padded(prefix),
            align=align,
            max_length=int(longest[0]),
        )
        return contract.SearchResult(
            *(None if field is None else field[:rows] for field in result)
        )

    def _padded(self, ids):
        """Ids of one of a few shapes: with padding, and the first row again."""
        rows, length = ids.shape
        more_rows = (1 << (rows - 1).bit_length()) - rows
        more_rows += -(rows + more_rows) % self._replicas
        padding = [[0, 0], [0, -length % _LENGTH]]
        ids = tf.pad(ids, padding, constant_values=self._pad_id)
        # Copies of the first row are done when it is.
        return tf.concat([ids, tf.repeat(ids[:1], more_rows, axis=0)], axis=0)


def _spread(strategy, search):
    """A compiled search whose rows are shared by the replicas."""
    is_on_tpu = isinstance(strategy, tf.distribute.TPUStrategy)

    @tf.function
    def on_replicas(shares, align, max_length):
        def on_one(source_ids, prefix=None):
            return search(source_ids, prefix, align, max_length)

        def compiled(*ids):
            # One for each replica, whose variables it holds.
            return tf.function(on_one, jit_compile=True)(*ids)

        # A TPU compiles all that it runs.
        return strategy.run(on_one if is_on_tpu else compiled, args=shares)

    def share_of(ids):
        return strategy.experimental_distribute_values_from_function(
            lambda replica: tf.split(ids, replica.num_replicas_in_sync)[
                replica.replica_id_in_sync_group
            ]
        )

    def spread(source_ids, prefix, align, max_length):
        shares = tuple(share_of(ids) for ids in _given(source_ids, prefix))
        result = on_replicas(shares, align, max_length)
        return contract.SearchResult(
            *(
                None
                if field is None
                else tf.concat(strategy.experimental_local_results(field), 0)
                for field in result
            )
        )

    return spread


def _given(*ids):
    return [one for one in ids if one is not None]
