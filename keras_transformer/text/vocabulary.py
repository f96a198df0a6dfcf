"""Learns a SentencePiece vocabulary from raw text, before any training."""

import io
import re
import tempfile
from collections.abc import Iterable

import sentencepiece

from keras_transformer.text import escaping, special_ids

# 4 special ids and one piece for each of the 256 bytes.
_RESERVED = 4 + 256
# SentencePiece reads at most this many sentences, drawn at random.
_SENTENCE_LIMIT = 2_000_000


def learn_vocabulary(
    texts: Iterable[str],
    vocabulary_size: int = 8000,
    may_be_smaller: bool = False,
) -> bytes:
    """Learns one byte-pair vocabulary for all the texts given.

    The text is taken as it is: no normalization, all spaces kept, and
    characters without a piece of their own spelled as UTF-8 bytes, so that
    every Unicode string survives encoding and decoding.

    Args:
        texts: sentences, of the source and of the target language.
        vocabulary_size: V, the number of pieces, special ids included.
        may_be_smaller: whether a text too small for `vocabulary_size` gives
            a smaller vocabulary instead of an error.

    Returns:
        The serialized SentencePiece model, for `Tokenizer`.

    Raises:
        ValueError: there is no text, or V is more than the text allows or
            less than its characters need.

    Example:

    >>> model = learn_vocabulary(["a cat", "a dog"], 276, may_be_smaller=True)
    >>> isinstance(model, bytes)
    True
    """
    sentences = [" " + text for text in texts if text.strip()]
    if not sentences:
        raise ValueError(
            "A vocabulary is learned from text. Received: no text that is "
            "not empty. Give at least one sentence."
        )
    model = io.BytesIO()
    rules = tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="ascii")
    rules.write(escaping.RULES)
    rules.flush()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            model_type="bpe",
            vocab_size=vocabulary_size,
            hard_vocab_limit=not may_be_smaller,
            byte_fallback=True,
            normalization_rule_tsv=rules.name,
            remove_extra_whitespaces=False,
            add_dummy_prefix=False,  # Done here and by `escape`.
            character_coverage=0.9999,
            input_sentence_size=_SENTENCE_LIMIT,
            shuffle_input_sentence=True,
            max_sentence_length=1 << 20,
            num_threads=1,  # The vocabulary must not depend on the machine.
            pad_id=special_ids.PAD_ID,
            bos_id=special_ids.BOS_ID,
            eos_id=special_ids.EOS_ID,
            unk_id=special_ids.UNK_ID,
            pad_piece="<pad>",
            bos_piece="<bos>",
            eos_piece="<eos>",
            minloglevel=2,
        )
    except (ValueError, RuntimeError) as error:
        raise ValueError(_explain(vocabulary_size, str(error))) from error
    finally:
        rules.close()
    # The model names the file of its rules, which is another in each run;
    # a name as long keeps the format.
    name = rules.name.encode()
    return model.getvalue().replace(name, b"rules.tsv".rjust(len(name), b"/"))


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
