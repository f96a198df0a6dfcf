"""Learns a SentencePiece vocabulary from raw text."""

import io
import itertools
import random
import re
import tempfile
import unicodedata
from collections.abc import Iterable

import sentencepiece

from keras_transformer.text import normalization as normalizing
from keras_transformer.text import special_ids as specials
from keras_transformer.text import texts as lists

# 4 special ids and one piece for each of the 256 bytes.
_RESERVED = 4 + 256
# A vocabulary is learned from at most this many sentences, drawn at random.
_SENTENCE_LIMIT = 2_000_000
_SPECIAL_IDS = specials.SpecialIds()


def learn_vocabulary(
    texts: Iterable[str],
    vocabulary_size: int = 8000,
    may_be_smaller: bool = False,
    normalization: str = normalizing.DEFAULT,
    seed: int = 0,
    special_ids: specials.SpecialIds = _SPECIAL_IDS,
) -> bytes:
    """Learns one byte-pair vocabulary from all the texts.

    Characters without a piece of their own are spelled as UTF-8 bytes, so
    that no character is unknown. The normalization is part of the vocabulary:

    - `"nfc_punctuation"`: spaces at the ends are removed, and several spaces
      become one. All kinds of spaces, tabs and line ends become spaces;
      quotes, but not guillemets, become straight quotes; dashes become
      hyphens. Letters and their accents are composed (NFC); an accent is
      removed if no text has it on this letter. Control characters, byte order
      marks, soft hyphens and text direction marks are removed.
    - `"nmt_nfkc"`, `"nfkc"`, `"nmt_nfkc_cf"`, `"nfkc_cf"`: SentencePiece's.
      They replace full-width letters, ligatures and fractions by ordinary
      characters; `cf` also writes lower case. They keep quotes and dashes.
    - `"none"`: the text is not changed, so that every Unicode string survives
      encoding and decoding, with all its spaces.

    Args:
        texts: sentences, of the source and of the target language.
        vocabulary_size: V, the number of pieces, special ids included.
        may_be_smaller: whether a text too small for `vocabulary_size` gives
            a smaller vocabulary instead of an error.
        normalization: the name of a normalization.
        seed: the seed of the draw of two million sentences, if there are more.
        special_ids: the special ids, each below V. With ids of another system
            the vocabulary is like that of this system.

    Returns:
        The serialized SentencePiece model, for `Tokenizer`.

    Raises:
        ValueError: one string instead of a list, no text, an unknown
            normalization, a special id that is not below V, or a V that is
            larger than the text allows or smaller than its characters need.

    Example:

    >>> model = learn_vocabulary(["a cat", "a dog"], 276, may_be_smaller=True)
    >>> isinstance(model, bytes)
    True
    """
    lists.check_list("texts", texts)
    normalizing.check(normalization)
    sentences = _draw((t for t in texts if not lists.is_blank(t)), seed)
    if not sentences:
        raise ValueError(
            "A vocabulary is learned from text. Received: only blank texts, "
            "or none. Give at least one sentence."
        )
    return _train(
        sentences, vocabulary_size, may_be_smaller, normalization, special_ids
    )


def _train(sentences, size, may_be_smaller, normalization, special_ids):
    """Learns a serialized SentencePiece model from these sentences."""
    if max(special_ids.as_list()) >= size:
        raise ValueError(
            "Special ids must be below the vocabulary's size. Received: "
            f"{special_ids}, vocabulary_size={size}. Give a larger size."
        )
    if normalization == "none":
        # `Tokenizer` puts this space before each text too.
        sentences = [" " + text for text in sentences]
    model = io.BytesIO()
    # The name of this file is long enough to be replaced by the name below.
    rules = tempfile.NamedTemporaryFile(
        "w", prefix="normalization_rules_", suffix=".tsv", encoding="ascii"
    )
    characters = set().union(
        *(unicodedata.normalize("NFC", text) for text in sentences)
    )
    rules.write(normalizing.rules(normalization, characters))
    rules.flush()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            model_type="bpe",
            vocab_size=size,
            hard_vocab_limit=not may_be_smaller,
            byte_fallback=True,
            **normalizing.trainer_arguments(normalization, rules.name),
            character_coverage=0.9999,
            max_sentence_length=1 << 20,
            num_threads=1,  # The vocabulary must not depend on the machine.
            pad_id=special_ids.pad,
            # -1 means that there is no such token.
            bos_id=-1 if special_ids.begin is None else special_ids.begin,
            eos_id=special_ids.end,
            unk_id=special_ids.unknown,
            pad_piece="<pad>",
            bos_piece="<bos>",
            eos_piece="<eos>",
            minloglevel=2,
        )
    except (ValueError, RuntimeError) as error:
        raise ValueError(_explain(size, str(error))) from error
    finally:
        rules.close()
    # The model contains the path of the temporary file, which differs in each
    # run. It is replaced by a name of the same length, which keeps the format
    # valid. The name tells readers of the model its normalization.
    path = rules.name.encode()
    name = normalizing.file_name(normalization).rjust(len(path), b"/")
    return model.getvalue().replace(path, name)


def _draw(sentences, seed):
    """Draws at most `_SENTENCE_LIMIT` sentences, each equally likely.

    It reads the sentences once, and holds only the drawn ones in memory (Vitter
    1985, algorithm R). All processes draw the same sentences, which is not so
    for SentencePiece's own sampling.
    """
    sentences = iter(sentences)
    drawn = list(itertools.islice(sentences, _SENTENCE_LIMIT))
    generator = random.Random(seed)
    for count, sentence in enumerate(sentences, start=len(drawn) + 1):
        index = generator.randrange(count)
        if index < _SENTENCE_LIMIT:
            drawn[index] = sentence
    return drawn


def _explain(vocabulary_size: int, message: str) -> str:
    """Turns an error message of SentencePiece into one of this package."""
    largest = re.search(r"value <= (\d+)", message)
    if largest:
        return (
            "The text is too small for this vocabulary. Received: "
            f"vocabulary_size={vocabulary_size}. Expected at most "
            f"{largest[1]}. Give a smaller size or more text."
        )
    smallest = re.search(r"required_chars.*?(\d+) vs (\d+)", message)
    needed = smallest[2] if smallest else f"more than {_RESERVED}"
    return (
        "The vocabulary is too small for the characters of the text. "
        f"Received: vocabulary_size={vocabulary_size}. Expected {needed}, "
        f"of which {_RESERVED} are special ids and bytes. Give a larger "
        f"size. SentencePiece says: {message}"
    )
