"""A model that computes the logits of a shortlist instead of all tokens.

A shortlist is the set of target tokens that may occur in a translation.

B batch   S source length   R rows of a step   V vocabulary_size

V' is the number of tokens in the shortlist of a batch.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_transformer.search import base, contract, sampling
from keras_transformer.translation import shortlist as lists


class Shortlisted:
    """A model for a `Translator` that searches with a `Shortlist`.

    It is not a `DecodingModel`: the result of `of_batch` has the methods that a
    search calls, such as `start` and `stepper`.

    For a batch, a step computes the logits of all tokens that at least one row
    may have. In each row, the search can choose only tokens that this row may
    have, so that a translation does not depend on the other rows.

    A search uses all tokens, not the shortlist, if a user gives a prefix or if
    XLA compiles the search. Existing translations are scored with all tokens.

    Args:
        model: a model whose `stepper` has the argument `output_ids`.
        shortlist: a `Shortlist`.

    Raises:
        ValueError: the `stepper` of the model has no argument `output_ids`, so
            it cannot compute only the logits of chosen tokens.
    """

    def __init__(self, model: Any, shortlist: lists.Shortlist):
        self.model = model
        self.shortlist = shortlist
        self.pad_id, self.start_id = model.pad_id, model.start_id
        if "output_ids" not in inspect.signature(model.stepper).parameters:
            raise ValueError(
                "A shortlist needs a model whose `stepper` takes `output_ids`, "
                "the tokens whose logits are computed. Received: "
                f"{type(model).__name__}. Use a `Transformer`."
            )

    def __call__(
        self, inputs: dict[str, Any], training: bool | None = None
    ) -> Any:
        """Computes the logits of all tokens, as the model does."""
        return self.model(inputs, training=training)

    @property
    def variables(self) -> Sequence[Any]:
        """Returns the variables of the model."""
        return self.model.variables

    def shift_right(self, ids: Any) -> Any:
        """Returns the ids that the decoder reads, as the model does."""
        return self.model.shift_right(ids)

    def attention_scores(self, inputs: dict[str, Any]) -> Any:
        """Returns the attention scores of the model."""
        return self.model.attention_scores(inputs)

    def call_with_scores(self, inputs: dict[str, Any]) -> Any:
        """Returns the logits of all tokens, and the attention scores."""
        return self.model.call_with_scores(inputs)

    def alignment_attention(self, inputs: dict[str, Any]) -> Any:
        """Returns the attention to the source, as the model does."""
        return self.model.alignment_attention(inputs)

    def of_batch(self, source_ids: tf.Tensor) -> "BatchModel":
        """Returns a model with the shortlist of a batch as its vocabulary.

        Args:
            source_ids: integers `(B, S)`, the padded sources of the batch.
        """
        return BatchModel(
            self.model,
            self.shortlist.allowed(source_ids),
            self.shortlist.is_frequent,
        )

    def check(
        self, search: base.Search, end_id: int, first_ids: Sequence[int] = ()
    ) -> None:
        """Checks that a search can use the shortlist.

        A search checks whether the id of a token is a special or banned id. So
        these ids must be the same in the shortlist of every batch as in the
        vocabulary.

        Args:
            search: a `Search`.
            end_id: the id of the end token in the vocabulary of translations.
            first_ids: the ids that begin every translation.

        Raises:
            ValueError: the search draws tokens at random, or the shortlist's
                `is_frequent` is False for one of `first_ids`, or for an id from
                0 to the largest special or banned id.
        """
        if isinstance(search, sampling.SamplingSearch):
            raise ValueError(
                "Sampling draws from all tokens. Received: a shortlist and "
                f"{search}. Leave out the shortlist, or use beam search."
            )
        constraints = getattr(search, "constraints", None)
        banned = [] if constraints is None else constraints.banned_ids
        largest = max(self.pad_id, self.start_id, end_id, *banned)
        if not self.shortlist.is_frequent[: largest + 1].all():
            raise ValueError(
                "A shortlist must have all first tokens, up to the largest id "
                "that a search treats specially. Received: one without token "
                f"{np.flatnonzero(~self.shortlist.is_frequent)[0]}, and the "
                f"id {largest}. Give `always=range({largest + 1})` to "
                "`learn`, or leave out the shortlist."
            )
        for first in first_ids:
            if not self.shortlist.is_frequent[first]:
                raise ValueError(
                    "A shortlist must have the ids that begin every "
                    f"translation. Received: one without token {first}. Put "
                    "the id into the argument `always` of `learn`."
                )


class BatchModel:
    """A model for a search, whose vocabulary is the shortlist of a batch.

    It has only those methods of a `DecodingModel` that a search needs.

    The vocabulary has the tokens that at least one row may have, in the order
    of their ids. The tokens get new ids from 0 on. `Shortlisted.check` makes
    sure that special and banned ids do not change.

    Args:
        model: the model with all tokens.
        allowed: boolean `(B, V)`, which tokens each row may have.
        is_frequent: boolean `(V,)`, which tokens all rows may have.
    """

    def __init__(self, model: Any, allowed: tf.Tensor, is_frequent: Any):
        self.model = model
        self.pad_id, self.start_id = model.pad_id, model.start_id
        any_row = tf.reduce_any(allowed, axis=0) | is_frequent
        self._ids = tf.cast(tf.where(any_row)[:, 0], tf.int32)
        self._allowed = tf.gather(allowed, self._ids, axis=1)

    def start(
        self, source_ids: tf.Tensor, max_length: Any = None
    ) -> dict[str, Any]:
        """Returns the state before the first step."""
        return {
            "model": self.model.start(source_ids, max_length),
            "allowed": self._allowed,
        }

    def stepper(self, return_attention: bool = False) -> Callable[..., Any]:
        """Makes a function to call at each step; its logits are `(R, V')`."""
        take_step = self.model.stepper(return_attention, self._ids)

        def step(ids, position, state):
            logits, inner, *attention = take_step(
                self.to_vocabulary(ids), position, state["model"]
            )
            allowed = state["allowed"]
            width = tf.shape(logits)[0] // tf.maximum(tf.shape(allowed)[0], 1)
            logits = tf.where(
                tf.repeat(allowed, width, axis=0), logits, contract.NEVER
            )
            return logits, {"model": inner, "allowed": allowed}, *attention

        return step

    def to_vocabulary(self, ids: tf.Tensor) -> tf.Tensor:
        """Converts ids of the shortlist to ids of the model's vocabulary."""
        return tf.gather(self._ids, ids)

    def to_shortlist(self, ids: tf.Tensor) -> tf.Tensor:
        """Converts ids of the model's vocabulary to ids of the shortlist.

        The shortlist must have all these tokens.
        """
        numbers = tf.searchsorted(self._ids, tf.reshape(ids, [-1]))
        return tf.reshape(numbers, tf.shape(ids))

    def widen(self, state: dict[str, Any], width: int) -> dict[str, Any]:
        """Copies the hypothesis of each row to `width` adjacent hypotheses.

        `allowed` is not copied. It still has one entry for each row of the
        batch. All hypotheses of the row use this entry.
        """
        return {**state, "model": self.model.widen(state["model"], width)}

    def select(self, state: dict[str, Any], parents: Any) -> dict[str, Any]:
        """Gives slot w of row b the state of hypothesis `parents[b, w]`."""
        return {**state, "model": self.model.select(state["model"], parents)}

    def take_rows(
        self, state: dict[str, Any], rows: Any, width: int
    ) -> dict[str, Any]:
        """Returns the state of `rows`, each with its `width` hypotheses."""
        return {
            "model": self.model.take_rows(state["model"], rows, width),
            "allowed": tf.gather(state["allowed"], rows),
        }

    def shapes(self, state: dict[str, Any]) -> dict[str, Any]:
        """Returns the shapes of a state.

        `None` stands for a size that may change at a step or is not known.
        """
        return {
            "model": self.model.shapes(state["model"]),
            "allowed": (None, None),
        }
