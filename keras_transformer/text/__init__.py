"""Text to ids and back, with one SentencePiece model for both languages."""

from keras_transformer.text.normalization import NAMES as NORMALIZATIONS
from keras_transformer.text.normalization import fold
from keras_transformer.text.special_ids import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from keras_transformer.text.tokenizer import Tokenizer
from keras_transformer.text.vocabulary import learn_vocabulary

__all__ = [
    "BOS_ID",
    "EOS_ID",
    "NORMALIZATIONS",
    "PAD_ID",
    "Tokenizer",
    "UNK_ID",
    "fold",
    "learn_vocabulary",
]
