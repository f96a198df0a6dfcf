"""Learns a SentencePiece vocabulary from raw text.

The normalization is part of the vocabulary:

- `"nfc_punctuation"`: spaces at the ends are removed, and several spaces become
  one. All kinds of spaces, tabs and line ends become spaces; quotes, but not
  guillemets, become straight quotes; dashes become hyphens. Letters and their
  accents are composed (NFC). If the training texts contain a letter, but never
  with a certain accent, this accent is removed from the letter. Invisible
  characters are removed: control characters except tabs and line ends, byte
  order marks, soft hyphens, zero-width spaces, text direction marks, variation
  selectors and tags of emoji.
- `"nmt_nfkc"`, `"nfkc"`, `"nmt_nfkc_cf"`, `"nfkc_cf"`: normalizations of
  SentencePiece. They replace full-width characters, ligatures and fractions by
  ordinary characters, but keep most quotes and dashes. Those with `cf` also
  make all letters lower-case.
- `"none"`: the text is not changed, so that every Unicode string survives
  encoding and decoding, with all its spaces.
"""

import io
import itertools
import random
import re
import tempfile
import unicodedata
from collections.abc import Iterable, Sequence

import sentencepiece

from keras_transformer.text import normalization as normalizing
from keras_transformer.text import special_ids as specials
from keras_transformer.text import texts as lists

ALGORITHMS = ("bpe", "unigram")
# The number of pieces that are not learned from text, for an error message:
# 4 special ids, and one piece for each of the 256 bytes.
_RESERVED = 4 + 256
_SPECIAL_IDS = specials.SpecialIds()


def learn_vocabulary(
    texts: Iterable[str],
    vocabulary_size: int = 8000,
    may_be_smaller: bool = False,
    normalization: str = normalizing.DEFAULT,
    seed: int = 0,
    special_ids: specials.SpecialIds = _SPECIAL_IDS,
    algorithm: str = "bpe",
    user_symbols: Sequence[str] = (),
    max_sentences: int = 2_000_000,
) -> bytes:
    """Learns one vocabulary from all the texts.

    Characters without a piece are spelled in UTF-8 bytes.

    Args:
        texts: sentences, of the source and of the target language.
        vocabulary_size: V, the number of pieces, special ids included.
        may_be_smaller: whether V is reduced if there is too little text.
        normalization: a name; the docstring of this module lists the names.
        seed: the seed for the draw of sentences.
        special_ids: `pad`, `begin`, `end` and `unknown`, all below V. `begin`
            may be `None`, `unknown` must not. Other fields are not used.
        algorithm: `"bpe"`, byte-pair encoding, or `"unigram"`, the unigram
            language model of SentencePiece.
        user_symbols: texts without spaces that are always one piece, such as
            the tags of languages. V includes them.
        max_sentences: the maximum number of sentences to learn from. If there
            are more, this number is drawn at random, and held in memory.

    Returns:
        The serialized SentencePiece model, for `Tokenizer`.

    Raises:
        ValueError: an argument is invalid, all texts are blank, or V does not
            fit the texts.

    Example:

    >>> model = learn_vocabulary(["a cat", "a dog"], 276, may_be_smaller=True)
    >>> isinstance(model, bytes)
    True
    """
    lists.check_list("texts", texts)
    normalizing.check(normalization)
    _check_special_ids(special_ids, vocabulary_size)
    _check(algorithm, user_symbols, max_sentences)
    sentences = _draw(texts, max_sentences, seed)
    arguments = {
        "vocab_size": vocabulary_size,
        "hard_vocab_limit": not may_be_smaller,
        "model_type": algorithm,
        "user_defined_symbols": list(user_symbols),
    }
    try:
        return _train(sentences, normalization, special_ids, **arguments)
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            _explain(vocabulary_size, len(user_symbols), str(error))
        ) from error


