"""Runs a search in graphs. Each graph is built once.

B batch   S source length   P prefix length
"""

from typing import Any

import tensorflow as tf

from keras_transformer.search import contract
from keras_transformer.translation import lengths as limits
from keras_transformer.translation import model_search

# XLA compiles a search anew for each shape. To have few shapes, sources and
# prefixes are padded to multiples of this length.
_LENGTH_MULTIPLE = 32
_IDS = tf.TensorSpec([None, None], tf.int32)


def in_graphs(
    search: model_search.ModelSearch, jit_compile: bool
) -> "GraphSearch | CompiledSearch":
    """Makes a function that runs a search in a graph.

    The function returns a `SearchResult`. It has three arguments: source ids
    `(B, S)`, where B is at least 1; prefixes `(B, P)` or `None`; and `align`,
    whether the result must have attention.

    Args:
        search: a `ModelSearch`.
        jit_compile: whether XLA compiles the search.
    """
    if not jit_compile:
        return GraphSearch(search)
    strategy = getattr(search.model, "distribute_strategy", None)
    # With several workers, only the chief (the worker that writes files)
    # searches. So the replicas of a `MultiWorkerMirroredStrategy` do not share
    # the rows of a batch.
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
    """Runs a search in TensorFlow graphs, which accept inputs of all shapes.

    There is one graph for each of four kinds of calls: with or without a
    prefix, and with or without `align`.

    Args:
        search: a `ModelSearch`.

    Example:

    >>> def search(source_ids, prefix=None, align=False):
    ...     return tf.shape(source_ids)[0]
    >>> int(GraphSearch(search)(tf.fill([3, 7], 5)))
    3
    """

    def __init__(self, search: model_search.ModelSearch):
        self._search = search
        self._graphs: dict[tuple[bool, bool], Any] = {}

    def __call__(
        self,
        source_ids: tf.Tensor,
        prefix: tf.Tensor | None = None,
        align: bool = False,
    ) -> contract.SearchResult:
        key = (prefix is not None, align)
        if key not in self._graphs:
            self._graphs[key] = self._graph(*key)
        return self._graphs[key](*_without_none(source_ids, prefix))

    def _graph(self, has_prefix, align):
        def search(source_ids, prefix=None):
            return self._search(source_ids, prefix, align)

        signature = [_IDS] * (1 + has_prefix)
        return tf.function(search, input_signature=signature, autograph=False)


class CompiledSearch:
    """A search that XLA compiles. It pads its inputs, to have few shapes.

    Sources and prefixes are padded to multiples of 32 tokens. Copies of the
    first row fill up a batch to a power of two, then to a multiple of the
    number of replicas. The result has no copies.

    Args:
        search: a `ModelSearch`.
        lengths: `Lengths` of translations.
        pad_id: the id of padding.
        strategy: the strategy of the model, if its replicas shall share the
            rows of a batch; `None` to search on one device. On a TPU, the
            strategy must be given.

    Example:

    >>> from keras_transformer.translation import lengths
    >>> def search(source_ids, prefix, align, max_length):
    ...     ids = tf.fill([tf.shape(source_ids)[0], 1, max_length], 2)
    ...     lengths = tf.fill([tf.shape(source_ids)[0], 1], 1)
    ...     scores = tf.cast(lengths, tf.float32)
    ...     return contract.SearchResult(ids, lengths, scores, ids)
    >>> compiled = CompiledSearch(search, lengths.Lengths(), pad_id=0)
    >>> compiled(tf.fill([3, 7], 5)).ids.shape
    TensorShape([3, 1, 82])
    """

    def __init__(
        self,
        search: model_search.ModelSearch,
        lengths: limits.Lengths,
        pad_id: int,
        strategy: tf.distribute.Strategy | None = None,
    ):
        self._search = tf.function(search, jit_compile=True, autograph=False)
        self._replicas = 1
        if strategy is not None:
            self._search = _spread(strategy, search)
            self._replicas = strategy.num_replicas_in_sync
        self._lengths = lengths
        self._pad_id = pad_id

    def __call__(
        self,
        source_ids: tf.Tensor,
        prefix: tf.Tensor | None = None,
        align: bool = False,
    ) -> contract.SearchResult:
        rows = source_ids.shape[0]
        source_ids = self._padded(source_ids)
        _, maxima = self._lengths.of(tf.constant([source_ids.shape[1]]))
        result = self._search(
            source_ids,
            None if prefix is None else self._padded(prefix),
            align=align,
            max_length=int(maxima[0]),
        )
        return contract.SearchResult(
            *(None if field is None else field[:rows] for field in result)
        )

    def _padded(self, ids):
        """Adds padding and copies of the first row, to have few shapes."""
        rows, length = ids.shape
        num_copies = (1 << (rows - 1).bit_length()) - rows
        num_copies += -(rows + num_copies) % self._replicas
        padding = [[0, 0], [0, -length % _LENGTH_MULTIPLE]]
        ids = tf.pad(ids, padding, constant_values=self._pad_id)
        # The search of a copy ends at the same step as the search of the first
        # row, so the copies do not add steps.
        return tf.concat([ids, tf.repeat(ids[:1], num_copies, axis=0)], axis=0)


def _spread(strategy, search):
    """Makes a compiled search that divides the rows among the replicas."""
    is_on_tpu = isinstance(strategy, tf.distribute.TPUStrategy)

    @tf.function(autograph=False)
    def on_replicas(shares, align, max_length):
        def on_replica(source_ids, prefix=None):
            return search(source_ids, prefix, align, max_length)

        def compiled(*ids):
            # Each replica has its own variables, so each has its own function.
            return tf.function(on_replica, jit_compile=True, autograph=False)(
                *ids
            )

        # On a TPU every function is compiled, also without `jit_compile`.
        return strategy.run(on_replica if is_on_tpu else compiled, args=shares)

    def share_of(ids):
        return strategy.experimental_distribute_values_from_function(
            lambda replica: tf.split(ids, replica.num_replicas_in_sync)[
                replica.replica_id_in_sync_group
            ]
        )

    def spread(source_ids, prefix, align, max_length):
        all_ids = _without_none(source_ids, prefix)
        shares = tuple(share_of(ids) for ids in all_ids)
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


def _without_none(*tensors):
    return [tensor for tensor in tensors if tensor is not None]
