"""A callback that computes BLEU and chrF on the development set."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from keras_transformer.summaries import summary_callback

_NAMES = ("bleu", "chrf")


class BleuCallback(summary_callback.SummaryCallback):
    """Callback that computes BLEU and chrF on the development set every epoch.

    The callback adds `val_bleu` and `val_chrf` to the logs of the epoch, for
    the progress bar and for callbacks after this one. It prints the two scores
    and the signature of BLEU. With `log_dir`, it writes the two scores for
    TensorBoard. There, the step of a score is the number of steps that the
    optimizer has made. The description of a score is its signature.

    Args:
        translate: a function that takes the sources, and returns their
            translations by the current weights.
        sources: the source sentences of the development set.
        references: the reference translation of each source.
        score: a function that takes translations and references, and returns a
            dict of `bleu`, `bleu_signature`, `chrf` and `chrf_signature`, such
            as `kt.translation.score_translations`.
        log_dir: the directory of the event file; `None` for no event file.

    Raises:
        ValueError: `sources` is empty or has another length than `references`;
            `sources` or `references` is a string instead of a list; or, during
            training, `translate` does not return one translation for each
            source.

    Example:

    >>> from keras_transformer import translation
    >>> texts = ["a b c d"]
    >>> callback = BleuCallback(
    ...     lambda texts: texts, texts, texts, translation.score_translations)
    >>> logs = {}
    >>> callback.on_epoch_end(0, logs)  # doctest: +ELLIPSIS
    <BLANKLINE>
    dev BLEU 100.00, chrF 100.00 (1 sentences, nrefs:1|case:mixed|...)
    >>> round(logs["val_bleu"]), round(logs["val_chrf"])
    (100, 100)
    """

    def __init__(
        self,
        translate: Callable[[Sequence[str]], Sequence[str]],
        sources: Sequence[str],
        references: Sequence[str],
        score: Callable[[Sequence[str], Sequence[str]], dict],
        log_dir: str | os.PathLike | None = None,
    ):
        super().__init__("" if log_dir is None else log_dir)
        for name, texts in (("sources", sources), ("references", references)):
            if isinstance(texts, str | bytes):
                raise ValueError(
                    f"`{name}` must be a list of sentences. Received: the one "
                    f"string {texts!r}. Put it into a list."
                )
        if not sources or len(sources) != len(references):
            raise ValueError(
                "BLEU needs one reference for each source. Received: "
                f"{len(sources)} sources, {len(references)} references."
            )
        self._translate = translate
        self._sources = sources
        self._references = references
        self._score = score
        self._writes_events = log_dir is not None

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        translations = list(self._translate(self._sources))
        if len(translations) != len(self._sources):
            raise ValueError(
                "`translate` must return one translation for each source, here "
                f"{len(self._sources)}. Received: {len(translations)}. Return "
                "an empty string where there is nothing to say."
            )
        scores = self._score(translations, self._references)
        if logs is not None:
            logs.update({f"val_{name}": scores[name] for name in _NAMES})
        print(
            f"\ndev BLEU {scores['bleu']:.2f}, chrF {scores['chrf']:.2f} "
            f"({len(self._sources)} sentences, {scores['bleu_signature']})",
            flush=True,
        )
        if self._writes_events:
            with self.summaries():
                for name in _NAMES:
                    tf.summary.scalar(
                        f"evaluation/{name}",
                        scores[name],
                        description=scores[f"{name}_signature"],
                    )