def _train(sentences, normalization, special_ids, **arguments):
    """Learns a SentencePiece model from these sentences; serializes it."""
    if normalization == "none":
        # `Tokenizer` puts a space before each text that it encodes. So the
        # vocabulary must be learned from texts with this space. With this
        # normalization, SentencePiece does not add the space itself.
        sentences = [" " + text for text in sentences]
    model = io.BytesIO()
    # The trained model contains the path of this temporary file. Below, a name
    # from `file_name` replaces the path. A shorter name can be padded to the
    # length of the path, but a longer one would not fit. So the prefix makes
    # the path long.
    rules = tempfile.NamedTemporaryFile(
        "w", prefix="normalization_rules_", suffix=".tsv", encoding="ascii"
    )
    characters: set[str] = set()
    for text in sentences:
        characters.update(unicodedata.normalize("NFC", text))
    rules.write(normalizing.rules(normalization, characters))
    rules.flush()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            byte_fallback=True,
            **normalizing.trainer_arguments(normalization, rules.name),
            character_coverage=0.9999,
            max_sentence_length=1 << 20,
            # With one thread, the vocabulary is the same on every machine.
            num_threads=1,
            pad_id=special_ids.pad,
            # -1 means that there is no such token.
            bos_id=-1 if special_ids.begin is None else special_ids.begin,
            eos_id=special_ids.end,
            unk_id=special_ids.unknown,
            pad_piece="<pad>",
            bos_piece="<bos>",
            eos_piece="<eos>",
            minloglevel=2,
            **arguments,
        )
    finally:
        rules.close()
    # The model contains the path of the temporary file, which differs in each
    # call. The path is replaced by a name, so that equal texts give equal
    # models. The name is padded to the length of the path, which keeps the
    # format valid. From the name, `Tokenizer` knows whether the model has the
    # default normalization.
    path = rules.name.encode()
    name = normalizing.file_name(normalization).rjust(len(path), b"/")
    return model.getvalue().replace(path, name)


def _check(algorithm, user_symbols, max_sentences):
    lists.check_list("user_symbols", user_symbols)
    if algorithm not in ALGORITHMS:
        raise ValueError(
            f"Unknown `algorithm`. Received: {algorithm!r}. Expected one of "
            f"{ALGORITHMS}."
        )
    symbols = list(user_symbols)
    if len(set(symbols)) < len(symbols) or any(
        not symbol or len(symbol.split()) != 1 or symbol != symbol.strip()
        for symbol in symbols
    ):
        raise ValueError(
            "User symbols must be different texts without spaces. Received: "
            f"{symbols}."
        )
    if max_sentences < 1:
        raise ValueError(
            f"`max_sentences` must be at least 1. Received: {max_sentences}."
        )


def _check_special_ids(special_ids, vocabulary_size):
    if special_ids.unknown is None:
        raise ValueError(
            "SentencePiece needs an id for unknown pieces. Received: "
            f"{special_ids}. Give `unknown`."
        )
    if max(special_ids.as_list()) >= vocabulary_size:
        raise ValueError(
            "Special ids must be below the vocabulary's size. Received: "
            f"{special_ids}, vocabulary_size={vocabulary_size}. Give a larger "
            "size."
        )


def _draw(texts, limit, seed):
    """Draws at most `limit` texts that are not blank, each equally likely.

    The texts are read once, and only the drawn texts are held in memory (Vitter
    1985, algorithm R). All processes with the same seed draw the same texts.
    SentencePiece's own sampling does not guarantee that.
    """
    sentences = (text for text in texts if not lists.is_blank(text))
    drawn = list(itertools.islice(sentences, limit))
    if not drawn:
        raise ValueError(
            "A vocabulary is learned from text. Received: only blank texts, "
            "or none. Give at least one sentence."
        )
    generator = random.Random(seed)
    for count, sentence in enumerate(sentences, start=len(drawn) + 1):
        index = generator.randrange(count)
        if index < limit:
            drawn[index] = sentence
    return drawn


def _explain(vocabulary_size, num_symbols, message):
    """Turns an error message of SentencePiece into one of this package."""
    largest = re.search(r"value <= (\d+)", message)
    if largest:
        return (
            "The text is too small for this vocabulary. Received: "
            f"vocabulary_size={vocabulary_size}. Expected at most "
            f"{largest[1]}. Give a smaller size or more text."
        )
    smallest = re.search(r"required_chars.*?(\d+) vs (\d+)", message)
    reserved = _RESERVED + num_symbols
    needed = smallest[2] if smallest else f"more than {reserved}"
    return (
        "The vocabulary is too small for the characters of the text. "
        f"Received: vocabulary_size={vocabulary_size}. Expected {needed}, "
        f"of which {reserved} are special ids, bytes and user symbols. Give a "
        f"larger size. SentencePiece says: {message}"
    )
