"""Sampling, a search that draws tokens from the model's distribution.

B batch, without the rows that the search has dropped   W samples of a row
C candidates of a sample, not of a row
"""

import dataclasses
import numbers

import numpy as np
import tensorflow as tf

from keras_transformer.search import base, contract, single_path
from keras_transformer.search import constraints as constraining
from keras_transformer.search import task as tasks

# A smaller temperature is replaced by this number, because much smaller numbers
# are denormal in float32, and some devices would divide by 0.
_LEAST_TEMPERATURE = 1e-30


@dataclasses.dataclass(frozen=True)
class SamplingSearch(base.Search):
    """A search that draws each token at random from the allowed tokens.

    Each step raises the probabilities to the power of 1 / `temperature` and
    keeps the `top_k` most probable tokens (Fan et al. 2018). Of these tokens
    it keeps the smallest set that has at least the share `top_p` of their
    total probability (Holtzman et al. 2020). It draws one token of this set by
    these probabilities.

    The result has `num_samples` hypotheses, best first. Their scores are the
    log-probabilities of the model: `temperature`, `top_k` and `top_p` do not
    change them.

    Args:
        num_samples: W, the number of independent samples of each row.
        temperature: above 0; near 0 the search is greedy.
        top_k: the number of most probable tokens to keep; 0 for all.
        top_p: the share of the total probability to keep, in (0, 1].
        seed: an int of 64 bits, or a scalar tensor. The samples of a row also
            depend on its key if the task has `row_keys`, and otherwise on its
            index in the batch.
        constraints: the `Constraints` of every hypothesis.

    Raises:
        ValueError: a setting is out of range, `num_samples` or `top_k` is not a
            whole number, `seed` is not a scalar, or the task of a search has
            `row_keys`, but not one key for each row.

    Example:

    >>> from keras_transformer import search
    >>> def step(ids, position, state):
    ...     return tf.math.log([[0.0, 0.5, 0.5]]), state
    >>> task = search.Task(batch_size=1, max_lengths=50, start_id=0, end_id=2,
    ...     pad_id=0)
    >>> result = SamplingSearch(seed=7)(step, (), task)
    >>> bool(result.ids[0, 0, result.lengths[0, 0] - 1] == 2)
    True
    """

    num_samples: int = 1
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int | tf.Tensor = 0
    constraints: constraining.Constraints = constraining.NONE

    def __post_init__(self):
        contract.check_count("num_samples", self.num_samples)
        if not self.temperature > 0:
            raise ValueError(
                f"`temperature` must be above 0. Received: {self.temperature}. "
                "Use greedy search for the most probable tokens."
            )
        if not isinstance(self.top_k, numbers.Integral) or self.top_k < 0:
            raise ValueError(
                "`top_k` must be a whole number, at least 0. Received: "
                f"{self.top_k}. Use 0 to leave no token out."
            )
        if not 0 < self.top_p <= 1:
            raise ValueError(
                f"`top_p` must be in (0, 1]. Received: {self.top_p}. Use 1 to "
                "leave no token out."
            )
        is_known = isinstance(self.seed, int)
        if is_known and not -(2**63) <= self.seed < 2**63:
            raise ValueError(
                f"`seed` must fit into 64 bits. Received: {self.seed}. Give a "
                "smaller number."
            )
        if not is_known and len(np.shape(self.seed)) > 0:
            raise ValueError(
                "`seed` is one number for all rows. Received: shape "
                f"{tuple(np.shape(self.seed))}. Expected (). For a number of "
                "each row, give the task `row_keys`."
            )

    def __call__(
        self, step: contract.StepFn, state: contract.State, task: tasks.Task
    ) -> contract.SearchResult:
        limits = contract.limits_per_row(task.max_lengths, task.batch_size)
        seed = self._seed_of_rows(task, limits)
        rows = tf.shape(limits)[0]

        def draw(choices, position, numbers):
            uniform = _uniform(seed, rows, self.num_samples, position, numbers)
            probabilities = _distribution(
                choices.log_probs,
                self.temperature,
                int(self.top_k),
                self.top_p,
            )
            return _draw(uniform, probabilities)

        result = single_path.follow(
            draw,
            step,
            state,
            task,
            self.constraints,
            width=self.num_samples,
            num_candidates=_num_candidates(int(self.top_k), self.top_p),
        )
        order = tf.argsort(result.scores, axis=1, direction="DESCENDING")
        return contract.SearchResult(
            *(
                None if field is None else tf.gather(field, order, batch_dims=1)
                for field in result
            )
        )

    def with_n_best(self, count: int | None = None) -> "SamplingSearch":
        """Returns the same search, but with `count` samples.

        `None` keeps `num_samples`.

        Raises:
            ValueError: `count` is not a whole number of at least 1.
        """
        if count is None:
            return self
        return dataclasses.replace(self, num_samples=count)

    def _seed_of_rows(self, task, limits):
        """Returns one seed for all rows of the task, or a vector of seeds.

        If the task has `row_keys`, the result is a vector with one seed for
        each row.
        """
        seed = tf.cast(self.seed, tf.int64)
        if task.row_keys is None:
            return seed
        keys = tf.cast(task.row_keys, tf.int64)
        if not keys.shape.is_compatible_with(limits.shape):
            raise ValueError(
                "`row_keys` has one key for each row. Received: shape "
                f"{tuple(keys.shape)}. Expected {tuple(limits.shape)}."
            )
        return keys + seed


