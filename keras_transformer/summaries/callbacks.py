"""Callbacks that write attention images and sample translations.

The callbacks take functions instead of a model, so any translator can be used.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_transformer.summaries import (
    attention_images,
    head_cards,
    summary_callback,
    tables,
)

_ROWS_AND_COLUMNS = (
    "Each row is a token that attends. Each column is a token that is attended "
    "to. The colour is a weight from 0 to 1. Each head has an image or a panel."
)


class AttentionImages(summary_callback.SummaryCallback):
    """Callback that writes attention images of fixed sentences every epoch.

    There is one tag for each combination of a sentence, a kind of attention and
    a layer, for example `attention/sentence_1/encoder-decoder/layer_2`. A tag
    has an image for each head, or one image of all heads. In TensorBoard, the
    step of an image is the number of steps that the optimizer has made.

    TensorBoard follows only the newest event file of a directory. So give this
    callback its own directory, such as `logs/attention`. If several workers
    train, only the chief should have the callback.

    Args:
        log_dir: the directory of the event file. The first write creates it.
        texts: the source sentences.
        explain: a function from a sentence to its `Explanation`, with the
            current weights. It can call `kt.translation.explain`.
        size: `"card"` for images of one head that are legible in TensorBoard's
            cards, see `attention_cards`, or `"large"` for one image of all
            heads, see `attention_figure`.

    Raises:
        ValueError: there are no sentences, or `texts` is a string instead of a
            list, or the size is unknown; during training: the scores do not
            fit the tokens.

    Example:

    >>> import numpy as np
    >>> from keras_transformer import summaries, translation
    >>> def explain(text):
    ...     tokens = text.split() + ["</s>"]
    ...     scores = np.eye(len(tokens))[None, None]  # one layer, one head
    ...     return translation.Explanation(
    ...         tokens, tokens, ["<s>"] + tokens[:-1], scores, scores, scores)
    >>> callback = summaries.AttentionImages("logs", ["a cat"], explain)

    Pass it to `model.fit(..., callbacks=[callback])`.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike,
        texts: Sequence[str],
        explain: Callable[[str], attention_images.Attention],
        size: str = "card",
    ):
        super().__init__(log_dir)
        if size not in _SIZES:
            raise ValueError(
                f"`size` must be one of {', '.join(_SIZES)}. Received: "
                f"size={size!r}."
            )
        self._draw = _SIZES[size]
        if isinstance(texts, str) or not texts:
            raise ValueError(
                "`texts` must be a list of at least one sentence. Received: "
                f"texts={texts!r}. Put a single sentence into a list, or leave "
                "the callback out."
            )
        self._texts = list(texts)
        self._explain = explain

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        images = {
            f"attention/sentence_{number}/{name}": np.stack(
                [attention_images.figure_to_image(each) for each in figures]
            )
            for number, text in enumerate(self._texts, start=1)
            for name, figures in attention_images.attention_figures(
                self._explain(text), self._draw
            )
        }
        with self.summaries():
            for tag, images_of_tag in images.items():
                tf.summary.image(
                    tag,
                    images_of_tag,
                    max_outputs=len(images_of_tag),
                    description=_ROWS_AND_COLUMNS,
                )


def _one_figure(*arguments):
    """Calls `attention_figure`; returns a list with the one figure."""
    return [attention_images.attention_figure(*arguments)]


_SIZES = {"card": head_cards.attention_cards, "large": _one_figure}


class SampleTranslations(summary_callback.SummaryCallback):
    """Callback that prints and writes sample translations every epoch.

    The samples are printed after the progress bar of the epoch. TensorBoard
    shows them as one table, `sample_translations`. The step of the table is the
    number of steps that the optimizer has made.

    TensorBoard follows only the newest event file of a directory. So give this
    callback its own directory, such as `logs/translations`. If several workers
    train, only the chief should have the callback.

    Args:
        log_dir: the directory of the event file. The first write creates it.
        pairs: pairs of a source sentence and its reference translation.
        translate: a function from a list of sentences to the list of their
            translations with the current weights.
        scores: a dict from titles to functions. A function takes a translation
            and its reference, and returns a number. The table has a column with
            the title and these numbers. `None` for no scores.

    Raises:
        ValueError: `pairs` is empty or has an item that is not a pair; during
            training: `translate` does not return one translation for each
            sentence.

    Example:

    >>> from keras_transformer import summaries
    >>> callback = summaries.SampleTranslations(
    ...     "logs",
    ...     [("the cat", "le chat")],
    ...     translate=lambda texts: [text.upper() for text in texts])

    Pass it to `model.fit(..., callbacks=[callback])`.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike,
        pairs: Sequence[tuple[str, str]],
        translate: Callable[[list[str]], list[str]],
        scores: Mapping[str, Callable[[str, str], float]] | None = None,
    ):
        super().__init__(log_dir)
        # Without this check, a string of two characters would count as a pair.
        has_string = any(isinstance(pair, str) for pair in pairs)
        self._pairs = [tuple(pair) for pair in pairs]
        lengths = {len(pair) for pair in self._pairs}
        if has_string or lengths != {2}:
            raise ValueError(
                "`pairs` must be a list of at least one (source, reference). "
                f"Received: pairs={pairs!r}. Give every sentence its "
                "reference, or leave the callback out."
            )
        self._translate = translate
        self._scores = dict(scores or {})
        self._unprinted: str | None = None

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        sources = [source for source, _ in self._pairs]
        translations = list(self._translate(sources))
        if len(translations) != len(sources):
            raise ValueError(
                "`translate` must return one translation per sentence, here "
                f"{len(sources)}. Received: {len(translations)} translations. "
                "Return an empty string where there is nothing to say."
            )
        samples = [
            (source, translation, reference)
            for (source, reference), translation in zip(
                self._pairs, translations, strict=True
            )
        ]
        with self.summaries():
            tf.summary.text("sample_translations", self._table(samples))
        self._unprinted = _listing(samples, epoch + 1)

    # Keras completes its progress bar after `on_epoch_end` of all other
    # callbacks. If `on_epoch_end` printed the samples, they would be inside the
    # bar. So the next two methods print the samples.

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        self._print()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._print()
        super().on_train_end(logs)

    def _table(self, samples):
        """Returns the samples as a table, each with its scores."""
        header = ["source", "translation", "reference", *self._scores]
        rows = [
            [*sample, *(f"{score(*sample[1:]):.1f}" for score in scores)]
            for scores in [self._scores.values()]
            for sample in samples
        ]
        return tables.table(header, rows)

    def _print(self) -> None:
        if self._unprinted is not None:
            # Characters that the terminal cannot show must not stop training.
            encoding = sys.stdout.encoding or "utf-8"
            text = self._unprinted.encode(encoding, "replace").decode(encoding)
            print(text, flush=True)
            self._unprinted = None


def _listing(samples: Sequence[tuple[str, str, str]], epoch: int) -> str:
    """Formats samples for the terminal, with three aligned lines each.

    >>> print(_listing([("the cat", "le chien", "le chat")], 3))
    Sample translations after epoch 3:
      source       the cat
      translation  le chien
      reference    le chat
    """
    names = ("source", "translation", "reference")
    blocks = (
        "\n".join(
            f"  {name:<11}  {' '.join(text.split())}".rstrip()
            for name, text in zip(names, sample, strict=True)
        )
        for sample in samples
    )
    return f"Sample translations after epoch {epoch}:\n" + "\n\n".join(blocks)
