"""Tokenizer, model and search as one function from strings to strings.

B batch   S source length   W hypotheses   T target length
"""

from collections.abc import Sequence

import tensorflow as tf

from keras_transformer.search import beam, contract
from keras_transformer.text import special_ids

# A translation may have this many more tokens than its source (section 6.1).
EXTRA_LENGTH = 50


class Translator(tf.Module):
    """Translates sentences with a model that has `start` and `step`.

    Args:
        model: what `search` steps through, with a `start_id`, such as
            `Transformer`.
        tokenizer: a `Tokenizer`.
        search: `beam_search` or `greedy_search` with their settings, made
            by `functools.partial`; beam search as in the paper if `None`.
        max_source_length: longer sources are cut to that many tokens.
        target_tokenizer: that of the translations, if not the same.

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
    ):
        super().__init__(name="translator")
        self.model = model
        self.tokenizer = tokenizer
        self.target_tokenizer = target_tokenizer or tokenizer
        self.max_source_length = max_source_length
        self._search = search or beam.beam_search

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, text):
        """Translates strings (B,) in the graph.

        Returns:
            Dict of `translation`, string `(B,)`, and `score`, float32 `(B,)`:
            log-probability over the length penalty. An empty string has an
            empty translation with score 0.
        """
        result = self.search(self.encode_source(text))
        is_empty = tf.equal(tf.strings.strip(text), "")
        return {
            "translation": tf.where(
                is_empty, "", self.target_tokenizer.decode(result.ids[:, 0])
            ),
            "score": tf.where(is_empty, 0.0, result.scores[:, 0]),
        }

    def translate(
        self, texts: Sequence[str], batch_size: int = 64
    ) -> list[str]:
        """Translates Python strings, in their order; see `in_batches`."""
        return [
            translation
            for translation, _ in in_batches(self, texts, batch_size)
        ]

    def encode_source(self, text) -> tf.Tensor:
        """Encodes strings (B,) as the model reads them: padded ids (B, S)."""
        ids = self.tokenizer.encode(text)[:, : self.max_source_length - 1]
        end = tf.fill([ids.nrows(), 1], special_ids.EOS_ID)
        ids = tf.concat([ids, tf.cast(end, ids.dtype)], axis=1)
        return ids.to_tensor(special_ids.PAD_ID)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def search(self, source_ids) -> contract.SearchResult:
        """Finds the best translations, as ids, of source ids (B, S)."""
        is_real = tf.not_equal(source_ids, special_ids.PAD_ID)
        # Of each row's own length: an answer must not depend on others.
        max_lengths = EXTRA_LENGTH + tf.reduce_sum(
            tf.cast(is_real, tf.int32), axis=1
        )
        room = tf.shape(source_ids)[1] + EXTRA_LENGTH
        return self._search(
            self.model.step,
            self.model.start(source_ids, max_length=room),
            batch_size=tf.shape(source_ids)[0],
            max_lengths=max_lengths,
            start_id=self.model.start_id,
            end_id=special_ids.EOS_ID,
            pad_id=special_ids.PAD_ID,
        )


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
    by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    answers = [("", 0.0)] * len(texts)
    for start in range(0, len(texts), batch_size):
        rows = by_length[start : start + batch_size]
        answer = translate(tf.constant([texts[row] for row in rows]))
        for row, translation, score in zip(
            rows,
            answer["translation"].numpy(),
            answer["score"].numpy(),
            strict=True,
        ):
            answers[row] = translation.decode("utf-8"), float(score)
    return answers
