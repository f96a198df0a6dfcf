"""Encodes pairs into a shard directory, with one thread for each core."""

import collections
import concurrent.futures
import itertools
import os
from collections.abc import Iterable, Sequence

from keras_transformer.data import cleaning_report, encoding
from keras_transformer.data import pairs as sentence_pairs
from keras_transformer.data.shards import index as indexing
from keras_transformer.data.shards import writer as writers
from keras_transformer.text import TextTokenizer, texts

# One call of a tokenizer encodes at most this number of texts.
_CHUNK = 2048


def shard_pairs(
    pairs: Iterable[sentence_pairs.SentencePair],
    path: str | os.PathLike[str],
    tokenizer: TextTokenizer,
    target_tokenizer: TextTokenizer | None = None,
    max_length: int = 128,
    tag: str | None = None,
    report: cleaning_report.CleaningReport | None = None,
    source_files: Sequence[str] = (),
    pairs_per_shard: int = 16384,
) -> indexing.ShardIndex:
    """Encodes pairs, and writes them to a shard directory.

    Pairs with a blank or too long source or target are left out.

    Args:
        pairs: the pairs, read once. Only a part of them is held in memory.
        path: the directory, which is made if it is missing. It must not have an
            index yet. Shards that a stopped program left in it are deleted.
        tokenizer: the tokenizer of the sources.
        target_tokenizer: the tokenizer of the targets; `tokenizer` if `None`.
        max_length: the maximum number of tokens of a source and of a target,
            with special ids.
        tag: a symbol of the vocabulary that is put before each source, for
            example to name the target language; `None` for no symbol.
        report: the report of `Cleaning.clean`, which is written to the index;
            `None` if the pairs are not cleaned.
        source_files: names of the files that the pairs were read from. They
            are written to the index.
        pairs_per_shard: the number of pairs of a shard; the last shard may have
            fewer.

    Returns:
        The index of the complete directory.

    Raises:
        ValueError: no pair is left, the tag is not one piece of the vocabulary,
            the directory has an index already, or `max_length` or
            `pairs_per_shard` is below 1 or too large.
        tf.errors.OpError: a file cannot be written.
    """
    if tag is not None:
        check_tag(tag, tokenizer)
    writer = writers.ShardWriter(
        path, tokenizer, target_tokenizer, max_length, tag, pairs_per_shard
    )

    def encode(chunk):
        return encoding.encode_chunk(
            chunk, tokenizer, max_length, target_tokenizer
        )

    for encoded in _in_threads(encode, _chunks(_tagged(pairs, tag))):
        writer.write(encoded)
    return writer.finish(source_files, report.as_dict() if report else None)


def check_tag(tag: str, tokenizer: TextTokenizer) -> None:
    """Checks that a tag is one piece of a vocabulary.

    Args:
        tag: the tag.
        tokenizer: the tokenizer of the sources.

    Raises:
        ValueError: the tag is not one piece.
    """
    pieces = tokenizer.pieces(tokenizer.encode([tag]).values.numpy())
    # Two pieces are allowed, because a tokenizer may put a space before the
    # text, as a separate piece.
    if pieces[-1:] != [tag] or len(pieces) > 2:
        raise ValueError(
            "A tag must be one symbol of the vocabulary. Received: "
            f"{tag!r}, which has the pieces {pieces}. Build the vocabulary "
            f"with --user_symbols={tag}."
        )


def _tagged(pairs, tag):
    """Puts the tag before each source that has text.

    A blank source stays blank, so that its pair is left out.
    """
    if tag is None:
        return pairs
    return (
        pair
        if texts.is_blank(pair.source)
        else pair._replace(source=f"{tag} {pair.source}")
        for pair in pairs
    )


def _chunks(pairs):
    pairs = iter(pairs)
    while chunk := list(itertools.islice(pairs, _CHUNK)):
        yield chunk


def _in_threads(function, arguments):
    """Calls a function with each argument, and yields the results in order.

    Threads compute some results in advance. Tokenizers release the global lock
    of Python while they compute, so the threads can keep all cores busy.
    """
    num_threads = os.cpu_count() or 1
    waiting: collections.deque[concurrent.futures.Future] = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(num_threads) as pool:
        for argument in arguments:
            waiting.append(pool.submit(function, argument))
            if len(waiting) > 2 * num_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
