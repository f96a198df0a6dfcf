"""The base class of searches.

A search is called with a step function, a state and a task.

T target length
"""

import abc
from collections.abc import Callable
from typing import Any

from keras_transformer.search import contract, scoring
from keras_transformer.search import task as tasks


class Search(abc.ABC):
    """A search and its settings.

    A subclass must define `__call__`. A translator also calls the other
    methods. A search that returns one hypothesis and ranks by log-probability
    can inherit them unchanged. Another search may have to override them.

    Example:

    >>> import tensorflow as tf
    >>> class Shortest(Search):
    ...     '''Ends every row at once.'''
    ...     def __call__(self, step, state, task):
    ...         after = tf.fill([task.batch_size, 1, 4], task.pad_id)
    ...         end = tf.fill([task.batch_size, 1, 1], task.end_id)
    ...         zeros = tf.zeros([task.batch_size, 1, 5])
    ...         return contract.SearchResult(
    ...             tf.concat([end, after], 2), tf.ones_like(end[:, :, 0]),
    ...             zeros[:, :, 0], zeros)
    >>> task = tasks.Task(3, max_lengths=5, start_id=1, end_id=2, pad_id=0)
    >>> Shortest()(None, (), task).ids[0].numpy().tolist()
    [[2, 0, 0, 0, 0]]
    """

    @abc.abstractmethod
    def __call__(
        self, step: contract.StepFn, state: contract.State, task: tasks.Task
    ) -> contract.SearchResult:
        """Finds the best hypotheses of each row.

        Args:
            step: a `StepFn`. Each call gets the ids of W hypotheses of each
                row. Rows that are done may be left out.
            state: the state before the first step, with the batch axis first.
            task: a `Task`. The search respects the limits, the prefix and the
                banned ids of the task. It reorders the state by the methods of
                the object `task.states`.

        Returns:
            `SearchResult` of T columns. T is the task's `longest`; if this is
            `None`, T is the largest limit of the rows. The result has attention
            if the task has a `source_mask`.

        Raises:
            ValueError: a negative batch size or limit, a wrong number of
                limits, ids outside of the vocabulary, or a prefix that is
                longer than the limit of its row. Values that only the running
                graph computes are not checked.
        """

    @property
    def needs_attention(self) -> bool:
        """Returns whether the task must have a `source_mask`."""
        return False

    def with_n_best(self, count: int | None = None) -> "Search":
        """Returns the same search, but with `count` hypotheses of each row.

        Args:
            count: a number of at least 1. `None` means the beam size of a beam
                search, the number of samples of a sampling search, and 1 for
                any other search.

        Raises:
            ValueError: `count` is below 1, or more than the search can return.
        """
        if count not in (None, 1):
            raise ValueError(
                "Only beam search and sampling return several hypotheses. "
                f"Received: count={count} for {self}. Use another search."
            )
        return self

    # This method is not abstract, since most searches fit any vocabulary.
    def check(self, vocabulary_size: int) -> None:  # noqa: B027
        """Raises ValueError if the search does not fit a vocabulary size.

        By default every size fits.
        """

    def score(
        self,
        logits: contract.TensorLike,
        target_ids: contract.TensorLike,
        *,
        pad_id: int,
        attention: contract.TensorLike | None = None,
        source_mask: contract.TensorLike | None = None,
    ) -> contract.SearchResult:
        """Scores given targets with the penalties of this search.

        See `score_targets`. `Search` itself has no penalties, and does not use
        `source_mask`.
        """
        return scoring.score_targets(
            logits, target_ids, pad_id=pad_id, attention=attention
        )


class _Function(Search):
    """A search that calls a function of step, state and task."""

    def __init__(self, function):
        self._function = function

    def __call__(self, step, state, task):
        return self._function(step, state, task)

    def __repr__(self):
        return repr(self._function)


def as_search(search: Search | Callable[..., Any]) -> Search:
    """Returns a `Search` unchanged, or makes one from a function.

    Args:
        search: a `Search`, or a function with the arguments and the result of
            `Search.__call__`.

    Raises:
        ValueError: `search` cannot be called, or is a class.
    """
    if isinstance(search, Search):
        return search
    if isinstance(search, type) or not callable(search):
        raise ValueError(
            "A search is an object that is called with a step function, a "
            f"state and a task. Received: {search!r}. Give an object such as "
            "`BeamSearch()`."
        )
    return _Function(search)
