"""A callback that writes traces of fixed sentences for TensorBoard."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from keras_transformer.summaries import summary_callback, trace_summary

# The maximum number of sentences that a `Traces` callback traces, and the
# maximum number of characters of a sentence.
MOST_SENTENCES = 16
MOST_CHARACTERS = 400


class Traces(summary_callback.SummaryCallback):
    """Callback that writes traces of fixed sentences every epoch.

    A trace has the tokens of a sentence and of its translation, the attention
    weights of all heads, and the most probable tokens of each step of the
    decoder. The tab "Transformer" of TensorBoard draws the traces, with a
    slider that goes through the steps of training. A new model is also traced
    before its first step. Each sentence has one tag: `traces/sentence_1` and so
    on.

    TensorBoard follows only the newest event file of a directory. So give this
    callback its own directory, such as `logs/traces`. If several workers train,
    only the chief should have the callback.

    If the model's output is NaN, or the file cannot be written, a warning says
    so once. Then no more traces are written, and training goes on.

    Args:
        log_dir: the directory of the event file. The first write creates it.
        texts: 1 to 16 source sentences of at most 400 characters, none blank.
        trace: a function from a list of sentences to the list of their traces
            with the current weights, such as `kt.interpretation.Tracer`.

    Raises:
        ValueError: there are no sentences or too many, one is blank or too
            long, or `texts` is a string instead of a list; during training:
            `trace` does not return one trace for each sentence.

    Example:

    >>> import keras_transformer as kt
    >>> tokenizer = kt.Tokenizer(
    ...     kt.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True))
    >>> config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 16)
    >>> translator = kt.Translator(kt.build_transformer(config), tokenizer)
    >>> callback = kt.summaries.Traces(
    ...     "logs/traces", ["a cat"], kt.interpretation.Tracer(translator))

    Pass it to `model.fit(..., callbacks=[callback])`. In a training loop of
    your own, call `write_trace`.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike,
        texts: Sequence[str],
        trace: Callable[[list[str]], Sequence[trace_summary.TraceLike]],
    ):
        super().__init__(log_dir)
        check_sentences("texts", texts)
        self._texts = list(texts)
        self._trace = trace

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        if self.step() == 0:
            self._write()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        self._write()

    def _write(self):
        if self._has_failed:
            return
        try:
            traces = list(self._trace(self._texts))
        except ArithmeticError as error:
            self.give_up(error)
            return
        if len(traces) != len(self._texts):
            raise ValueError(
                "`trace` must return one trace per sentence, here "
                f"{len(self._texts)}. Received: {len(traces)} traces. Return "
                "the result of `kt.interpretation.Tracer`."
            )
        with self.summaries():
            for number, trace in enumerate(traces, start=1):
                trace_summary.write_trace(f"traces/sentence_{number}", trace)


def check_sentences(name: str, texts: Sequence[str]) -> None:
    """Checks sentences that are to be traced at each evaluation.

    Args:
        name: the name of the argument or flag, for error messages.
        texts: 1 to 16 sentences of at most 400 characters, none blank.

    Raises:
        ValueError: there are no sentences or too many, one is blank or too
            long, or `texts` is a string instead of a list.
    """
    if isinstance(texts, str) or not 0 < len(texts) <= MOST_SENTENCES:
        raise ValueError(
            f"`{name}` must be a list of 1 to {MOST_SENTENCES} sentences. "
            f"Received: {texts!r:.200}. Each costs time at every evaluation: "
            "choose a few."
        )
    for text in texts:
        if not text.strip() or len(text) > MOST_CHARACTERS:
            raise ValueError(
                f"`{name}` must be sentences of 1 to {MOST_CHARACTERS} "
                f"characters. Received: {text!r:.100}, with {len(text)} "
                "characters. Leave it out, or shorten it."
            )
