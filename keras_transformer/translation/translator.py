"""Combines tokenizer, model and search into a function from texts to texts.

B batch   S source length   W hypotheses of a row   T target length
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from keras_transformer.search import base, beam, contract
from keras_transformer.text import TextTokenizer
from keras_transformer.text import texts as lists
from keras_transformer.translation import batches, graphs, model_search, results
from keras_transformer.translation import lengths as limits

_PAPER_LENGTHS = limits.Lengths()
_PAPER_SEARCH = beam.BeamSearch()
_STRINGS = tf.TensorSpec([None], tf.string)
_IDS = tf.TensorSpec([None, None], tf.int32)
# AutoGraph takes seconds and is not needed: no `if` here depends on a tensor.
_in_graph = functools.partial(tf.function, autograph=False)


class Translator(tf.Module):
    """A translator of sentences, with a model and a search.

    Args:
        model: a `DecodingModel`, such as a `Transformer`, or a `Shortlisted`.
        tokenizer: a `Tokenizer` with the padding id of the model.
        search: a `Search`: `BeamSearch`, `GreedySearch`, `SamplingSearch` or
            your own; `None` for beam search as in the paper. A translation
            has no padding id, and no start id unless it is also the end id.
        max_source_length: the maximum number of tokens of a source, with its
            special ids. The text of a longer source is cut.
        target_tokenizer: the tokenizer of translations; `None` for `tokenizer`.
        lengths: `Lengths` of translations; by default as in the paper.
        jit_compile: whether `hypotheses` and `translate` compile the search
            with XLA. XLA compiles for seconds at the first batch of each shape.
            After that, a batch of one sentence is faster than without XLA.

    Raises:
        ValueError: `max_source_length` is below 1, a padding id differs from
            the model's, a beam is larger than the target vocabulary, a length
            limit is invalid, `search` is a class or cannot be called, or the
            model is a `Shortlisted` that the search cannot use.

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
        model: model_search.Model,
        tokenizer: TextTokenizer,
        search: base.Search | Callable[..., Any] | None = None,
        max_source_length: int = 512,
        target_tokenizer: TextTokenizer | None = None,
        lengths: limits.Lengths = _PAPER_LENGTHS,
        jit_compile: bool = False,
    ):
        super().__init__(name="translator")
        if max_source_length < 1:
            raise ValueError(
                "`max_source_length` counts the end token too, so it must be "
                f"at least 1. Received: {max_source_length}."
            )
        self.model = model
        self.tokenizer = tokenizer
        self.target_tokenizer = target_tokenizer or tokenizer
        search = _PAPER_SEARCH if search is None else search
        self.search = base.as_search(search)
        self.max_source_length = max_source_length
        self.lengths = lengths
        self.jit_compile = jit_compile
        self.lengths.check()
        self.search.check(self.target_tokenizer.vocabulary_size)
        for name in ("tokenizer", "target_tokenizer"):
            model_search.check_padding(
                model, name, getattr(self, name).special_ids.pad
            )
        ids = self.target_tokenizer.special_ids
        self.model_search = model_search.ModelSearch(
            model, self.search, lengths, ids.end, ids.target_prefix
        )
        self._search_in_graphs = graphs.in_graphs(
            self.model_search, jit_compile
        )

    def __call__(self, text: contract.TensorLike) -> dict[str, tf.Tensor]:
        """Translates strings (B,) in the graph.

        Returns:
            Dict of `translation`, string `(B,)`, and `score`, float32 `(B,)`,
            of the best hypotheses. The translation is empty if the string is
            blank (score 0), if the search found no hypothesis (score -1e9), or
            if the model's output is NaN (score NaN).

        Raises:
            ValueError: `text` is one string instead of a list.
        """
        lists.check_list("text", text)
        return self._best(text)

    def n_best(self, text: contract.TensorLike) -> dict[str, tf.Tensor]:
        """Translates strings (B,) and returns all hypotheses of the search.

        Returns:
            Dict of `translations`, string `(B, W)`, and `scores`, float32
            `(B, W)`, best first. See `results.texts_in_graph`.

        Raises:
            ValueError: `text` is one string instead of a list.
        """
        lists.check_list("text", text)
        return self._n_best(text)

    @_in_graph(input_signature=[_STRINGS])
    def _best(self, text):
        outputs = self._texts(text, only_best=True)
        return {
            "translation": outputs["translations"][:, 0],
            "score": outputs["scores"][:, 0],
        }

    @_in_graph(input_signature=[_STRINGS])
    def _n_best(self, text):
        return self._texts(text, only_best=False)

    def _texts(self, text, only_best):
        source_ids = self.encode_source(text)
        result = self.search_ids(source_ids, only_best)
        width = 1 if only_best else None
        return results.texts_in_graph(
            result.ids[:, :width],
            result.scores[:, :width],
            self._are_blank(text, source_ids),
            self.target_tokenizer,
        )

    def log_probability(
        self, text: contract.TensorLike, target: contract.TensorLike
    ) -> dict[str, tf.Tensor]:
        """Scores existing translations `target` (B,) of strings `text` (B,).

        Returns:
            Dict of `log_probability`, float32 `(B,)`: the sum over the tokens,
            without penalties. It is 0 if text and target are both blank.

        Raises:
            ValueError: `text` or `target` is one string instead of a list.
        """
        lists.check_list("text", text)
        lists.check_list("target", target)
        return self._log_probability(text, target)

    @_in_graph(input_signature=[_STRINGS] * 2)
    def _log_probability(self, text, target):
        source_ids = self.encode_source(text)
        target_ids = self.encode_target(target)
        result = self.score_ids(source_ids, target_ids)
        total = tf.reduce_sum(result.log_probs[:, 0], axis=1)
        are_blank = self._are_both_blank(text, source_ids, target, target_ids)
        return {"log_probability": tf.where(are_blank, 0.0, total)}

    def with_search(self, search: base.Search) -> "Translator":
        """Returns a translator like this one, but with another search."""
        return self._with(search=search)

    def with_model(self, model: model_search.Model) -> "Translator":
        """Returns a translator like this one, but with another model."""
        return self._with(model=model)

    def with_n_best(self, count: int | None = None) -> "Translator":
        """Returns a copy whose search is `self.search.with_n_best(count)`."""
        return self.with_search(self.search.with_n_best(count))

    def _with(self, **changes):
        # Each argument of the constructor is an attribute of the same name.
        names = inspect.signature(Translator).parameters
        arguments = {name: getattr(self, name) for name in names}
        return Translator(**{**arguments, **changes})

    def translate(
        self, texts: Sequence[str], batch_size: int = 64
    ) -> list[str]:
        """Returns the best translation of each text, or "" if there is none.

        `hypotheses` describes the arguments and the errors.
        """
        hypotheses = self.hypotheses(texts, batch_size)
        return [results.best_of(each).text for each in hypotheses]

    def hypotheses(
        self,
        texts: Sequence[str],
        batch_size: int = 64,
        prefixes: Sequence[str] | None = None,
        align: bool = False,
    ) -> list[list[results.Hypothesis]]:
        """Translates Python strings and returns all hypotheses of the search.

        Args:
            texts: the texts to translate.
            batch_size: the maximum number of texts of a batch.
            prefixes: the beginning of each translation; `None` for no prefixes.
            align: whether to align the words of source and translation.

        Returns:
            The hypotheses of each text, best first, without empty slots. A
            blank text has one hypothesis, which is empty.

        Raises:
            ValueError: `texts` or `prefixes` is no list of strings,
                `batch_size` is below 1, the numbers of texts and prefixes
                differ, a prefix is longer than the limit of its translation, or
                `align` is true and the result of the search has no attention.
            FloatingPointError: the model's output is NaN.
        """
        texts = lists.as_list("texts", texts)
        if prefixes is not None:
            prefixes = lists.as_list("prefixes", prefixes)
            batches.check_partners(texts, prefixes, "prefix", "prefixes")

        def translate_batch(indices):
            batch = [texts[i] for i in indices]
            source_ids = self.encode_source(tf.constant(batch, tf.string))
            prefix = None
            if prefixes is not None:
                prefix = self.target_tokenizer.special_ids.prefixed_targets(
                    self.target_tokenizer.encode([prefixes[i] for i in indices])
                )
                self.model_search.check_prefix(source_ids, prefix)
            return results.read_result(
                self._search_in_graphs(source_ids, prefix, align),
                batch,
                source_ids.numpy(),
                self.tokenizer,
                self.target_tokenizer,
                align,
            )

        return batches.in_batches(translate_batch, texts, batch_size)

    def score(
        self,
        texts: Sequence[str],
        targets: Sequence[str],
        batch_size: int = 64,
    ) -> list[results.Hypothesis]:
        """Scores existing translations, as the search would score them.

        Up to rounding, a translation of the search gets the same score again if
        it has an end token, the tokenizer splits it into the same pieces, and
        the search did not use a `Shortlist` or `normalized_over="allowed"`.

        Args:
            texts: the sources.
            targets: a translation of each source.
            batch_size: the maximum number of pairs of a batch.

        Returns:
            A `Hypothesis` of each pair. A pair of blank texts has the score 0.

        Raises:
            ValueError: `texts` or `targets` is no list of strings, `batch_size`
                is below 1, or the numbers of texts and targets differ.
            FloatingPointError: the model's output is NaN.
        """
        texts = lists.as_list("texts", texts)
        targets = lists.as_list("targets", targets)
        batches.check_partners(texts, targets, "target", "targets")
        pairs = [
            b"".join(map(tf.compat.as_bytes, pair))
            for pair in zip(texts, targets, strict=True)
        ]
        return batches.in_batches(
            lambda indices: self._score_batch(
                [texts[i] for i in indices], [targets[i] for i in indices]
            ),
            pairs,
            batch_size,
        )

    def _score_batch(self, texts, targets):
        source_ids = self.encode_source(tf.constant(texts, tf.string))
        target_ids = self.encode_target(tf.constant(targets, tf.string))
        are_blank = self._are_both_blank(texts, source_ids, targets, target_ids)
        return results.read_scores(
            self.score_ids(source_ids, target_ids),
            texts,
            targets,
            are_blank.numpy(),
            self.target_tokenizer,
        )

    def encode_source(self, text: contract.TensorLike) -> tf.Tensor:
        """Encodes strings (B,) as padded ids (B, S) that the model reads."""
        lists.check_list("text", text)
        return self._encode_source(tf.convert_to_tensor(text, tf.string))

    @_in_graph(input_signature=[_STRINGS])
    def _encode_source(self, text):
        special_ids = self.tokenizer.special_ids
        ids = self.tokenizer.encode_source(text)
        room = self.max_source_length - len(special_ids.around_source())
        return special_ids.complete_sources(ids[:, : max(room, 0)])

    def encode_target(self, text: contract.TensorLike) -> tf.Tensor:
        """Encodes translations (B,) as padded ids (B, T) with end tokens."""
        ids = self.target_tokenizer.encode(text)
        return self.target_tokenizer.special_ids.complete_targets(ids)

    def search_ids(
        self, source_ids: tf.Tensor, only_best: bool = False
    ) -> contract.SearchResult:
        """Searches for translations of source ids (B, S).

        `search.Task` describes `only_best`.
        """
        return self._search_ids(source_ids, only_best)

    # A SavedModel has this graph once: each signature that searches calls it.
    @_in_graph(input_signature=[_IDS, tf.TensorSpec([], tf.bool)])
    def _search_ids(self, source_ids, only_best):
        return self.model_search(source_ids, only_best=only_best)

    def score_ids(
        self, source_ids: tf.Tensor, target_ids: tf.Tensor
    ) -> contract.SearchResult:
        """Scores target ids (B, T), with end tokens, for source ids (B, S)."""
        return self.model_search.score(source_ids, target_ids)

    def _are_blank(self, texts, ids):
        return results.are_blank(texts, ids, self.tokenizer.special_ids)

    def _are_both_blank(self, texts, ids, targets, target_ids):
        return self._are_blank(texts, ids) & results.are_blank(
            targets, target_ids, self.target_tokenizer.special_ids
        )
