"""Tokenizer, model and search as one function from strings to strings.

B batch   S source length   N hypotheses   T target length
"""

from collections.abc import Sequence

import tensorflow as tf

from keras_transformer.search import base, beam, contract
from keras_transformer.text import texts as lists
from keras_transformer.translation import batches, graphs, model_search
from keras_transformer.translation import hypotheses as readings
from keras_transformer.translation import lengths as limits

_PAPER_LENGTHS = limits.Lengths()
_PAPER_SEARCH = beam.BeamSearch()


class Translator(tf.Module):
    """Translates sentences with a model and a search.

    Args:
        model: a `Transformer`, an `Ensemble`, or another `DecodingModel`.
        tokenizer: a `Tokenizer`, whose padding id is the model's.
        search: a `Search`: `BeamSearch`, `GreedySearch`, `SamplingSearch` or
            one of your own; beam search as in the paper if `None`. A
            translation never has the padding id or the model's start id,
            unless the start id is the end id too.
        max_source_length: longer sources are cut to that many tokens.
        target_tokenizer: that of the translations, if not the same.
        lengths: `Lengths` of translations; by default as in the paper.
        jit_compile: whether `hypotheses` and `translate` compile the search
            with XLA, once for each of a few shapes; faster for one sentence
            at a time, after some seconds for each shape.

    Raises:
        ValueError: a vocabulary that pads with another id than the model, a
            beam larger than the target vocabulary, invalid limits of lengths,
            or something that is no search.

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
        search: base.Search | None = None,
        max_source_length: int = 512,
        target_tokenizer=None,
        lengths: limits.Lengths = _PAPER_LENGTHS,
        jit_compile: bool = False,
    ):
        super().__init__(name="translator")
        if max_source_length < 1:
            raise ValueError(
                "`max_source_length` counts the end token too: it must be at "
                f"least 1. Received: {max_source_length}."
            )
        self.model = model
        self.tokenizer = tokenizer
        self.target_tokenizer = target_tokenizer or tokenizer
        self.search = base.as_search(
            _PAPER_SEARCH if search is None else search
        )
        self.max_source_length = max_source_length
        self.lengths = lengths
        self.jit_compile = jit_compile
        self.lengths.check()
        self.search.check(self.target_tokenizer.vocabulary_size)
        self._check_padding()
        end_id = self.target_tokenizer.special_ids.end
        self._search = model_search.ModelSearch(
            model, self.search, lengths, end_id
        )
        self._search_in_graphs = graphs.in_graphs(self._search, jit_compile)

    def __call__(self, text):
        """Translates strings (B,) in the graph.

        Returns:
            Dict of `translation`, string `(B,)`, and `score`, float32 `(B,)`,
            the best hypothesis and its score. An empty string has an empty
            translation with score 0; where the model's output is not a
            number, so is the score, and the translation is empty.
        """
        answer = self.n_best(text)
        return {
            "translation": answer["translations"][:, 0],
            "score": answer["scores"][:, 0],
        }

    def n_best(self, text):
        """Translates strings (B,) to as many hypotheses as the search gives.

        Returns:
            Dict of `translations`, string `(B, N)`, and `scores`, float32
            `(B, N)`, best first. Where there are fewer than N, an empty
            translation with a score of -1e9.
        """
        lists.check_list("text", text)
        return self._n_best(text)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def _n_best(self, text):
        source_ids = self.encode_source(text)
        result = self._search(source_ids)
        shape = tf.shape(result.scores)
        is_empty = self._are_blank(text, source_ids)[:, None]
        is_there = result.scores > contract.NEVER
        only = tf.where(tf.range(shape[1]) == 0, 0.0, contract.NEVER)
        # With no rows, `reshape` could not tell what -1 is.
        flat = [shape[0] * shape[1], tf.shape(result.ids)[2]]
        texts = self.target_tokenizer.decode(tf.reshape(result.ids, flat))
        texts = tf.reshape(texts, shape)
        texts.set_shape(result.scores.shape)
        return {
            "translations": tf.where(is_there & ~is_empty, texts, ""),
            "scores": tf.where(is_empty, only, result.scores),
        }

    def log_probability(self, text, target):
        """Scores given translations, strings (B,) of strings (B,).

        Returns:
            Dict of `log_probability`, float32 `(B,)`, the sum of those of the
            tokens, without penalties. Two blank sides have 0.
        """
        lists.check_list("text", text)
        lists.check_list("target", target)
        return self._log_probability(text, target)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)] * 2)
    def _log_probability(self, text, target):
        source_ids = self.encode_source(text)
        target_ids = self.encode_target(target)
        result = self.score_ids(source_ids, target_ids)
        return {
            "log_probability": tf.where(
                self._are_both_blank(text, source_ids, target, target_ids),
                0.0,
                tf.reduce_sum(result.log_probs[:, 0], axis=1),
            )
        }

    def with_search(self, search: base.Search) -> "Translator":
        """The same translator with another search."""
        return Translator(
            self.model,
            self.tokenizer,
            search,
            self.max_source_length,
            self.target_tokenizer,
            self.lengths,
            self.jit_compile,
        )

    def with_n_best(self, count: int | None = None) -> "Translator":
        """The same translator with a search that returns `count` hypotheses.

        Args:
            count: `None` for all that the search has: the beam, its samples,
                or the one of greedy search.

        Raises:
            ValueError: more than the search has.
        """
        return self.with_search(self.search.with_n_best(count))

    def translate(
        self, texts: Sequence[str], batch_size: int = 64
    ) -> list[str]:
        """Translates Python strings, in their order.

        Raises:
            ValueError: one string instead of a list, or `batch_size` below 1.
            FloatingPointError: the model's output is not a number.
        """
        found = self.hypotheses(texts, batch_size)
        return [best[0].text if best else "" for best in found]

    def hypotheses(
        self,
        texts: Sequence[str],
        batch_size: int = 64,
        prefixes: Sequence[str] | None = None,
        align: bool = False,
    ) -> list[list[readings.Hypothesis]]:
        """Translates Python strings and returns all there is to know.

        Args:
            texts: what to translate.
            batch_size: how many at once, those of like length together.
            prefixes: what each translation begins with.
            align: whether to align the words of source and translation.

        Returns:
            For each text its hypotheses, best first, only those that the
            search found. A blank text has one, which is empty.

        Raises:
            ValueError: one string instead of a list, `batch_size` below 1,
                another number of prefixes than of texts, or a prefix that is
                longer than its translation may become.
            FloatingPointError: the model's output is not a number.
        """
        texts = lists.as_list("texts", texts)
        if prefixes is not None:
            prefixes = lists.as_list("prefixes", prefixes)
        if prefixes is not None and len(prefixes) != len(texts):
            raise ValueError(
                "Every text needs its prefix. Received: "
                f"{len(texts)} texts, {len(prefixes)} prefixes. Use empty "
                "prefixes where there is none."
            )

        def answer(rows):
            chosen = [texts[row] for row in rows]
            source_ids = self.encode_source(tf.constant(chosen, tf.string))
            prefix = None
            if prefixes is not None:
                prefix = self._encode_prefixes([prefixes[row] for row in rows])
                self._search.check_prefix(source_ids, prefix)
            return readings.read_result(
                self._search_in_graphs(source_ids, prefix, align),
                chosen,
                source_ids.numpy(),
                self.tokenizer,
                self.target_tokenizer,
                align,
            )

        return batches.in_batches(answer, texts, batch_size)

    def score(
        self,
        texts: Sequence[str],
        targets: Sequence[str],
        batch_size: int = 64,
    ) -> list[readings.Hypothesis]:
        """Scores given translations, as the search would score them.

        The search's own translation has its own score again where the
        tokenizer splits it as the search did, and the search came to its end.
        A blank translation of a blank text has score 0.

        Args:
            texts: the sources.
            targets: a translation of each.
            batch_size: how many at once.

        Returns:
            A `Hypothesis` of each pair.

        Raises:
            ValueError: one string instead of a list, `batch_size` below 1, or
                another number of targets than of texts.
            FloatingPointError: the model's output is not a number.
        """
        texts = lists.as_list("texts", texts)
        targets = lists.as_list("targets", targets)
        if len(texts) != len(targets):
            raise ValueError(
                "Every text needs its target. Received: "
                f"{len(texts)} texts, {len(targets)} targets."
            )
        pairs = [
            b"".join(map(tf.compat.as_bytes, pair))
            for pair in zip(texts, targets, strict=True)
        ]
        return batches.in_batches(
            lambda rows: self._scored(
                [texts[row] for row in rows], [targets[row] for row in rows]
            ),
            pairs,
            batch_size,
        )

    def _scored(self, texts, targets):
        """The `Hypothesis` of each target of a batch."""
        source_ids = self.encode_source(tf.constant(texts, tf.string))
        target_ids = self.encode_target(tf.constant(targets, tf.string))
        are_blank = self._are_both_blank(texts, source_ids, targets, target_ids)
        return readings.read_scores(
            self.score_ids(source_ids, target_ids),
            texts,
            targets,
            are_blank.numpy(),
            self.target_tokenizer,
        )

    def encode_source(self, text) -> tf.Tensor:
        """Encodes strings (B,) as the model reads them: padded ids (B, S)."""
        ids = self.tokenizer.encode_source(text)
        ids = ids[:, : self.max_source_length - 1]
        return _with_end(ids, self.tokenizer.special_ids)

    def encode_target(self, text) -> tf.Tensor:
        """Encodes translations (B,) as `score_ids` reads them: ids (B, T)."""
        ids = self.target_tokenizer.encode(text)
        return _with_end(ids, self.target_tokenizer.special_ids)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def search_ids(self, source_ids) -> contract.SearchResult:
        """Finds the best translations, as ids, of source ids (B, S)."""
        return self._search(source_ids)

    def score_ids(self, source_ids, target_ids) -> contract.SearchResult:
        """Scores target ids (B, T), ends included, of source ids (B, S)."""
        return self._search.score(source_ids, target_ids)

    def _encode_prefixes(self, prefixes):
        ids = self.target_tokenizer.encode(tf.constant(prefixes, tf.string))
        return ids.to_tensor(self.target_tokenizer.special_ids.pad)

    def _are_blank(self, texts, ids):
        return readings.are_blank(texts, ids, self.tokenizer.special_ids)

    def _are_both_blank(self, texts, ids, targets, target_ids):
        return self._are_blank(texts, ids) & readings.are_blank(
            targets, target_ids, self.target_tokenizer.special_ids
        )

    def _check_padding(self):
        for name in ("tokenizer", "target_tokenizer"):
            pad_id = getattr(self, name).special_ids.pad
            if pad_id != self.model.pad_id:
                raise ValueError(
                    "The model and its vocabularies must pad with one id. "
                    f"Received: {self.model.pad_id} of the model, {pad_id} of "
                    f"`{name}`. Build the model with pad_id={pad_id}."
                )


def _with_end(ids, special_ids):
    """Ragged ids (B, T) with the end token behind each row, padded."""
    end = tf.fill([ids.nrows(), 1], special_ids.end)
    ids = tf.concat([ids, tf.cast(end, ids.dtype)], axis=1)
    return ids.to_tensor(special_ids.pad)
