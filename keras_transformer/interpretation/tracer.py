"""Traces the same sentences several times while a model trains."""

from collections.abc import Sequence

import tensorflow as tf

from keras_transformer.interpretation import reading, record, tracing
from keras_transformer.text import texts as lists
from keras_transformer.translation import results
from keras_transformer.translation import translator as translators


class Tracer:
    """A function from sentences to their traces.

    Each call uses the current weights of the model. A trace is the same as from
    `trace`, but without a record of the search, without attribution and without
    assessments. The first call makes a graph that translates all sentences at
    once. Later calls use this graph again, so they are faster than `trace`.

    Args:
        translator: a `Translator` of one `Transformer`.

    Raises:
        ValueError: the translator's model is not one `Transformer`, or has an
            attention or a feed-forward network of another package.

    Example:

    >>> import keras_transformer as kt
    >>> tokenizer = kt.Tokenizer(
    ...     kt.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True))
    >>> config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 16)
    >>> translator = kt.Translator(kt.build_transformer(config), tokenizer)
    >>> [each.source.text for each in Tracer(translator)(["a cat", "a"])]
    ['a cat', 'a']
    """

    def __init__(self, translator: translators.Translator) -> None:
        self._translator = translator
        # This is `translator` itself, or a translator whose model is a float32
        # copy. `__call__` gives the copy the current weights.
        self._in_float32 = reading.in_float32(translator)

    def __call__(self, texts: Sequence[str]) -> list[record.Trace]:
        """Returns the trace of each sentence.

        Args:
            texts: a list of sentences, at least one and none of them blank.

        Raises:
            ValueError: `texts` is one string or empty, or a sentence is blank
                or not a string.
            FloatingPointError: the model's output is NaN.
        """
        translator = self._in_float32
        if translator is not self._translator:
            translator.model.set_weights(self._translator.model.get_weights())
        lists.check_list("texts", texts)
        texts = [
            reading.check_text("texts", text)
            for text in reading.as_list("texts", texts)
        ]
        result = translator.search_ids(
            translator.encode_source(tf.constant(texts))
        )
        traces = []
        for row, text in enumerate(texts):
            results.check_score(result.scores[row, 0].numpy(), text)
            length = result.lengths[row, 0]
            target_ids = result.ids[row : row + 1, 0, :length]
            read = reading.Pair(
                translator.model,
                translator.encode_source(tf.constant([text])),
                target_ids,
                translator.model.shift_right(target_ids),
            )
            traces.append(tracing.trace_of_pair(translator, text, read))
        return traces
