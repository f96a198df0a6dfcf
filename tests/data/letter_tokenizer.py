"""A tokenizer whose pieces are letters."""

import tensorflow as tf

from keras_transformer.text import SpecialIds


class LetterTokenizer:
    """Each letter is a token; its id is the code point."""

    special_ids = SpecialIds()

    def encode(self, texts):
        return tf.ragged.constant(
            [[ord(c) for c in text] for text in texts],
            dtype=tf.int32,
            ragged_rank=1,
        )
