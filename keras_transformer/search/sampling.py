"""Sampling: tokens drawn from the model's distribution.

B batch   W samples per row   C candidates, best first
"""

import numpy as np
import tensorflow as tf

from keras_transformer.search import constraints as constraining
from keras_transformer.search import contract, single_path

# Below it float32 has denormal numbers, which some devices take for 0.
_LEAST_TEMPERATURE = 1e-30


def sampling_search(
    step: contract.StepFn,
    state,
    *,
    batch_size,
    max_lengths,
    start_id: int,
    end_id: int,
    pad_id: int,
    constraints=constraining.NONE,
    states: contract.States = contract.ROW_STATES,
    source_mask=None,
    num_samples: int = 1,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed=0,
) -> contract.SearchResult:
    """Draws each token from those the constraints allow.

    Their probabilities are taken to the power of 1 / `temperature`, all but
    the `top_k` best are left out (Fan et al. 2018), then all but the fewest
    that together have `top_p` of the rest (Holtzman et al. 2020), and one of
    those left is drawn.

    Args:
        step: see `StepFn`; called with B W rows.
        state: the state before the first step, batch axis B first.
        batch_size: B, an int or a scalar tensor.
        max_lengths: the most tokens of each row, `(B,)` or a scalar; the
            state must have room for the largest.
        start_id: what the first step reads.
        end_id: what ends a sequence.
        pad_id: what stands after the end.
        constraints: see `Constraints`.
        states: what knows how a state follows its hypotheses, such as a
            `Transformer`; by default each tensor of it has a row for each.
        source_mask: boolean `(B, S)`, which source tokens are real. Given
            it, `step` must return its attention, and the result has it.
        num_samples: W, drawn independently.
        temperature: above 0; near 0 it is greedy search.
        top_k: how many tokens may be drawn, 0 for all.
        top_p: in (0, 1].
        seed: an int, by which rows are drawn independently, or integers
            `(B,)`, each row's own: its samples then do not depend on its
            place in the batch.

    Returns:
        `SearchResult` with W hypotheses; their scores are the log-probability
        that the model gives them, whatever they were drawn from.

    Raises:
        ValueError: settings out of range, a batch or a longest length below
            0, ids that are not in the vocabulary,
            or a prefix that is longer than its row may become.

    Example:

    >>> def step(ids, position, state):
    ...     return tf.math.log([[0.0, 0.5, 0.5]]), state
    >>> result = sampling_search(step, (), batch_size=1, max_lengths=50,
    ...     start_id=0, end_id=2, pad_id=0, seed=7)
    >>> bool(result.ids[0, 0, result.lengths[0, 0] - 1] == 2)
    True
    """
    _check(num_samples, temperature, top_k, top_p)
    top_k = int(top_k)
    if isinstance(seed, int) and not -(2**63) <= seed < 2**63:
        raise ValueError(
            f"`seed` must fit into 64 bits. Received: {seed}. Give a smaller."
        )
    seed = tf.cast(seed, tf.int64)
    limits = contract.limits_per_row(max_lengths, batch_size)
    if seed.shape.rank != 0 and not seed.shape.is_compatible_with(limits.shape):
        raise ValueError(
            "`seed` is one for all rows, or one for each. Received: shape "
            f"{tuple(seed.shape)}. Expected () or {tuple(limits.shape)}."
        )
    rows = tf.shape(limits)[0]

    def choose(choices, position, numbers):
        probabilities = _reshape_distribution(
            choices.log_probs, temperature, top_k, top_p
        )
        # A sum in any order of its terms may round otherwise, so what has no
        # share is taken out of the choice, not only given none.
        cumulative = tf.where(
            probabilities > 0, tf.cumsum(probabilities, axis=-1), 0.0
        )
        total = tf.reduce_max(cumulative, axis=-1, keepdims=True)
        drawn = _uniform(seed, rows, num_samples, position, numbers)
        threshold = tf.minimum(
            drawn[:, :, None] * total, tf.math.nextafter(total, 0.0)
        )
        # The first above it. Where nothing may be drawn it is the first of
        # all, which is forbidden as are all others.
        is_above = tf.cast(cumulative > threshold, tf.int32)
        return tf.argmax(is_above, axis=-1, output_type=tf.int32)

    result = single_path.follow(
        choose,
        step,
        state,
        width=num_samples,
        count=_candidates(top_k, top_p),
        batch_size=batch_size,
        max_lengths=max_lengths,
        start_id=start_id,
        end_id=end_id,
        pad_id=pad_id,
        constraints=constraints,
        states=states,
        source_mask=source_mask,
    )
    order = tf.argsort(result.scores, axis=1, direction="DESCENDING")
    return contract.SearchResult(
        *(
            None if field is None else tf.gather(field, order, batch_dims=1)
            for field in result
        )
    )


def _candidates(top_k, top_p):
    """How many candidates must be sorted; `None` for none."""
    if top_k:
        return top_k
    return None if top_p == 1.0 else np.iinfo(np.int32).max // 2


def _reshape_distribution(log_probs, temperature, top_k, top_p):
    """Probabilities (B, W, C) to draw from; those left out are 0."""
    is_allowed = log_probs > contract.NEVER
    if top_k:
        rank = tf.cumsum(tf.cast(is_allowed, tf.int32), axis=-1)
        is_allowed &= rank <= top_k
    largest = tf.reduce_max(
        tf.where(is_allowed, log_probs, contract.NEVER), axis=-1, keepdims=True
    )
    # The best stays at 0 whatever it is divided by.
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
    """Numbers in [0, 1) for the rows `numbers` (R,) at a position: (R, W)."""
    position = tf.cast(position, tf.int64)

    def draw(seed, shape):
        # Of one algorithm, so that every device draws the same bits. XLA makes
        # other numbers in [0, 1) of them than TensorFlow does, so we do it.
        bits = tf.random.stateless_uniform(
            shape,
            tf.stack([seed, position]),
            minval=None,
            maxval=None,
            dtype=tf.uint32,
            alg="philox",
        )
        # As many as float32 has.
        whole = tf.cast(tf.bitwise.right_shift(bits, 8), tf.int32)
        return tf.cast(whole, tf.float32) * 2.0**-24

    if seed.shape.rank == 0:
        return tf.gather(draw(seed, [rows, width]), numbers)
    return tf.map_fn(
        lambda one: draw(one, [width]),
        tf.gather(seed, numbers),
        fn_output_signature=tf.TensorSpec([width], tf.float32),
    )


def _check(num_samples, temperature, top_k, top_p):
    contract.check_count("num_samples", num_samples)
    if not temperature > 0:
        raise ValueError(
            f"`temperature` must be above 0. Received: {temperature}. Use "
            "greedy search for the most probable tokens."
        )
    if top_k < 0 or int(top_k) != top_k:
        raise ValueError(
            "`top_k` must be a whole number, at least 0. Received: "
            f"{top_k}. Use 0 to leave no token out."
        )
    if not 0 < top_p <= 1:
        raise ValueError(
            f"`top_p` must be in (0, 1]. Received: {top_p}. Use 1 to leave "
            "no token out."
        )
