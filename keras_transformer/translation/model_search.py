"""A model and a search as one: source ids to hypotheses, as ids.

B batch   S source length   P prefix length   T target length
"""

import numpy as np
import tensorflow as tf

from keras_transformer.search import base, contract
from keras_transformer.search import task as tasks


class ModelSearch:
    """Searches with a model, each row within limits of its own.

    Args:
        model: see `Translator`.
        search: a `Search`.
        lengths: see `Translator`.
        end_id: of the translations' vocabulary.
    """

    def __init__(self, model, search: base.Search, lengths, end_id: int):
        self.model = model
        self.search = search
        self.lengths = lengths
        self.end_id = end_id

    def __call__(
        self, source_ids, prefix=None, align=False, max_length=None
    ) -> contract.SearchResult:
        """Searches, in whatever graph it is called from.

        Args:
            source_ids: int32 `(B, S)`.
            prefix: int32 `(B, P)`, what translations begin with, padded.
            align: whether the result has attention.
            max_length: for a state of fixed shape, as XLA needs: the longest
                length of all rows, an int.
        """
        has_attention = align or self.search.needs_attention
        shortest, longest = self._limits(source_ids)
        if max_length is not None:
            longest = tf.minimum(longest, max_length)
        # Neither is ever a token of a translation.
        banned = {self.model.pad_id, self.model.start_id} - {self.end_id}
        return self.search(
            self.model.stepper(return_attention=has_attention),
            self.model.start(source_ids, max_length),
            tasks.Task(
                batch_size=source_ids.shape[0] or tf.shape(source_ids)[0],
                max_lengths=longest,
                start_id=self.model.start_id,
                end_id=self.end_id,
                pad_id=self.model.pad_id,
                # Of each row's own length: an answer must not depend on others.
                min_lengths=shortest,
                prefix=prefix,
                banned_ids=tuple(sorted(banned)),
                longest=max_length,
                states=self.model,
                source_mask=self._mask(source_ids) if has_attention else None,
                row_keys=_keys(source_ids, self._mask(source_ids)),
            ),
        )

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None], tf.int32),
        ]
    )
    def score(self, source_ids, target_ids) -> contract.SearchResult:
        """Scores target ids (B, T), ends included, of source ids (B, S)."""
        inputs = {
            "source_ids": source_ids,
            "target_input_ids": self.model.shift_right(target_ids),
        }
        of_sources = {}
        if self.search.needs_attention:
            of_sources = {
                "attention": self.model.alignment_attention(inputs),
                "source_mask": self._mask(source_ids),
            }
        return self.search.score(
            self.model(inputs, training=False),
            target_ids,
            pad_id=self.model.pad_id,
            **of_sources,
        )

    def check_prefix(self, source_ids, prefix) -> None:
        """Raises ValueError if a prefix is longer than its translation may be.

        Args:
            source_ids: int32 `(B, S)`, outside of graphs.
            prefix: int32 `(B, P)`.
        """
        _, longest = self._limits(source_ids)
        sizes = np.sum(prefix != self.model.pad_id, axis=1)
        for size, limit in zip(sizes, longest.numpy(), strict=True):
            if size > limit:
                raise ValueError(
                    "A prefix must not be longer than its translation may "
                    f"become. Received: a prefix of {size} tokens where at "
                    f"most {limit} may be. Shorten it, or allow more."
                )

    def _limits(self, source_ids):
        """The shortest and the longest length of each row."""
        mask = tf.cast(self._mask(source_ids), tf.int32)
        return self.lengths.of(tf.reduce_sum(mask, axis=1))

    def _mask(self, source_ids):
        return tf.not_equal(source_ids, self.model.pad_id)


def _keys(source_ids, mask):
    """A number for each row (B,), made of its ids alone."""
    modulus = 2**31 - 1
    columns = tf.range(1, tf.shape(source_ids)[1] + 1, dtype=tf.int64)
    ids = tf.cast(source_ids, tf.int64)
    mixed = tf.math.floormod(ids * 48271 + columns * 1664525, modulus)
    # Squares, so that what one column adds is not made up for by another.
    for _ in range(3):
        mixed = tf.math.floormod(mixed * mixed + 1013904223, modulus)
    keys = tf.reduce_sum(tf.where(mask, mixed, 0), axis=1)
    return tf.math.floormod(keys, modulus)
