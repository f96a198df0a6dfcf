"""Greedy search, which chooses the most probable token at every step."""

import dataclasses

import tensorflow as tf

from keras_transformer.search import base, contract, single_path
from keras_transformer.search import constraints as constraining
from keras_transformer.search import task as tasks


@dataclasses.dataclass(frozen=True)
class GreedySearch(base.Search):
    """A search that chooses the most probable allowed token at every step.

    A hypothesis ends at the end token, at the limit of its row, if all tokens
    are forbidden, or if a logit is NaN. The result has W = 1. Its scores are
    log-probabilities without penalties.

    Args:
        constraints: the `Constraints` of every hypothesis.

    Example:

    >>> from keras_transformer import search
    >>> chain = tf.math.log([[0.1, 0.6, 0.3], [0.1, 0.2, 0.7], [1., 0., 0.]])
    >>> def step(ids, position, state):
    ...     return tf.gather(chain, ids), state
    >>> task = search.Task(batch_size=1, max_lengths=5, start_id=0, end_id=2,
    ...     pad_id=0)
    >>> GreedySearch()(step, (), task).ids[0, 0, :2].numpy().tolist()
    [1, 2]
    """

    constraints: constraining.Constraints = constraining.NONE

    def __call__(
        self, step: contract.StepFn, state: contract.State, task: tasks.Task
    ) -> contract.SearchResult:
        return single_path.follow(
            _most_probable,
            step,
            state,
            task,
            self.constraints,
            width=1,
            num_candidates=1,
        )


def _most_probable(choices, position, row_numbers):
    return tf.argmax(choices.log_probs, axis=2, output_type=tf.int32)
