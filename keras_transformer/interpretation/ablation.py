"""Switches attention heads off, and measures the effect on translations."""

import contextlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_transformer.interpretation import forward, reading
from keras_transformer.models import precision
from keras_transformer.translation import translator as translators


class HeadEffect(NamedTuple):
    """The change in log-probabilities when a head is switched off.

    attention: the name of the attention, such as
        `"decoder/block_1/cross_attention"`.
    head: the index of the head, counted from 0.
    change: the log-probability of a translation without the head minus the
        log-probability with the head, in nats; the mean over the sentences. It
        is below 0 if the head helps.
    """

    attention: str
    head: int
    change: float


def ablate_heads(
    translator: translators.Translator,
    text: str | Sequence[str],
    target: str | Sequence[str] | None = None,
) -> list[HeadEffect]:
    """Measures the change in log-probabilities when a head is switched off.

    In a float32 copy of the model, one head at a time is switched off: the rows
    of W^O that multiply its output become zeros (Michel et al. 2019; Voita et
    al. 2019). The other heads can do its work, so a small change does not show
    that a head does nothing.

    Args:
        translator: a `Translator` of one `Transformer`.
        text: one sentence, or several.
        target: the translation of each sentence, or one string for all;
            `None` for the translations of the translator.

    Returns:
        The effects of all heads, the most negative change first.

    Raises:
        ValueError: `text` is an empty list, the numbers of texts and targets
            differ, a text or target is blank or not a string, the model is not
            one `Transformer` of this package's layers, or a W^O is quantized or
            has LoRA.
        FloatingPointError: `target` is `None`, and the model's output is NaN.

    Example:

    >>> import keras_transformer as kt
    >>> tokenizer = kt.Tokenizer(
    ...     kt.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True))
    >>> config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 16)
    >>> translator = kt.Translator(kt.build_transformer(config), tokenizer)
    >>> len(ablate_heads(translator, "a cat", "un chat"))
    6
    """
    translator = reading.in_float32(translator)
    pairs = reading.read_pairs(translator, text, target)
    copy = _copy(translator.model)
    weaker = translator.with_model(copy)

    def log_probability():
        totals = [
            tf.reduce_sum(
                weaker.score_ids(pair.source_ids, pair.target_ids).log_probs
            )
            for pair in pairs
        ]
        return float(np.mean(totals, dtype="float64"))

    before = log_probability()
    effects = []
    for name, attention in forward.attentions(copy).items():
        for head in range(attention.num_heads):
            with _switched_off(attention, [head]):
                change = log_probability() - before
            effects.append(HeadEffect(name, head, change))
    return sorted(effects, key=lambda effect: effect.change)


def without_heads(
    translator: translators.Translator, heads: Iterable[tuple[str, int]]
) -> translators.Translator:
    """Returns a translator whose model has some heads switched off.

    Its model is a float32 copy of the model of `translator`. `translator` and
    its model are not changed.

    Args:
        translator: a `Translator` of one `Transformer`.
        heads: the heads to switch off. Each is a pair of the name of an
            attention, such as `"encoder/block_1/attention"`, and the index of
            the head, counted from 0.

    Raises:
        ValueError: the model is not one `Transformer` of this package's layers,
            it does not have one of the heads, or a W^O is quantized or has
            LoRA.

    Example:

    >>> import keras_transformer as kt
    >>> tokenizer = kt.Tokenizer(
    ...     kt.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True))
    >>> config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 16)
    >>> translator = kt.Translator(kt.build_transformer(config), tokenizer)
    >>> weaker = without_heads(translator, [("encoder/block_1/attention", 0)])
    >>> len(weaker.translate(["a cat"]))
    1
    """
    copy = _copy(reading.in_float32(translator).model)
    attentions = forward.attentions(copy)
    for name, head in heads:
        if name not in attentions or not (
            0 <= head < attentions[name].num_heads
        ):
            known = {name: each.num_heads for name, each in attentions.items()}
            raise ValueError(
                f"The model has no such head. Received: {(name, head)!r}. "
                f"Expected an index below the number of heads: {known}."
            )
        _switch_off(attentions[name], [head])
    return translator.with_model(copy)


def _copy(model):
    """Returns a float32 copy of a model.

    Raises ValueError if a W^O is quantized or has LoRA.
    """
    for name, attention in forward.attentions(model).items():
        if attention.out.quantization_mode or attention.out.lora_enabled:
            raise ValueError(
                "Heads are switched off in a copy of the matrices W^O. "
                f"Received: {name!r}, whose W^O is quantized or has LoRA. "
                "Use the model before it was quantized or got LoRA."
            )
    return precision.in_precision(model, "float32")


def _switch_off(attention, heads):
    """Sets to zero the rows of W^O that multiply the outputs of the heads."""
    kernel = np.array(attention.out.kernel)
    rows = kernel.reshape(attention.num_heads, attention.head_dim, -1)
    rows[heads] = 0
    attention.out.kernel.assign(kernel)


@contextlib.contextmanager
def _switched_off(attention, heads):
    """Switches heads off for the body of a `with` statement."""
    kernel = np.array(attention.out.kernel)
    _switch_off(attention, heads)
    yield
    attention.out.kernel.assign(kernel)
