"""A callback that writes images and texts before the first training step."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
from matplotlib.figure import Figure

from keras_transformer.summaries import attention_images, summary_callback


class StaticSummaries(summary_callback.SummaryCallback):
    """A callback that writes images and texts before the first step.

    It writes nothing if the optimizer has made a step already, as in a training
    that continues from a checkpoint.

    Args:
        log_dir: the directory of the event file. It is made at the first write,
            if it does not exist.
        figures: a dict from a tag to a function without arguments that draws
            the figure of this tag.
        texts: a dict from a tag to the text of this tag, in Markdown.

    Example:

    >>> from keras_transformer import summaries
    >>> callback = summaries.StaticSummaries(
    ...     "logs/model", {}, {"architecture": "2 blocks"})

    Pass it to `model.fit(..., callbacks=[callback])`.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike,
        figures: Mapping[str, Callable[[], Figure]],
        texts: Mapping[str, str],
    ):
        super().__init__(log_dir)
        self._figures = figures
        self._texts = texts

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        if self.step() > 0:
            return
        images = {
            tag: attention_images.figure_to_image(draw())
            for tag, draw in self._figures.items()
        }
        with self.summaries():
            for tag, image in images.items():
                tf.summary.image(tag, image[None])
            for tag, text in self._texts.items():
                tf.summary.text(tag, text)
