"""Searches with a model, from source ids to hypotheses.

B batch   S source length   P prefix length   T target length
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from keras_transformer.search import base, contract
from keras_transformer.search import task as tasks
from keras_transformer.translation import lengths as limits
from keras_transformer.translation import shortlisted

# A `DecodingModel` or a `Shortlisted`. `DecodingModel` is in models/, and this
# folder must not import from models/.
Model: TypeAlias = Any
_IDS = tf.TensorSpec([None, None], tf.int32)


class ModelSearch:
    """A search with a model, in which every row has its own length limits.

    Args:
        model: a `DecodingModel` or a `Shortlisted`.
        search: a `Search`.
        lengths: `Lengths` of translations.
        end_id: the id of the end token in the vocabulary of translations.
        first_ids: the ids that begin every translation if a call gives no
            prefix.

    Raises:
        ValueError: `model` is a `Shortlisted` that the search cannot use.
    """

    def __init__(
        self,
        model: Model,
        search: base.Search,
        lengths: limits.Lengths,
        end_id: int,
        first_ids: Sequence[int] = (),
    ):
        self.model = model
        self.search = search
        self.lengths = lengths
        self.end_id = end_id
        self.first_ids = tuple(first_ids)
        if isinstance(model, shortlisted.Shortlisted):
            model.check(search, end_id, self.first_ids)

    def __call__(
        self,
        source_ids: tf.Tensor,
        prefix: tf.Tensor | None = None,
        align: bool = False,
        max_length: int | None = None,
        only_best: contract.TensorLike = False,
    ) -> contract.SearchResult:
        """Searches for translations; builds operations in the caller's graph.

        Args:
            source_ids: int32 `(B, S)`, padded.
            prefix: int32 `(B, P)`, the first tokens of translations, padded;
                `None` for `first_ids`.
            align: whether the result must have attention.
            max_length: an upper limit for all rows. XLA needs it for a state of
                fixed shape. `None` for no such limit.
            only_best: whether the first hypothesis of each row is enough.

        Returns:
            `SearchResult`. T is `max_length`, or the largest limit of the rows
            if `max_length` is `None`.
        """
        model = self.model
        if isinstance(model, shortlisted.Shortlisted):
            # The shortlist is not used with a prefix, which may have any
            # tokens, nor with XLA, which needs a vocabulary of fixed size.
            if prefix is not None or max_length is not None:
                model = model.model
            else:
                model = model.of_batch(source_ids)
        if prefix is None and self.first_ids:
            rows = tf.shape(source_ids)[0]
            prefix = tf.tile([self.first_ids], [rows, 1])
            if isinstance(model, shortlisted.BatchModel):
                prefix = model.to_shortlist(prefix)
        result = self._run(
            model, source_ids, prefix, align, max_length, only_best
        )
        if isinstance(model, shortlisted.BatchModel):
            result = result._replace(ids=model.to_vocabulary(result.ids))
        return result

    def _run(self, model, source_ids, prefix, align, max_length, only_best):
        has_attention = align or self.search.needs_attention
        minima, maxima = self._limits(source_ids)
        if max_length is not None:
            maxima = tf.minimum(maxima, max_length)
        # A translation has no padding id and no start id. The start id is not
        # banned if it is also the end id, as in fairseq.
        banned = {model.pad_id, model.start_id} - {self.end_id}
        return self.search(
            model.stepper(return_attention=has_attention),
            model.start(source_ids, max_length),
            tasks.Task(
                batch_size=source_ids.shape[0] or tf.shape(source_ids)[0],
                max_lengths=maxima,
                start_id=model.start_id,
                end_id=self.end_id,
                pad_id=model.pad_id,
                min_lengths=minima,
                prefix=prefix,
                banned_ids=tuple(sorted(banned)),
                longest=max_length,
                states=model,
                source_mask=self._mask(source_ids) if has_attention else None,
                row_keys=_row_keys(source_ids, self._mask(source_ids)),
                only_best=only_best,
            ),
        )

    @tf.function(input_signature=[_IDS, _IDS], autograph=False)
    def score(
        self, source_ids: tf.Tensor, target_ids: tf.Tensor
    ) -> contract.SearchResult:
        """Scores existing translations with the penalties of the search.

        This method normalizes over all tokens. A search with
        `normalized_over="allowed"` or with a `Shortlist` does not, so it can
        give a translation another score.

        Args:
            source_ids: int32 `(B, S)`, padded.
            target_ids: int32 `(B, T)`, with end tokens, padded.

        Returns:
            `SearchResult` with one hypothesis for each row.
        """
        inputs = self._inputs(source_ids, target_ids)
        attention = {}
        if self.search.needs_attention:
            attention = {
                "attention": self.model.alignment_attention(inputs),
                "source_mask": self._mask(source_ids),
            }
        if self._has_one_run:
            logits, _ = self._run_once(source_ids, target_ids)
        else:
            logits = self.model(inputs, training=False)
        return self.search.score(
            logits,
            target_ids,
            pad_id=self.model.pad_id,
            **attention,
        )

    def attention_scores(
        self, source_ids: tf.Tensor, target_ids: tf.Tensor
    ) -> Any:
        """Returns the `AttentionScores` of the model for sources and targets.

        Args:
            source_ids: int32 `(B, S)`.
            target_ids: int32 `(B, T)`, with end tokens.
        """
        if self._has_one_run:
            return self._run_once(source_ids, target_ids)[1]
        return self.model.attention_scores(self._inputs(source_ids, target_ids))

    # `score` and `attention_scores` share this graph in a SavedModel.
    # TensorFlow removes the outputs that a caller does not use.
    @tf.function(input_signature=[_IDS, _IDS], autograph=False)
    def _run_once(self, source_ids, target_ids):
        return self.model.call_with_scores(self._inputs(source_ids, target_ids))

    @property
    def _has_one_run(self):
        return hasattr(self.model, "call_with_scores")

    def _inputs(self, source_ids, target_ids):
        return {
            "source_ids": source_ids,
            "target_input_ids": self.model.shift_right(target_ids),
        }

    def check_prefix(self, source_ids: tf.Tensor, prefix: tf.Tensor) -> None:
        """Raises ValueError if a prefix is longer than its row's limit.

        Args:
            source_ids: int32 `(B, S)`, an eager tensor.
            prefix: int32 `(B, P)`, padded, an eager tensor.
        """
        _, maxima = self._limits(source_ids)
        sizes = np.sum(prefix != self.model.pad_id, axis=1)
        for size, limit in zip(sizes, maxima.numpy(), strict=True):
            if size > limit:
                raise ValueError(
                    "A prefix must not be longer than the maximum length of "
                    f"its translation. Received: a prefix of {size} tokens, "
                    f"and a maximum of {limit}. Shorten the prefix, or allow "
                    "longer translations."
                )

    def _limits(self, source_ids):
        """Returns the length limits of translations, minima and maxima (B,)."""
        mask = tf.cast(self._mask(source_ids), tf.int32)
        return self.lengths.of(tf.reduce_sum(mask, axis=1))

    def _mask(self, source_ids):
        return tf.not_equal(source_ids, self.model.pad_id)


def check_padding(model: Model, name: str, pad_id: int) -> None:
    """Raises ValueError if a vocabulary has another padding id than the model.

    Args:
        model: a `DecodingModel`.
        name: the name of the vocabulary's tokenizer, for the message.
        pad_id: the padding id of the vocabulary.
    """
    if pad_id != model.pad_id:
        raise ValueError(
            "The model and its vocabularies must have the same padding id. "
            f"Received: {model.pad_id} of the model, {pad_id} of `{name}`. "
            f"Build the model with pad_id={pad_id}."
        )


def _row_keys(source_ids, mask):
    """Returns a hash of the ids of each row without padding, int64 (B,)."""
    modulus = 2**31 - 1
    columns = tf.range(1, tf.shape(source_ids)[1] + 1, dtype=tf.int64)
    ids = tf.cast(source_ids, tf.int64)
    mixed = tf.math.floormod(ids * 48271 + columns * 1664525, modulus)
    # The loop squares each number. In a sum of numbers that are not squared,
    # changes in two columns could cancel each other out.
    for _ in range(3):
        mixed = tf.math.floormod(mixed * mixed + 1013904223, modulus)
    keys = tf.reduce_sum(tf.where(mask, mixed, 0), axis=1)
    return tf.math.floormod(keys, modulus)
