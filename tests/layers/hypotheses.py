"""Helpers for tests of decoding: hypotheses with known pasts, and a loop.

B batch   W hypotheses of a row   T target length
"""

import numpy as np
import tensorflow as tf

# Steps before which a state is widened, and the factors: to 13 hypotheses at
# the start, or first to two and later to six.
WIDENINGS = ({0: 13}, {1: 2, 3: 3})


def follow(keeper, state, take_step, draw, num_steps, widenings, seed=0):
    """Takes steps; each hypothesis continues a random one of the last step.

    Args:
        keeper: an object with the methods `widen` and `select`.
        state: a state of B rows.
        take_step: a function of tokens `(B, W, ...)`, position and state that
            returns outputs and state.
        draw: a function of position and W that draws tokens `(B, W, ...)`.
        num_steps: the number of steps.
        widenings: see `WIDENINGS`.
        seed: the seed of the random parents.

    Yields:
        The outputs of each step, and all tokens that the hypotheses have read,
        `(B, W, T, ...)`.
    """
    rng = np.random.default_rng(seed)
    history = None
    for position in range(num_steps):
        factor = widenings.get(position, 1)
        if factor > 1:
            state = keeper.widen(state, factor)
        tokens = draw(position, factor if history is None else
                      history.shape[1] * factor)  # fmt: skip
        if history is None:
            history = tokens[:, :, None]
        else:
            history = np.repeat(history, factor, axis=1)
            history = np.concatenate([history, tokens[:, :, None]], axis=2)
        outputs, state = take_step(tokens, position, state)
        yield outputs, history
        rows, width = history.shape[:2]
        parents = rng.integers(0, width, (rows, width))
        state = keeper.select(state, parents)
        history = history[np.arange(rows)[:, None], parents]


def loop(keeper, take_step, state, tokens):
    """Reads tokens `(B, T, ...)` in a `tf.while_loop`, as a search does.

    The shapes of the state in the loop are those of `keeper.shapes`. Returns
    the outputs, `(T, B, ...)`.
    """
    sizes = iter(tf.nest.flatten(keeper.shapes(state)))
    invariants = tf.nest.map_structure(
        lambda x: tf.TensorShape([next(sizes) for _ in range(x.shape.rank)]),
        state,
    )
    length = tf.shape(tokens)[1]

    def body(position, state, outputs):
        output, state = take_step(tokens[:, position], position, state)
        return position + 1, state, outputs.write(position, output)

    _, _, outputs = tf.while_loop(
        lambda position, *_: position < length,
        body,
        (tf.constant(0), state, tf.TensorArray(tf.float32, length)),
        (tf.TensorShape([]), invariants, tf.TensorShape(None)),
    )
    return outputs.stack()
