"""What every search is: a value that is called with a step, a state, a task.

B batch   T target length   V vocabulary_size   S source length
"""

import abc
from typing import Any

from keras_transformer.search import contract, scoring
from keras_transformer.search import task as tasks


class Search(abc.ABC):
    """A search and its settings.

    A search of your own needs `__call__` alone. The rest says what a translator
    may ask besides, and has answers that fit a search which returns one
    hypothesis and ranks by log-probability.

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
        self, step: contract.StepFn, state: Any, task: tasks.Task
    ) -> contract.SearchResult:
        """Finds the best hypotheses of each row.

        Args:
            step: see `StepFn`; called with B W rows.
            state: the state before the first step, batch axis B first.
            task: see `Task`. Its limits, prefix and banned ids hold, and its
                `states` follow the hypotheses.

        Returns:
            `SearchResult` of T columns, the task's `longest` or the largest
            limit; with attention if the task has a `source_mask`.

        Raises:
            ValueError: a batch or a longest length below 0, ids that are not
                in the vocabulary, or a prefix that is longer than its row may
                become.
        """

    @property
    def needs_attention(self) -> bool:
        """Whether the task must have a `source_mask`."""
        return False

    def with_n_best(self, count: int | None = None) -> "Search":
        """The same search, returning `count` hypotheses of each row.

        Args:
            count: `None` for all that the search has.

        Raises:
            ValueError: the search has fewer.
        """
        if count not in (None, 1):
            raise ValueError(
                "Only beam search and sampling return several hypotheses. "
                f"Received: {count} wanted of {self}. Use another search."
            )
        return self

    # Not abstract: most searches fit any vocabulary.
    def check(self, vocabulary_size: int) -> None:  # noqa: B027
        """Raises ValueError if the search does not fit a vocabulary."""

    def score(
        self, logits, target_ids, *, pad_id, attention=None, source_mask=None
    ) -> contract.SearchResult:
        """Scores given targets as this search would; see `score_targets`."""
        return scoring.score_targets(
            logits, target_ids, pad_id=pad_id, attention=attention
        )


class _Function(Search):
    """A search that is a function of step, state and task."""

    def __init__(self, function):
        self._function = function

    def __call__(self, step, state, task):
        return self._function(step, state, task)

    def __repr__(self):
        return repr(self._function)


def as_search(search) -> Search:
    """Takes a `Search`, or anything that is called as one.

    Raises:
        ValueError: it cannot be called, or it is a class.
    """
    if isinstance(search, Search):
        return search
    if isinstance(search, type) or not callable(search):
        raise ValueError(
            "A search is an object that is called with a step function, a "
            f"state and a task. Received: {search!r}. Give one such as "
            "`BeamSearch()`."
        )
    return _Function(search)
