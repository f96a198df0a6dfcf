"""Encodes sentences and their translations as the ids that a model reads.

T target length   S source length
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from keras_transformer import layers
from keras_transformer.models import precision, transformer
from keras_transformer.search import base
from keras_transformer.text import texts as lists
from keras_transformer.translation import model_search, results
from keras_transformer.translation import translator as translators


class Pair(NamedTuple):
    """The ids of a source and its translation, and the model that reads them.

    model: the model, in float32.
    source_ids: int32 `(1, S)`.
    target_ids: int32 `(1, T)`, the tokens that the decoder emits. The last one
        is the end token, unless a search stopped before it emitted that token.
    input_ids: int32 `(1, T)`, the tokens that the decoder reads: the start
        token, and `target_ids` without the last.
    """

    model: transformer.Transformer
    source_ids: tf.Tensor
    target_ids: tf.Tensor
    input_ids: tf.Tensor


def read_pair(
    translator: translators.Translator,
    text: str,
    target: str | None = None,
    search: base.Search | None = None,
) -> Pair:
    """Encodes a source and its translation.

    Args:
        translator: a `Translator` of one `Transformer`.
        text: one sentence.
        target: its translation; `None` to search for it.
        search: a search that runs outside of graphs; `None` for the search of
            the translator, which runs in a graph. No search is used if `target`
            is given.

    Raises:
        ValueError: `text` or `target` is blank or not one string; or as for
            `in_float32`.
        FloatingPointError: `target` is `None`, and the model's output is NaN.
    """
    check_text("text", text)
    if target is not None:
        check_text("target", target)
    translator = in_float32(translator)
    source_ids = translator.encode_source(tf.constant([text]))
    if target is not None:
        target_ids = translator.encode_target(tf.constant([target]))
    else:
        if search is None:
            result = translator.search_ids(source_ids, only_best=True)
        else:
            ids = translator.target_tokenizer.special_ids
            result = model_search.ModelSearch(
                translator.model,
                search,
                translator.lengths,
                ids.end,
                ids.target_prefix,
            )(source_ids)
        results.check_score(result.scores[0, 0].numpy(), text)
        target_ids = result.ids[:, 0, : result.lengths[0, 0]]
    return Pair(
        translator.model,
        source_ids,
        target_ids,
        translator.model.shift_right(target_ids),
    )


def read_pairs(
    translator: translators.Translator,
    text: str | Sequence[str],
    target: str | Sequence[str] | None,
) -> list[Pair]:
    """Encodes one or several sources and their translations.

    Args:
        translator: a `Translator` of one `Transformer`.
        text: one sentence, or several.
        target: the translation of each sentence, or one string that is the
            translation of all; `None` to search for the translations.

    Raises:
        ValueError: the numbers of texts and targets differ, or there are no
            texts; or as for `read_pair`.
        FloatingPointError: as for `read_pair`.
    """
    translator = in_float32(translator)
    texts = as_list("text", text)
    targets = as_list("target", target, len(texts))
    return [
        read_pair(translator, check_text("text", source), given)
        for source, given in zip(texts, targets, strict=True)
    ]


def as_list(
    name: str,
    strings: str | Sequence[str | None] | None,
    count: int | None = None,
) -> list[str | None]:
    """Returns an argument as a list with one item for each sentence.

    Args:
        name: the name of the argument, for messages.
        strings: a list of strings; or a single item, one string or `None`. A
            single item is repeated `count` times.
        count: the length of the result. Without `count`, a list may have any
            length above 0, and a single item is not repeated.

    Raises:
        ValueError: `strings` is bytes instead of a list, the list is empty, its
            length is not `count`, or one of its items is neither a string nor
            bytes.
    """
    if strings is None or isinstance(strings, str):
        return [strings] * (count or 1)
    listed = lists.as_list(name, strings)
    if not listed or (count is not None and len(listed) != count):
        raise ValueError(
            f"`{name}` is one string, or one for each sentence. Received: "
            f"{len(listed)} strings. Expected: {count or 'at least 1'}."
        )
    return listed


def in_float32(translator: translators.Translator) -> translators.Translator:
    """Returns a translator whose model computes in float32.

    Args:
        translator: a `Translator` of one `Transformer`.

    Returns:
        The translator itself if its model computes in float32, else a
        translator with a copy of the model.

    Raises:
        ValueError: the model is not one `Transformer`, or has an attention or a
            feed-forward network that is not a layer of this package.
    """
    model = translator.model
    if not isinstance(model, transformer.Transformer):
        raise ValueError(
            "Numbers are read from the layers of one Transformer. Received: "
            f"{type(model).__name__}. Give the translator of one run; the "
            "models of an ensemble can be read one at a time."
        )
    for stack in (model.encoder, model.decoder):
        for block in stack.blocks:
            _check_block(block)
    if keras.backend.standardize_dtype(model.compute_dtype) == "float32":
        return translator
    return translator.with_model(precision.in_precision(model, "float32"))


def check_text(name: str, text: str | None) -> str:
    """Returns a text after checking that it is a string and not blank.

    Args:
        name: the name of the argument, for messages.
        text: the sentence.

    Raises:
        ValueError: the text is blank or not a string.
    """
    if not isinstance(text, str):
        raise ValueError(
            f"`{name}` is one sentence. Received: {text!r}. Call once for "
            "each sentence."
        )
    if not text.strip():
        raise ValueError(
            f"`{name}` must have words. Received: {text!r}. A blank sentence "
            "is not read by the model."
        )
    return text


def _check_block(block):
    kinds: dict[str, Any] = {
        "attention": layers.MultiHeadAttention,
        "self_attention": layers.MultiHeadAttention,
        "cross_attention": layers.MultiHeadAttention,
        "feed_forward": (layers.FeedForward, layers.GatedFeedForward),
    }
    for name, classes in kinds.items():
        layer = getattr(block, name, None)
        if layer is not None and not isinstance(layer, classes):
            raise ValueError(
                "Numbers are read from the layers of this package. Received: "
                f"{type(layer).__name__} as `{name}` of {block.name!r}. Call "
                "the layer with `return_attention_scores=True` instead."
            )
