"""A model and a search as one: source ids to hypotheses, as ids.

B batch   S source length   P prefix length   T target length
"""

import functools

import numpy as np
import tensorflow as tf

from keras_transformer.search import beam, contract, sampling, scoring
from keras_transformer.search import constraints as constraining
from keras_transformer.text import special_ids
from keras_transformer.translation import compiled

# How a search is told how many hypotheses to return, and the most it can.
_COUNTS = {
    beam.beam_search: ("top_beams", "beam_size"),
    sampling.sampling_search: ("num_samples", None),
}


class ModelSearch:
    """Searches with a model, each row within limits of its own.

    Args:
        model: see `Translator`.
        search: see `Translator`.
        lengths: see `Translator`.
        jit_compile: whether `find` compiles the search with XLA.
        vocabulary_size: how many target tokens there are.

    Raises:
        ValueError: a beam larger than the vocabulary or smaller than what it
            shall return.
    """

    def __init__(self, model, search, lengths, jit_compile, vocabulary_size):
        self.model = model
        self.lengths = lengths
        self.jit_compile = jit_compile
        self._search = search
        self._function = getattr(search, "func", search)
        # The settings that `functools.partial` bound, and those it did not.
        self._settings = {
            **(getattr(self._function, "__kwdefaults__", None) or {}),
            **getattr(search, "keywords", {}),
        }
        strategy = getattr(model, "distribute_strategy", None)
        # On several hosts one of them searches.
        is_shared = isinstance(
            strategy,
            (tf.distribute.TPUStrategy, tf.distribute.MirroredStrategy),
        )
        self._compiled = compiled.CompiledSearch(
            self.search_with, lengths, strategy if is_shared else None
        )
        self._graphs = {}
        self._check_beam(vocabulary_size)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def search(self, source_ids) -> contract.SearchResult:
        """Finds the best translations, as ids, of source ids (B, S)."""
        return self.search_with(source_ids)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None], tf.int32),
        ]
    )
    def score(self, source_ids, target_ids) -> contract.SearchResult:
        """Scores target ids (B, T), ends included, of source ids (B, S)."""
        start = tf.fill([tf.shape(target_ids)[0], 1], self.model.start_id)
        # As long as the target, be it of no rows and no columns.
        input_ids = tf.concat([start, target_ids], axis=1)
        inputs = {
            "source_ids": source_ids,
            "target_input_ids": input_ids[:, : tf.shape(target_ids)[1]],
        }
        settings = {
            name: self._settings[name]
            for name in ("alpha", "penalty", "coverage")
            if name in self._settings
        }
        if settings.get("coverage"):
            settings["attention"] = self.model.alignment_attention(inputs)
            settings["source_mask"] = _source_mask(source_ids)
        return scoring.score_targets(
            self.model(inputs, training=False),
            target_ids,
            pad_id=special_ids.PAD_ID,
            **settings,
        )

    def search_with(
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
        mask = _source_mask(source_ids)
        shortest, longest = self.lengths.of(
            tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
        )
        if max_length is not None:
            longest = tf.minimum(longest, max_length)
        constraints = self._settings.get(
            "constraints", constraining.Constraints()
        )
        banned = {*constraints.banned_ids, special_ids.PAD_ID}
        banned.add(self.model.start_id)
        constraints = constraints._replace(
            # Of each row's own length: an answer must not depend on others.
            min_lengths=tf.maximum(shortest, constraints.min_lengths),
            prefix=prefix,
            banned_ids=tuple(sorted(banned - {special_ids.EOS_ID})),
            longest=max_length,
        )
        has_attention = align or bool(self._settings.get("coverage"))
        more = {}
        if "seed" in self._settings:
            more["seed"] = _row_seeds(source_ids, self._settings["seed"])
        return self._search(
            self.model.stepper(return_attention=has_attention),
            self.model.start(source_ids, max_length),
            batch_size=source_ids.shape[0] or tf.shape(source_ids)[0],
            max_lengths=longest,
            start_id=self.model.start_id,
            end_id=special_ids.EOS_ID,
            pad_id=special_ids.PAD_ID,
            constraints=constraints,
            states=self.model,
            source_mask=mask if has_attention else None,
            **more,
        )

    def find(self, source_ids, prefix=None, align=False):
        """Searches in a graph, made when it is first asked for.

        Args:
            source_ids: int32 `(B, S)`, B above 0.
            prefix: see `search_with`.
            align: see `search_with`.

        Raises:
            ValueError: a prefix longer than its translation may become.
        """
        if prefix is not None:
            self._check_prefix(source_ids, prefix)
        if self.jit_compile:
            return self._compiled(source_ids, prefix, align)
        if prefix is None and not align:
            return self.search(source_ids)
        ids = [source_ids] if prefix is None else [source_ids, prefix]
        key = (len(ids), align)
        if key not in self._graphs:
            self._graphs[key] = tf.function(
                functools.partial(self.search_with, align=align),
                input_signature=[tf.TensorSpec([None, None], tf.int32)]
                * len(ids),
            )
        return self._graphs[key](*ids)

    def search_for(self, count):
        """The search with `count` hypotheses, see `Translator.with_n_best`."""
        name, most = _COUNTS.get(self._function, (None, None))
        if count is None:
            count = self._settings.get(most or name, 1)
        if name is not None:
            return functools.partial(self._search, **{name: count})
        if count != 1:
            raise ValueError(
                "Only beam search and sampling return several hypotheses. "
                f"Received: {count} wanted of {self._search}. Use another "
                "search."
            )
        return self._search

    def _check_beam(self, size):
        beam_size = self._settings.get("beam_size", 1)
        count = self._settings.get("top_beams", 1)
        if not 1 <= count <= beam_size:
            raise ValueError(
                "A beam holds the hypotheses that it returns. Received: "
                f"beam_size={beam_size}, {count} hypotheses. Use a larger "
                "beam, or fewer hypotheses."
            )
        if beam_size > size:
            raise ValueError(
                "A beam cannot be larger than the vocabulary. Received: "
                f"beam_size={beam_size}, {size} target tokens. The paper uses "
                "a beam of 4."
            )

    def _check_prefix(self, source_ids, prefix):
        mask = _source_mask(source_ids)
        sources = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
        _, longest = self.lengths.of(sources)
        sizes = np.sum(prefix != special_ids.PAD_ID, axis=1)
        for size, limit in zip(sizes, longest.numpy(), strict=True):
            if size > limit:
                raise ValueError(
                    "A prefix must not be longer than its translation may "
                    f"become. Received: a prefix of {size} tokens where at "
                    f"most {limit} may be. Shorten it, or allow more."
                )


def _source_mask(source_ids):
    return tf.not_equal(source_ids, special_ids.PAD_ID)


def _row_seeds(source_ids, seed):
    """Seeds (B,) of rows by their ids, whatever row and batch they are in."""
    modulus = 2**31 - 1
    columns = tf.range(1, tf.shape(source_ids)[1] + 1, dtype=tf.int64)
    ids = tf.cast(source_ids, tf.int64)
    mixed = tf.math.floormod(ids * 48271 + columns * 1664525, modulus)
    # Squares, so that what one column adds is not made up for by another.
    for _ in range(3):
        mixed = tf.math.floormod(mixed * mixed + 1013904223, modulus)
    mixed = tf.where(_source_mask(source_ids), mixed, 0)
    seeds = tf.reduce_sum(mixed, axis=1) + tf.cast(seed, tf.int64)
    return tf.math.floormod(seeds, modulus)
