"""Random languages for tests of searches.

B batch   W hypotheses per row   T target length   V vocabulary_size
S source length
"""

import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_transformer import search
from tests.assertions import assert_all_close, assert_all_equal
from tests.references import search as reference_search
from tests.search import calls

START, END, PAD = 0, 1, 0
# The score of an empty slot.
NO_ONE = -1e9
# Scores whose difference is smaller count as equal: any order is right.
_TIE = 1e-5


class RandomLanguages:
    """A language for each row. Its logits depend on all earlier tokens.

    The state is the past, encoded as one number: an index of a table of logits.
    So a search that mixes up the states of hypotheses gets wrong logits.
    """

    def __init__(
        self,
        seed,
        num_rows=11,
        vocabulary_size=5,
        longest=5,
        scale=2.0,
        source_length=7,
    ):
        generator = np.random.default_rng(seed)
        self.num_rows = num_rows
        self.vocabulary_size = vocabulary_size
        self.base = vocabulary_size + 1
        self.longest = longest
        pasts = [num_rows, self.base**longest]
        self.table = generator.normal(
            size=(*pasts, vocabulary_size), scale=scale
        ).astype("float32")
        # Random source tokens are masked. The middle token is never masked.
        self.source_mask = generator.random((num_rows, source_length)) < 0.7
        self.source_mask[:, source_length // 2] = True
        weights = np.exp(generator.normal(size=(*pasts, source_length)) * 2)
        weights *= self.source_mask[:, None]
        weights /= weights.sum(-1, keepdims=True)
        self.attention = weights.astype("float32")
        # All limits from 1 to `longest` occur.
        self.limits = [1 + row % longest for row in range(num_rows)]
        self.generator = generator

    def count(self):
        """Returns the number of sequences that a row can have."""
        others = self.vocabulary_size - 1
        return sum(others**n for n in range(self.longest + 1))

    def state(self, rows=None):
        rows = tf.range(self.num_rows) if rows is None else rows
        past = tf.zeros([tf.size(rows), 1], tf.int32)
        if isinstance(rows, np.ndarray | tf.Tensor):
            past.set_shape([rows.shape[0], 1])
        return {"row": rows, "pasts": (past, (past,))}

    def step(self, ids, position, state):
        place, state = self._read(ids, state)
        return tf.gather_nd(self.table, place), state

    def attending_step(self, ids, position, state):
        place, state = self._read(ids, state)
        logits = tf.gather_nd(self.table, place)
        return logits, state, tf.gather_nd(self.attention, place)

    def _read(self, ids, state):
        past, (same,) = state["pasts"]
        tf.debugging.assert_equal(past, same)
        past = past * self.base + ids[:, None] + 1
        # If a row is done, its past may become too large for the table.
        past = past % self.base**self.longest
        place = tf.concat([state["row"][:, None], past], axis=1)
        return place, {"row": state["row"], "pasts": (past, (past,))}

    def _past(self, prefix):
        past = 0
        for token in (START, *prefix):
            past = past * self.base + token + 1
        return past

    def logits_after(self, row, prefix):
        return self.table[row, self._past(prefix)]

    def attention_after(self, row, prefix):
        return self.attention[row, self._past(prefix)]

    def language(self, row):
        return reference_search.Language(
            functools.partial(self.logits_after, row),
            functools.partial(self.attention_after, row),
            self.source_mask[row],
        )

    def run(self, run, demands=None, rows=None, attends=False, **kwargs):
        """Runs a search on all rows, or only on `rows`."""
        demands = demands or Demands(self.limits)
        if rows is not None:
            demands = demands.of(rows)
        settings = {
            "batch_size": self.num_rows if rows is None else len(rows),
            "max_lengths": demands.limits,
            "constraints": demands.asked(),
            **IDS,
        }
        if attends:
            mask = self.source_mask
            settings["source_mask"] = mask if rows is None else mask[rows]
        return run(
            self.attending_step if attends else self.step,
            self.state(None if rows is None else tf.constant(rows, tf.int32)),
            **{**settings, **kwargs},
        )

    def search(self, **kwargs):
        return self.run(calls.beam_search, **kwargs)


IDS = {"start_id": START, "end_id": END, "pad_id": PAD}


class GrowingStates(search.RowStates):
    """States that grow: they hold all tokens that the model has read."""

    def shapes(self, state):
        return {"row": (None,), "read": (None, None)}


class GrowingLanguages(RandomLanguages):
    """The same languages with growing states. Counts the rows of each step."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.counts = []

    def state(self, rows=None):
        rows = tf.range(self.num_rows) if rows is None else rows
        return {"row": rows, "read": tf.zeros([tf.size(rows), 0], tf.int32)}

    def _read(self, ids, state):
        self.counts.append(ids.shape[0])
        read = tf.concat([state["read"], ids[:, None]], axis=1)
        powers = self.base ** tf.range(tf.shape(read)[1])[::-1]
        past = tf.reduce_sum((read + 1) * powers, axis=1)
        place = tf.stack([state["row"], past % self.base**self.longest], axis=1)
        return place, {"row": state["row"], "read": read}


class Demands(NamedTuple):
    """Limits and constraints of each row of a batch."""

    limits: list
    min_lengths: list | None = None
    prefixes: list | None = None
    banned: tuple = ()
    ngram: int = 0

    def of(self, rows):
        return self._replace(
            **{
                name: [values[row] for row in rows]
                for name in ("limits", "min_lengths", "prefixes")
                for values in [getattr(self, name)]
                if values is not None
            }
        )

    def asked(self):
        prefix = None
        if self.prefixes is not None:
            size = max((len(prefix) for prefix in self.prefixes), default=0)
            prefix = np.full((len(self.prefixes), size), PAD)
            for row, tokens in enumerate(self.prefixes):
                prefix[row, : len(tokens)] = tokens
        return calls.Asked(
            0 if self.min_lengths is None else self.min_lengths,
            prefix,
            self.banned,
            self.ngram,
        )

    def rules(self, row, **kwargs):
        return reference_search.Rules(
            self.limits[row],
            END,
            0 if self.min_lengths is None else self.min_lengths[row],
            () if self.prefixes is None else tuple(self.prefixes[row]),
            self.banned,
            self.ngram,
            **kwargs,
        )


def random_demands(
    languages, min_lengths=False, prefix=False, banned=(), ngram=0
):
    """Draws demands that differ from row to row."""
    generator = np.random.default_rng(29)
    limits = languages.limits
    return Demands(
        limits,
        # Minimum lengths go from 0 to more than the limit.
        [row % 7 % (limit + 2) for row, limit in enumerate(limits)]
        if min_lengths
        else None,
        # Some prefixes are empty, as long as the limit, or contain the end.
        [
            generator.integers(
                1, languages.vocabulary_size, min(row % 3, limit)
            ).tolist()
            for row, limit in enumerate(limits)
        ]
        if prefix
        else None,
        banned,
        ngram,
    )


def check(result, expected, attends=False):
    """Compares a result with the expected `Hypothesis` list of each row.

    Compares ids, lengths, scores, log-probabilities of tokens, attention,
    order, padding and empty slots.
    """
    ids, lengths, scores, log_probs = (x.numpy() for x in result[:4])
    num_rows, width, longest = ids.shape
    assert len(expected) == num_rows
    assert lengths.shape == (num_rows, width)
    assert scores.shape == (num_rows, width)
    assert log_probs.shape == ids.shape
    answers = [np.full_like(ids, PAD), np.zeros_like(lengths)]
    answers += [np.full(scores.shape, NO_ONE), np.zeros(log_probs.shape)]
    if attends:
        attention = result.attention.numpy()
        answers.append(np.zeros(attention.shape))
    else:
        assert result.attention is None
    is_there = np.zeros(lengths.shape, bool)
    for row, hypotheses in enumerate(expected):
        hypotheses = list(hypotheses)
        count = min(width, len(hypotheses))
        is_there[row, :count] = True
        for rank in range(count):
            found = tuple(ids[row, rank, : lengths[row, rank]].tolist())
            _take_first_of_ties(hypotheses, rank, found)
            one = hypotheses[rank]
            length = len(one.ids)
            answers[0][row, rank, :length] = one.ids
            answers[1][row, rank] = length
            answers[2][row, rank] = one.score
            answers[3][row, rank, :length] = one.log_probs
            if attends:
                answers[4][row, rank, :length] = one.attention
    # Every row has at least one hypothesis. It may be empty.
    assert is_there[:, 0].all()
    assert_all_equal(lengths[is_there], answers[1][is_there])
    assert_all_equal(ids[is_there], answers[0][is_there])
    assert_all_close(
        scores[is_there], answers[2][is_there], rtol=1e-5, atol=5e-6
    )
    assert_all_equal(scores[~is_there], answers[2][~is_there])
    assert_all_close(
        log_probs[is_there], answers[3][is_there], rtol=1e-5, atol=2e-6
    )
    if attends:
        assert_all_close(
            attention[is_there], answers[4][is_there], rtol=1e-6, atol=0
        )


def _take_first_of_ties(hypotheses, rank, found):
    """Moves `found` to `rank` if float32 cannot tell their scores apart."""
    if hypotheses[rank].ids == found:
        return
    for other in range(rank + 1, len(hypotheses)):
        if (END in hypotheses[rank].ids) != (END in hypotheses[other].ids):
            return
        if hypotheses[rank].score - hypotheses[other].score > _TIE:
            return
        if hypotheses[other].ids == found:
            hypotheses.insert(rank, hypotheses.pop(other))
            return


def chain_step(probabilities):
    """Makes the step function of a Markov chain. Row n follows token n."""
    with np.errstate(divide="ignore"):
        chain = tf.constant(np.log(probabilities), tf.float32)
    return lambda ids, position, state: (tf.gather(chain, ids), state)


def search_chain(probabilities, run=calls.beam_search, **kwargs):
    settings = {"batch_size": 1, "max_lengths": 5, **IDS}
    return run(chain_step(probabilities), (), **{**settings, **kwargs})
