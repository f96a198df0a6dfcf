"""Tokenizers, which turn text into ids and ids into text."""

from keras_transformer.text.base import TextTokenizer
from keras_transformer.text.byte_pairs import BytePairs
from keras_transformer.text.escaped_subwords import EscapedSubwords
from keras_transformer.text.normalization import NAMES as NORMALIZATIONS
from keras_transformer.text.normalization import fold
from keras_transformer.text.piece_rows import match_pieces
from keras_transformer.text.piece_table import PieceTable
from keras_transformer.text.reading import read_tokenizer, tokenizer_of
from keras_transformer.text.special_ids import SpecialIds
from keras_transformer.text.texts import is_blank
from keras_transformer.text.token_list import TokenList
from keras_transformer.text.tokenizer import Tokenizer
from keras_transformer.text.vocabulary import ALGORITHMS, learn_vocabulary
from keras_transformer.text.vocabulary_hash import vocabulary_sha256

__all__ = [
    "ALGORITHMS",
    "NORMALIZATIONS",
    "BytePairs",
    "EscapedSubwords",
    "PieceTable",
    "SpecialIds",
    "TextTokenizer",
    "TokenList",
    "Tokenizer",
    "fold",
    "is_blank",
    "learn_vocabulary",
    "match_pieces",
    "read_tokenizer",
    "tokenizer_of",
    "vocabulary_sha256",
]
