"""Attributes each target token to the source tokens, by gradients.

B batch   T target length   S source length   D model_dim   V vocabulary_size
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from keras import ops

from keras_transformer.interpretation import forward, reading, record
from keras_transformer.layers import checks
from keras_transformer.translation import translator as translators

METHODS = ("integrated_gradients", "input_x_gradient")
# The scores of a target token must sum to the difference that `attribute`
# describes. The error of the sum may be `_SHARE` times the difference. If this
# product is below `_NOISE`, the error may be `_NOISE`, because float32 has
# rounding errors.
_SHARE = 0.01
_NOISE = 1e-3
_POINTS = 8
_MOST_INTERVALS = 128


def attribute(
    translator: translators.Translator,
    text: str,
    target: str | None = None,
    method: str = "integrated_gradients",
) -> record.Attribution:
    """Computes how much each source token contributes to each target token.

    The log-probability of each target token is attributed to the embeddings of
    the source tokens. The baseline is embeddings of zero; positions are encoded
    as usual.

    - `"integrated_gradients"` (Sundararajan et al. 2017): the gradient,
      averaged along the line from the baseline to the embeddings, times the
      embeddings, summed over D. The scores of a target token sum to a
      difference: the log-probability of the token at the embeddings minus its
      log-probability at the baseline. The line is divided into more intervals
      until the error of the sum is at most 1 % of the difference. If the
      difference is between -0.1 and 0.1, the error may be 0.001.
    - `"input_x_gradient"`: the gradient at the embeddings, times the
      embeddings, summed over D. It is fast, but the sum of its scores has no
      meaning.

    Scores depend on the baseline. A gradient at one input says nothing about
    very different inputs. The decoder reads the same target tokens at all
    points of the line.

    Args:
        translator: a `Translator` of one `Transformer`.
        text: one sentence.
        target: its translation; `None` to search for it.
        method: one of the two methods above.

    Returns:
        An `Attribution`, with scores `(T, S)`. T and S include special ids.

    Raises:
        ValueError: the method is unknown, `text` or `target` is blank or not
            one string, or the model is not one `Transformer` of this package's
            layers.
        FloatingPointError: the model's output or a gradient is NaN or infinite.
        ArithmeticError: with 128 intervals, the scores of integrated gradients
            still do not sum to the difference.

    Example:

    >>> import keras_transformer as kt
    >>> tokenizer = kt.Tokenizer(
    ...     kt.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True))
    >>> config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 16)
    >>> translator = kt.Translator(kt.build_transformer(config), tokenizer)
    >>> attribute(translator, "a cat", "un chat").scores.shape
    (3, 3)
    """
    checks.check_name("method", method, METHODS)
    return of_pair(reading.read_pair(translator, text, target), method)


def of_pair(pair: reading.Pair, method: str) -> record.Attribution:
    """Attributes the target tokens of a pair, as `attribute` does.

    Args:
        pair: a source, its translation, and the model.
        method: one of `METHODS`. This is not checked.

    Returns:
        An `Attribution`, with scores `(T, S)`.

    Raises:
        FloatingPointError, ArithmeticError: as for `attribute`.
    """
    scores = _Scores(pair)
    if method == "input_x_gradient":
        scores_TS = _finite(scores.at_points([1.0], [1.0]))
    else:
        scores_TS = _integrated(scores)
    return record.Attribution(method, scores_TS)


def _finite(numbers):
    if not np.isfinite(numbers).all():
        raise FloatingPointError(
            "A log-probability or a gradient is NaN or infinite. Look for such "
            "numbers in the weights, or load an earlier checkpoint."
        )
    return numbers


def _integrated(scores):
    """Returns the scores of integrated gradients, an array `(T, S)`."""
    whole = _Interval.of(scores, 0.0, 1.0)
    _finite(whole.scores_TS)
    _finite(whole.difference_T)
    tolerance_T = np.maximum(_SHARE * np.abs(whole.difference_T), _NOISE)
    intervals = [whole]
    while np.any(np.abs(sum(each.error_T for each in intervals)) > tolerance_T):
        if len(intervals) == _MOST_INTERVALS:
            raise ArithmeticError(
                "Integrated gradients do not sum to the difference of "
                f"log-probabilities with {_MOST_INTERVALS} intervals of the "
                "line. Use method='input_x_gradient'."
            )
        worst = max(intervals, key=lambda each: np.abs(each.error_T).max())
        intervals = [each for each in intervals if each is not worst]
        middle = (worst.begin + worst.end) / 2
        intervals += [
            _Interval.of(scores, worst.begin, middle),
            _Interval.of(scores, middle, worst.end),
        ]
    return _finite(sum(each.scores_TS for each in intervals))


class _Interval(NamedTuple):
    """A part of the line from the baseline to the embeddings.

    The baseline is at 0 on the line, and the embeddings are at 1.

    begin: where the part begins, in [0, 1].
    end: where the part ends, in [0, 1].
    scores_TS: the integral of the gradients over the part, times the
        embeddings, summed over D.
    difference_T: the log-probabilities at `end` minus those at `begin`.
    """

    begin: float
    end: float
    scores_TS: np.ndarray
    difference_T: np.ndarray

    @classmethod
    def of(cls, scores, begin, end):
        # `leggauss` returns the points and weights of Gauss-Legendre quadrature
        # for the interval [-1, 1]. They are changed to fit [begin, end].
        points, weights = np.polynomial.legendre.leggauss(_POINTS)
        half = (end - begin) / 2
        return cls(
            begin,
            end,
            scores.at_points(begin + half * (points + 1), half * weights),
            scores.log_probabilities(end) - scores.log_probabilities(begin),
        )

    @property
    def error_T(self):
        return self.scores_TS.sum(axis=1) - self.difference_T


class _Scores:
    """The log-probabilities of the target tokens, and their gradients.

    A point is a number from 0 to 1. At a point, the model reads the source
    embeddings times this number.
    """

    def __init__(self, pair):
        self.pair = pair
        self.embeddings_SD = pair.model.source_embedding(pair.source_ids)[0]
        self._gradients = tf.function(self._eager_gradients, autograph=False)
        self._log_probabilities = tf.function(
            self._eager_log_probabilities, autograph=False
        )

    def at_points(self, points, weights):
        """Returns the weighted sum of gradients at points, times embeddings.

        The products are summed over D.

        Args:
            points: numbers from 0 to 1.
            weights: for each point, the weight of the gradient there.

        Returns:
            float32 `(T, S)`.
        """
        gradients_TSD = sum(
            weight * self._gradients(tf.constant(point, tf.float32))
            for point, weight in zip(points, weights, strict=True)
        )
        return np.sum(gradients_TSD * self.embeddings_SD.numpy(), axis=2)

    def log_probabilities(self, point):
        """Returns log-probabilities (T,) of the target tokens at a point."""
        return self._log_probabilities(tf.constant(point, tf.float32)).numpy()

    def _eager_log_probabilities(self, point):
        return self._of_embeddings(self.embeddings_SD[None] * point)[0]

    def _eager_gradients(self, point):
        """Returns the gradient of each target token's log-probability.

        The gradient is with respect to the source embeddings that the model
        reads at a point.

        Args:
            point: a scalar tensor.

        Returns:
            Shape `(T, S, D)`.
        """
        length = self.pair.target_ids.shape[1]
        # The batch has a row for each target token. In `total`, the
        # log-probability of token t comes from row t. So the gradient of
        # `total` with respect to row t is that of this log-probability.
        inputs_TSD = tf.repeat(self.embeddings_SD[None] * point, length, axis=0)
        with tf.GradientTape() as tape:
            tape.watch(inputs_TSD)
            log_probs_TT = self._of_embeddings(inputs_TSD)
            total = tf.linalg.trace(log_probs_TT)
        return tape.gradient(total, inputs_TSD)

    def _of_embeddings(self, embeddings):
        """Returns the target's log-probabilities (B, T).

        Args:
            embeddings: source embeddings `(B, S, D)`.
        """
        rows = embeddings.shape[0]
        values = forward.forward(
            self.pair.model,
            tf.repeat(self.pair.source_ids, rows, axis=0),
            tf.repeat(self.pair.input_ids, rows, axis=0),
            source_embeddings=embeddings,
        )
        log_probs_BTV = ops.log_softmax(values["logits"], axis=-1)
        target_ids = tf.repeat(self.pair.target_ids, rows, axis=0)
        return tf.gather(log_probs_BTV, target_ids, batch_dims=2)
