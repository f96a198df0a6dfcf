"""Tokenizer, model and search as one function from strings to strings.

B batch   S source length   N hypotheses   T target length
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_transformer.search import beam, contract, scoring
from keras_transformer.search import constraints as constraining
from keras_transformer.text import special_ids
from keras_transformer.translation import alignment, lengths

# XLA compiles a search for each shape, so sources are padded to multiples of
# this, and batches to powers of two.
_COMPILED_LENGTH = 32


class Hypothesis(NamedTuple):
    """One translation of a sentence.

    text: the translation.
    score: what hypotheses are ranked by.
    tokens: its pieces, the end token included.
    log_probs: float32 array, the log-probability of each piece.
    alignment: soft alignment of words, see `align_words`; `None` unless
        asked for.
    """

    text: str
    score: float
    tokens: list[str]
    log_probs: np.ndarray
    alignment: np.ndarray | None


class Translator(tf.Module):
    """Translates sentences with a model and a search.

    Args:
        model: a `Transformer` or an `Ensemble`.
        tokenizer: a `Tokenizer`.
        search: `beam_search`, `greedy_search` or `sampling_search` with their
            settings, made by `functools.partial`; beam search as in the paper
            if `None`. A translation never has the padding id or the model's
            start id, unless that is the end's.
        max_source_length: longer sources are cut to that many tokens.
        target_tokenizer: that of the translations, if not the same.
        lengths: `Lengths` of translations; as in the paper if `None`.
        jit_compile: whether `hypotheses` and `translate` compile the search
            with XLA, once for each of a few shapes; faster for one sentence
            at a time, after some seconds for each shape.

    Raises:
        ValueError: a beam larger than the target vocabulary, or limits that
            are none.

    Example:

    >>> import keras_transformer as kt
    >>> tokenizer = kt.Tokenizer(
    ...     kt.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True))
    >>> config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 16)
    >>> model = kt.build_transformer(config)
    >>> translator = Translator(model, tokenizer, max_source_length=64)
    >>> translator.translate([])
    []
    """

    def __init__(
        self,
        model,
        tokenizer,
        search=None,
        max_source_length: int = 512,
        target_tokenizer=None,
        lengths=lengths.Lengths(),
        jit_compile: bool = False,
    ):
        super().__init__(name="translator")
        self.model = model
        self.tokenizer = tokenizer
        self.target_tokenizer = target_tokenizer or tokenizer
        self.max_source_length = max_source_length
        self.lengths = lengths
        self.jit_compile = jit_compile
        self.lengths.check()
        self._search = search or beam.beam_search
        # The settings that `functools.partial` bound.
        self._settings = getattr(self._search, "keywords", {})
        function = getattr(self._search, "func", self._search)
        self._is_beam = function is beam.beam_search
        self._graphs = {}
        self._check_beam()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, text):
        """Translates strings (B,) in the graph.

        Returns:
            Dict of `translation`, string `(B,)`, and `score`, float32 `(B,)`,
            the best hypothesis and its score. An empty string has an empty
            translation with score 0.
        """
        answer = self.n_best(text)
        return {
            "translation": answer["translations"][:, 0],
            "score": answer["scores"][:, 0],
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def n_best(self, text):
        """Translates strings (B,) to as many hypotheses as the search gives.

        Returns:
            Dict of `translations`, string `(B, N)`, and `scores`, float32
            `(B, N)`, best first. Where there are fewer than N, an empty
            translation with a score of -1e9.
        """
        result = self.search(self.encode_source(text))
        shape = tf.shape(result.scores)
        is_empty = tf.equal(tf.strings.strip(text), "")[:, None]
        is_there = result.scores > contract.NEVER
        flat = tf.reshape(result.ids, [-1, tf.shape(result.ids)[2]])
        texts = tf.reshape(self.target_tokenizer.decode(flat), shape)
        return {
            "translations": tf.where(is_there & ~is_empty, texts, ""),
            "scores": tf.where(is_empty, 0.0, result.scores),
        }

    def translate(
        self, texts: Sequence[str], batch_size: int = 64
    ) -> list[str]:
        """Translates Python strings, in their order; see `in_batches`."""
        if self.jit_compile:
            return [best[0].text for best in self.hypotheses(texts, batch_size)]
        return [
            translation
            for translation, _ in in_batches(self, texts, batch_size)
        ]

    def hypotheses(
        self,
        texts: Sequence[str],
        batch_size: int = 64,
        prefixes: Sequence[str] | None = None,
        align: bool = False,
    ) -> list[list[Hypothesis]]:
        """Translates Python strings and returns all there is to know.

        Args:
            texts: what to translate.
            batch_size: how many at once, those of like length together.
            prefixes: what each translation begins with.
            align: whether to align the words of source and translation.

        Returns:
            For each text its hypotheses, best first; none of those that the
            search did not find. An empty text has an empty one.

        Raises:
            ValueError: another number of prefixes than of texts, or a prefix
                that is longer than its translation may become.
        """
        if prefixes is not None and len(prefixes) != len(texts):
            raise ValueError(
                "Every text needs its prefix. Received: "
                f"{len(texts)} texts, {len(prefixes)} prefixes. Use empty "
                "prefixes where there is none."
            )
        answers = [None] * len(texts)
        for rows in batches_by_length(texts, batch_size):
            some = [texts[row] for row in rows]
            starts = None
            if prefixes is not None:
                starts = self._encode_prefixes([prefixes[row] for row in rows])
            source_ids = self.encode_source(tf.constant(some, tf.string))
            result = self._find(source_ids, starts, align)
            for row, text, *found in zip(
                rows, some, source_ids.numpy(), *_rows_of(result), strict=True
            ):
                answers[row] = self._describe(text, *found)
        return answers

    def score(
        self,
        texts: Sequence[str],
        targets: Sequence[str],
        batch_size: int = 64,
    ) -> list[Hypothesis]:
        """Scores given translations, as the search would score them.

        The search's own translation has its own score again where the
        tokenizer splits it as the search did.

        Args:
            texts: the sources.
            targets: a translation of each.
            batch_size: how many at once.

        Returns:
            A `Hypothesis` of each pair.

        Raises:
            ValueError: another number of targets than of texts.
        """
        if len(texts) != len(targets):
            raise ValueError(
                "Every text needs its target. Received: "
                f"{len(texts)} texts, {len(targets)} targets."
            )
        answers = [None] * len(texts)
        for rows in batches_by_length(texts, batch_size):
            some = [targets[row] for row in rows]
            source_ids = self.encode_source(
                tf.constant([texts[row] for row in rows], tf.string)
            )
            target_ids = _with_end(
                self.target_tokenizer.encode(tf.constant(some, tf.string))
            )
            result = self.score_ids(source_ids, target_ids)
            for row, target, ids, length, score, log_probs, _ in zip(
                rows, some, *_rows_of(result), strict=True
            ):
                tokens = self.target_tokenizer.pieces(ids[0, : length[0]])
                answers[row] = Hypothesis(
                    target,
                    float(score[0]),
                    tokens,
                    log_probs[0, : length[0]],
                    None,
                )
        return answers

    def encode_source(self, text) -> tf.Tensor:
        """Encodes strings (B,) as the model reads them: padded ids (B, S)."""
        ids = self.tokenizer.encode(text)[:, : self.max_source_length - 1]
        return _with_end(ids)

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
    def score_ids(self, source_ids, target_ids) -> contract.SearchResult:
        """Scores target ids (B, T), ends included, of source ids (B, S)."""
        start = tf.fill([tf.shape(target_ids)[0], 1], self.model.start_id)
        inputs = {
            "source_ids": source_ids,
            "target_input_ids": tf.concat([start, target_ids[:, :-1]], axis=1),
        }
        settings = {}
        if self._is_beam:
            settings = {
                name: self._settings.get(name, default)
                for name, default in beam.beam_search.__kwdefaults__.items()
                if name in ("alpha", "penalty", "coverage")
            }
        if settings.get("coverage"):
            settings["attention"] = self.model.alignment_attention(inputs)
            settings["source_mask"] = self._source_mask(source_ids)
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
        mask = self._source_mask(source_ids)
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

    def _find(self, source_ids, prefix, align):
        """Searches in a graph, made when it is first asked for."""
        if prefix is not None:
            self._check_prefix(source_ids, prefix)
        if self.jit_compile:
            return self._find_compiled(source_ids, prefix, align)
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

    def _find_compiled(self, source_ids, prefix, align):
        """Searches with XLA, in one of a few shapes."""
        rows, length = source_ids.shape
        more_rows = (1 << max(rows - 1, 0).bit_length()) - rows
        source_ids = tf.pad(source_ids, [[0, 0], [0, -length % _COMPILED_LENGTH]])
        if prefix is not None:
            padding = -prefix.shape[1] % _COMPILED_LENGTH
            prefix = tf.pad(prefix, [[0, 0], [0, padding]])
        # More of the first row: they are done when it is.
        source_ids, prefix = tf.nest.map_structure(
            lambda x: tf.concat([x, tf.repeat(x[:1], more_rows, axis=0)], 0),
            (source_ids, prefix if prefix is not None else ()),
        )
        _, longest = self.lengths.of(tf.constant([source_ids.shape[1]]))
        if "compiled" not in self._graphs:
            self._graphs["compiled"] = tf.function(
                self.search_with, jit_compile=True
            )
        result = self._graphs["compiled"](
            source_ids,
            None if isinstance(prefix, tuple) else prefix,
            align=align,
            max_length=int(longest[0]),
        )
        return contract.SearchResult(
            *(None if field is None else field[:rows] for field in result)
        )

    def _describe(self, text, source_ids, ids, lengths, scores, log_probs, more):
        """The hypotheses of one row of a result."""
        if not text.strip():
            aligned = None if more is None else np.zeros([0, 0])
            return [Hypothesis("", 0.0, [], np.zeros([0], "float32"), aligned)]
        found = []
        for n in np.flatnonzero(scores > contract.NEVER):
            tokens = self.target_tokenizer.pieces(ids[n, : lengths[n]])
            aligned = None
            if more is not None:
                ends = ids[n, : lengths[n]] == special_ids.EOS_ID
                is_source = source_ids > special_ids.EOS_ID
                aligned = alignment.align_words(
                    more[n],
                    self.tokenizer.pieces(source_ids[is_source]),
                    [t for t, end in zip(tokens, ends, strict=True) if not end],
                )
            text = self.target_tokenizer.decode(ids[n : n + 1])[0].numpy()
            found.append(
                Hypothesis(
                    text.decode("utf-8"),
                    float(scores[n]),
                    tokens,
                    log_probs[n, : lengths[n]],
                    aligned,
                )
            )
        return found

    def _encode_prefixes(self, prefixes):
        ids = self.target_tokenizer.encode(tf.constant(prefixes, tf.string))
        return ids.to_tensor(special_ids.PAD_ID)

    def _source_mask(self, source_ids):
        return tf.not_equal(source_ids, special_ids.PAD_ID)

    def _check_beam(self):
        beam_size = self._settings.get("beam_size", 1)
        size = self.target_tokenizer.vocabulary_size
        if beam_size > size:
            raise ValueError(
                "A beam cannot be larger than the vocabulary. Received: "
                f"beam_size={beam_size}, {size} target tokens. The paper uses "
                "a beam of 4."
            )

    def _check_prefix(self, source_ids, prefix):
        mask = self._source_mask(source_ids)
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


def _with_end(ids):
    """Ragged ids (B, T) with the end token behind each row, padded."""
    end = tf.fill([ids.nrows(), 1], special_ids.EOS_ID)
    ids = tf.concat([ids, tf.cast(end, ids.dtype)], axis=1)
    return ids.to_tensor(special_ids.PAD_ID)


def _row_seeds(source_ids, seed):
    """Seeds (B,) of rows by their ids, whatever row and batch they are in."""
    modulus = 2**31 - 1
    # Each column its own multiplier; sums of 2^11 products fit in 64 bits.
    columns = tf.range(1, tf.shape(source_ids)[1] + 1, dtype=tf.int64)
    multipliers = tf.math.floormod(columns * 48271 * 65539, modulus)
    ids = tf.cast(source_ids, tf.int64)
    mixed = tf.math.floormod(ids * multipliers, modulus)
    seeds = tf.reduce_sum(mixed * (ids + 1), axis=1)
    return tf.math.floormod(seeds + tf.cast(seed, tf.int64), modulus)


def _rows_of(result):
    """The fields of a result as NumPy arrays, `None` of each row for none."""
    rows = result.ids.shape[0]
    return [
        [None] * rows if field is None else field.numpy() for field in result
    ]


def batches_by_length(texts: Sequence, batch_size: int):
    """Yields the places of texts of like length, `batch_size` at a time."""
    by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for start in range(0, len(texts), batch_size):
        yield by_length[start : start + batch_size]


def in_batches(
    translate, texts: Sequence[str], batch_size: int = 64
) -> list[tuple[str, float]]:
    """Translates any number of strings, those of like length together.

    Args:
        translate: a `Translator` or the `serving_default` signature of a
            SavedModel, wrapped to take a string tensor `(B,)`.
        texts: what to translate.
        batch_size: how many at once.

    Returns:
        Translation and score of each text, in the order of `texts`.
    """
    answers = [("", 0.0)] * len(texts)
    for rows in batches_by_length(texts, batch_size):
        answer = translate(tf.constant([texts[row] for row in rows]))
        for row, translation, score in zip(
            rows,
            answer["translation"].numpy(),
            answer["score"].numpy(),
            strict=True,
        ):
            answers[row] = translation.decode("utf-8"), float(score)
    return answers