def _draw(uniform, probabilities):
    """Draws a candidate for each hypothesis, and returns its index (B, W).

    Args:
        uniform: random numbers in [0, 1), float32 `(B, W)`.
        probabilities: `(B, W, C)`, not normalized.
    """
    # A device may add the terms of a cumulative sum in any order. So rounding
    # can make the sum grow at a candidate of probability 0. The sum at such a
    # candidate is set to 0, so that it is never drawn.
    cumulative = tf.where(
        probabilities > 0, tf.cumsum(probabilities, axis=-1), 0.0
    )
    total = tf.reduce_max(cumulative, axis=-1, keepdims=True)
    threshold = tf.minimum(
        uniform[:, :, None] * total, tf.math.nextafter(total, 0.0)
    )
    # Chooses the first candidate whose cumulative sum is above the threshold.
    # If all candidates are forbidden, no sum is above it, and `argmax` returns
    # the first candidate.
    is_above = tf.cast(cumulative > threshold, tf.int32)
    return tf.argmax(is_above, axis=-1, output_type=tf.int32)


def _num_candidates(top_k, top_p):
    """Returns the argument `num_candidates` of `single_path.follow`.

    With a number, the candidates are sorted, the best first. With `None`, they
    are all tokens in the order of ids.
    """
    if top_k:
        return top_k
    # `top_p` needs all tokens, sorted. A count above every vocabulary size
    # gives them.
    return None if top_p == 1.0 else np.iinfo(np.int32).max // 2


def _distribution(log_probs, temperature, top_k, top_p):
    """Returns unnormalized probabilities (B, W, C), 0 for tokens left out.

    If `top_k` is not 0 or `top_p` is below 1, the `log_probs` of the allowed
    tokens must be sorted, the largest first.
    """
    is_allowed = log_probs > contract.NEVER
    if top_k:
        rank = tf.cumsum(tf.cast(is_allowed, tf.int32), axis=-1)
        is_allowed &= rank <= top_k
    largest = tf.reduce_max(
        tf.where(is_allowed, log_probs, contract.NEVER), axis=-1, keepdims=True
    )
    # The largest log-probability becomes 0. So `exp` cannot overflow, even if
    # the temperature is tiny.
    scaled = (log_probs - largest) / max(temperature, _LEAST_TEMPERATURE)
    probabilities = tf.where(is_allowed, tf.exp(scaled), 0.0)
    if top_p < 1.0:
        probabilities /= tf.maximum(
            tf.reduce_sum(probabilities, axis=-1, keepdims=True), 1e-30
        )
        before = tf.cumsum(probabilities, axis=-1, exclusive=True)
        probabilities = tf.where(before < top_p, probabilities, 0.0)
    return probabilities


def _uniform(seed, rows, width, position, numbers):
    """Draws numbers in [0, 1), (B, W), for one position.

    Args:
        seed: the result of `_seed_of_rows`.
        rows: the number of rows of the task, dropped rows included.
        width: W.
        position: scalar.
        numbers: `(B,)`, the index of each row in the task.
    """
    position = tf.cast(position, tf.int64)

    def draw(seed, shape):
        # With a fixed algorithm every device draws the same bits. The code
        # below turns the bits into floats, since XLA and TensorFlow would make
        # different floats.
        bits = tf.random.stateless_uniform(
            shape,
            tf.stack([seed, position]),
            minval=None,
            maxval=None,
            dtype=tf.uint32,
            alg="philox",
        )
        # Keeps 24 bits, as many as the significand of a float32 has.
        whole = tf.cast(tf.bitwise.right_shift(bits, 8), tf.int32)
        return tf.cast(whole, tf.float32) * 2.0**-24

    if seed.shape.rank == 0:
        return tf.gather(draw(seed, [rows, width]), numbers)
    return tf.map_fn(
        lambda row_seed: draw(row_seed, [width]),
        tf.gather(seed, numbers),
        fn_output_signature=tf.TensorSpec([width], tf.float32),
    )
