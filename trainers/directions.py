"""Makes training pairs in both directions, with a tag before each source."""

from collections.abc import Callable

import keras_transformer as kt
from trainers import corpora as run_corpora
from trainers import settings as run_settings


def check(settings: run_settings.TrainingSettings) -> None:
    """Checks the tags of `--direction_tags`, if the user gave any.

    Args:
        settings: the settings that the user gave.

    Raises:
        ValueError: the tags are not two different tags, a tag is blank, or the
            tags are given together with shards or with a separate target
            vocabulary.
    """
    tags = settings.direction_tags
    if not tags:
        return
    if len(tags) != 2 or len(set(tags)) != 2 or not all(map(str.strip, tags)):
        raise ValueError(
            "--direction_tags are two different tags, of the target and of the "
            f"source language. Received: {','.join(tags)}. Give two, such as "
            "<2de>,<2en>."
        )
    if settings.train_shards:
        raise ValueError(
            "Shards are tagged when they are written. Received: "
            "--direction_tags with --train_shards. Give tools.prepare_data the "
            "flag --tag, once for each direction."
        )
    if settings.target_vocabulary is not None:
        raise ValueError(
            "Both directions need one vocabulary. Received: --direction_tags "
            "with --target_vocabulary. Leave one of them out."
        )


def in_both(
    corpora: run_corpora.Corpora, tags: list[str]
) -> run_corpora.Corpora:
    """Returns the data sets with all training pairs in both directions.

    The tag before a source stands for the language to translate into. A blank
    source gets no tag. The pairs of the other data sets (development, test and
    contrast) get the first tag, and are only in the direction of the run.

    Args:
        corpora: the data sets of the run.
        tags: the tag of the target language and the tag of the source language
            of the run. Without tags, the data sets are returned unchanged.

    Raises:
        ValueError: the training pairs are not a list in memory.
    """
    if not tags:
        return corpora
    if not isinstance(corpora.train, list):
        raise ValueError(
            "--direction_tags are for training text that fits into the memory. "
            "Received: large text. Write shards of each direction with "
            "tools.prepare_data --tag, and train on both by --train_shards."
        )
    there, back = tags
    backward = [
        pair._replace(source=pair.target, target=pair.source)
        for pair in corpora.train
    ]
    return corpora._replace(
        train=tagged(corpora.train, there) + tagged(backward, back),
        dev=tagged(corpora.dev, there),
        test=tagged(corpora.test, there),
        contrast=tagged(corpora.contrast, there),
    )


def without_tags(
    pairs: list[kt.data.SentencePair],
    tags: list[str],
    change: Callable[[list[kt.data.SentencePair]], list[kt.data.SentencePair]],
) -> list[kt.data.SentencePair]:
    """Applies a function to pairs without their tags; puts the tags back.

    Args:
        pairs: pairs as `in_both` returns them.
        tags: the tags of the run; empty if the pairs have no tags.
        change: a function that takes a list of pairs, and returns the changed
            pairs in the same order.

    Returns:
        The changed pairs. Each has the tag of the pair that it replaces.

    Example:

    >>> pairs = tagged([kt.data.SentencePair("a cat", "un chat")], "<2fr>")
    >>> without_tags(pairs, ["<2fr>", "<2en>"], lambda bare: [
    ...     kt.data.SentencePair("a dog", "un chien")])[0].source
    '<2fr> a dog'
    """
    heads = [
        next((f"{t} " for t in tags if pair.source.startswith(f"{t} ")), "")
        for pair in pairs
    ]
    bare = [
        pair._replace(source=pair.source.removeprefix(head))
        for pair, head in zip(pairs, heads, strict=True)
    ]
    return [
        pair._replace(source=f"{head}{pair.source}")
        for pair, head in zip(change(bare), heads, strict=True)
    ]


def tagged(
    pairs: list[kt.data.SentencePair], tag: str
) -> list[kt.data.SentencePair]:
    """Puts a tag before each source that is not blank.

    Args:
        pairs: the pairs.
        tag: a symbol of the vocabulary.

    Example:

    >>> tagged([kt.data.SentencePair("a cat", "un chat")], "<2fr>")[0].source
    '<2fr> a cat'
    """
    return [
        pair
        if kt.text.is_blank(pair.source)
        else pair._replace(source=f"{tag} {pair.source}")
        for pair in pairs
    ]
