"""A translator that translates a text again if its translation has a defect.

B batch   T target length
"""

import dataclasses
import inspect

import tensorflow as tf

from keras_transformer.search import base, beam, contract
from keras_transformer.text import TextTokenizer
from keras_transformer.translation import defects, graphs, model_search
from keras_transformer.translation import lengths as limits
from keras_transformer.translation import translator as translators

# Settings of the second search, which runs if a translation has a defect. The
# second search repeats no sequence of `_NO_REPEAT` tokens. Its coverage penalty
# prefers hypotheses that attend to every source token.
_NO_REPEAT = 3
_COVERAGE = 0.3


class RepairingTranslator(translators.Translator):
    """A `Translator` that repairs translations that have a defect.

    A defect is an unusual length or a loop; a loop is a part that is repeated
    directly after itself, see `defects`. If a translation has a defect, a
    second search translates its source again. The second search repeats no
    sequence of three tokens, and has a coverage penalty. If its best hypothesis
    has no defect, its hypotheses replace the hypotheses of the first search.
    The second search takes time only if a translation has a defect. `score`
    scores translations as the first search does. So it can give a translation
    of the second search another score than the second search did.

    Args:
        translator: a `Translator` with a `BeamSearch`.
        expected: the `LengthModel` of good translations, such as `lengths` of
            a `Calibration`.

    Raises:
        ValueError: the search is not a `BeamSearch`, or XLA compiles it.

    Example:

    >>> import keras_transformer as kt
    >>> tokenizer = kt.Tokenizer(
    ...     kt.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True))
    >>> config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 16)
    >>> plain = kt.Translator(kt.build_transformer(config), tokenizer)
    >>> expected = defects.LengthModel(ratio=1.0, deviation=0.5)
    >>> RepairingTranslator(plain, expected).translate([" "])
    ['']
    """

    def __init__(
        self,
        translator: translators.Translator,
        expected: defects.LengthModel,
    ):
        if translator.jit_compile:
            raise ValueError(
                "XLA compiles a search for each shape, and a second search has "
                "other shapes. Received: a translator with jit_compile=True. "
                "Give a translator with jit_compile=False."
            )
        # `translator` has each argument of its constructor in an attribute with
        # the same name. The new object gets the same arguments.
        names = inspect.signature(translators.Translator).parameters
        super().__init__(*(getattr(translator, name) for name in names))
        self.expected = expected
        self.model_search = RepairedSearch(
            self.model,
            self.search,
            self.lengths,
            (self.tokenizer, self.target_tokenizer),
            expected,
        )
        self._search_in_graphs = graphs.in_graphs(self.model_search, False)

    def _with(self, **changes):
        return RepairingTranslator(super()._with(**changes), self.expected)


class RepairedSearch(model_search.ModelSearch):
    """A `ModelSearch` that translates rows with a defect again.

    A row has a defect if its best hypothesis has one, see `defects`.

    Args:
        model: a `DecodingModel`.
        search: a `BeamSearch`.
        lengths: `Lengths` of translations.
        tokenizers: the tokenizers of sources and of translations.
        expected: the `LengthModel` of good translations.

    Raises:
        ValueError: the search is not a `BeamSearch`.
    """

    def __init__(
        self,
        model: model_search.Model,
        search: base.Search,
        lengths: limits.Lengths,
        tokenizers: tuple[TextTokenizer, TextTokenizer],
        expected: defects.LengthModel,
    ):
        source, target = (one.special_ids for one in tokenizers)
        super().__init__(
            model, search, lengths, target.end, target.target_prefix
        )
        self._second = model_search.ModelSearch(
            model,
            second_search(search),
            lengths,
            target.end,
            target.target_prefix,
        )
        self._special_ids = source, target
        self._expected = expected

    def __call__(
        self,
        source_ids: tf.Tensor,
        prefix: tf.Tensor | None = None,
        align: bool = False,
        max_length: int | None = None,
        only_best: contract.TensorLike = False,
    ) -> contract.SearchResult:
        """Searches like `ModelSearch`, and again for rows with a defect.

        The second result of a row is used if it has no defect.
        """
        first = super().__call__(
            source_ids, prefix, align, max_length, only_best
        )
        is_wrong = self._are_wrong(source_ids, first)

        def repaired():
            rows = tf.where(is_wrong)[:, 0]
            again = tf.gather(source_ids, rows)
            second = self._second(
                again,
                None if prefix is None else tf.gather(prefix, rows),
                align,
                max_length,
                only_best,
            )
            is_better = ~self._are_wrong(again, second)
            return _replaced(first, second, rows, is_better, self.model.pad_id)

        return tf.cond(tf.reduce_any(is_wrong), repaired, lambda: first)

    def _are_wrong(self, source_ids, result):
        """Returns boolean (B,): whether the best hypothesis has a defect."""
        has_loop, has_unusual_length = defects.of_translations(
            source_ids,
            result.ids[:, 0],
            result.lengths[:, 0],
            self._special_ids,
            self._expected,
        )
        return has_loop | has_unusual_length


def second_search(search: base.Search) -> beam.BeamSearch:
    """Returns a beam search that avoids loops and omissions.

    Args:
        search: a `BeamSearch`. All settings are kept except three. `coverage`
            becomes at least 0.3. `no_repeat_ngram_size` becomes 3, but 1 and 2
            are kept. `stopping` becomes `"certain"`, because not every stopping
            rule allows a coverage penalty.

    Raises:
        ValueError: `search` is not a `BeamSearch`.

    Example:

    >>> second_search(beam.BeamSearch(3)).coverage
    0.3
    """
    if not isinstance(search, beam.BeamSearch):
        raise ValueError(
            "Translations are repaired by a beam search with other settings. "
            f"Received: {search!r}. Give a translator with a BeamSearch."
        )
    before = search.constraints.no_repeat_ngram_size
    return dataclasses.replace(
        search,
        coverage=max(search.coverage, _COVERAGE),
        stopping="certain",
        constraints=dataclasses.replace(
            search.constraints,
            no_repeat_ngram_size=min(before or _NO_REPEAT, _NO_REPEAT),
        ),
    )


def _replaced(first, second, rows, is_better, pad_id):
    """Replaces rows of the first result by rows of the second result.

    Args:
        first: the `SearchResult` of all rows.
        second: the `SearchResult` of the rows that were searched again.
        rows: int64 vector, the indices of these rows in the batch.
        is_better: boolean vector, which of the rows in `rows` to replace.
        pad_id: the id that fills `ids` after the end of a hypothesis.
    """
    length = tf.maximum(tf.shape(first.ids)[2], tf.shape(second.ids)[2])

    def merged(name, before, after):
        if before is None:
            return None
        padding = pad_id if name == "ids" else 0
        if name in ("ids", "log_probs", "attention"):
            before, after = (
                _longer(x, length, padding) for x in (before, after)
            )
        return tf.tensor_scatter_nd_update(
            before,
            tf.boolean_mask(rows, is_better)[:, None],
            tf.boolean_mask(after, is_better),
        )

    fields = first._asdict().items()
    return contract.SearchResult(
        *(merged(name, x, getattr(second, name)) for name, x in fields)
    )


def _longer(x, length, value):
    """Pads the third axis, T, with `value` up to the size `length`."""
    padding = [[0, 0]] * len(x.shape)
    padding[2] = [0, length - tf.shape(x)[2]]
    return tf.pad(x, padding, constant_values=tf.cast(value, x.dtype))
