"""A user's vocabulary inherits methods from `TextTokenizer`."""

import pytest
import tensorflow as tf

from keras_transformer import text


class Letters(text.TextTokenizer):
    """Every letter is a token; the ids of "a", "b", "c" are 4, 5, 6."""

    model = b"letters"
    special_ids = text.SpecialIds()
    vocabulary_size = 30

    def encode(self, texts):
        codes = tf.strings.unicode_decode(texts, "UTF-8")
        return codes - ord("a") + 4


def test_what_is_inherited(tmp_path):
    letters = Letters()
    assert letters.encode_source(["ab", "c"]).to_list() == [[4, 5], [6]]
    ids, is_known = letters.known_pieces(["ab"])
    assert ids.to_list() == [[4, 5]] and is_known.to_list() == [[True, True]]
    assert not letters.leaves_out_unknown_words
    letters.save(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"letters"


def test_what_is_not():
    with pytest.raises(NotImplementedError):
        Letters().decode([[4]])
    with pytest.raises(ValueError, match="rate=0.5"):
        Letters().sample([[4]], 0.5, 3)
