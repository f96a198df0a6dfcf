"""Learns a SentencePiece vocabulary from raw text, before any training."""

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
    """Learns one byte-pair vocabulary for all the texts given.

    Characters without a piece of their own are spelled as UTF-8 bytes, so
    that no character is unknown. The normalization is part of the vocabulary:

    - `"nfc_punctuation"`: spaces at the ends mean nothing, and one space is
      as good as several. All kinds of spaces, tabs and line ends are spaces;
      of quotes (not guillemets), the straight ones; of dashes, the hyphen.
      Letters and their accents are composed (NFC); an accent that no text has
      on a letter is left out. So are control characters, byte order marks,
      soft hyphens and signs of direction.
    - `"nmt_nfkc"`, `"nfkc"`, `"nmt_nfkc_cf"`, `"nfkc_cf"`: SentencePiece's.
      They write full-width letters, ligatures and fractions as others; `cf`
      is lower case. They leave quotes and dashes as they are.
    - `"none"`: the text as it is, so that every Unicode string survives
      encoding and decoding, with all its spaces.

    Args:
        texts: sentences, of the source and of the target language.
        vocabulary_size: V, the number of pieces, special ids included.
        may_be_smaller: whether a text too small for `vocabulary_size` gives
            a smaller vocabulary instead of an error.
        normalization: the name of a normalization.
        seed: of the draw, where there are more than two million sentences.
        special_ids: where they stand, for a vocabulary like that of another
            system; each below V.

    Returns:
        The serialized SentencePiece model, for `Tokenizer`.

    Raises:
        ValueError: one string instead of a list, no text, an unknown
            normalization, a special id that is not below V, or V is more than
            the text allows or less than its characters need.

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
            "A vocabulary is learned from text. Received: no text that is "
            "not empty. Give at least one sentence."
        )
    return _train(
        sentences, vocabulary_size, may_be_smaller, normalization, special_ids
    )


def _train(sentences, size, may_be_smaller, normalization, special_ids):
    """The serialized SentencePiece model of these sentences."""
    if max(special_ids.as_list()) >= size:
        raise ValueError(
            "Special ids must be below the vocabulary's size. Received: "
            f"{special_ids}, vocabulary_size={size}. Give a larger size."
        )
    if normalization == "none":
        # The space that `Tokenizer` puts before each text.
        sentences = [" " + text for text in sentences]
    model = io.BytesIO()
    # A name that is longer than the one that is put in its place.
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
            # SentencePiece's sign of none.
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
    # The model names the file of its rules, which is another in each run; a
    # name as long keeps the format, and tells the normalization.
    path = rules.name.encode()
    name = normalizing.file_name(normalization).rjust(len(path), b"/")
    return model.getvalue().replace(path, name)


def _draw(sentences, seed):
    """At most `_SENTENCE_LIMIT` of the sentences, each equally likely.

    One pass that keeps no more than that (Vitter 1985, algorithm R); the same
    sentences in every process, as SentencePiece's own draw is not.
    """
    sentences = iter(sentences)
    drawn = list(itertools.islice(sentences, _SENTENCE_LIMIT))
    generator = random.Random(seed)
    for count, sentence in enumerate(sentences, start=len(drawn) + 1):
        at = generator.randrange(count)
        if at < _SENTENCE_LIMIT:
            drawn[at] = sentence
    return drawn


def _explain(vocabulary_size: int, message: str) -> str:
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
