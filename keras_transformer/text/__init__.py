"""Text to ids and back, with a SentencePiece model."""

from keras_transformer.text.normalization import NAMES as NORMALIZATIONS
from keras_transformer.text.normalization import fold
from keras_transformer.text.piece_rows import match_pieces
from keras_transformer.text.special_ids import SpecialIds
from keras_transformer.text.texts import is_blank
from keras_transformer.text.tokenizer import Tokenizer
from keras_transformer.text.vocabulary import ALGORITHMS, learn_vocabulary
from keras_transformer.text.vocabulary_hash import vocabulary_sha256

__all__ = [
    "ALGORITHMS",
    "NORMALIZATIONS",
    "SpecialIds",
    "Tokenizer",
    "fold",
    "is_blank",
    "learn_vocabulary",
    "match_pieces",
    "vocabulary_sha256",
]
