"""Callbacks of a training run: what to measure, and when to stop."""

import math
from collections.abc import Callable, Sequence

import keras
import sacrebleu
import tensorflow as tf


class BleuCallback(keras.callbacks.Callback):
    """BLEU of real translations of the development set, every epoch.

    Puts `val_bleu` into the epoch's logs, so that the progress line and
    callbacks after this one show it; prints it with sacreBLEU's signature;
    and writes it to TensorBoard, the signature as its description.

    Args:
        translate: function from source sentences to translations.
        sources: sentences to translate.
        references: their translations.
        log_dir: directory of the TensorBoard events; none if `None`.

    Raises:
        ValueError: there are not as many references as sources, or none.

    Example:

    >>> callback = BleuCallback(lambda texts: texts, ["a b c d"], ["a b c d"])
    >>> logs = {}
    >>> callback.on_epoch_end(0, logs)  # doctest: +ELLIPSIS
    <BLANKLINE>
    dev BLEU 100.00 (1 sentences, nrefs:1|case:mixed|...)
    >>> round(logs["val_bleu"])
    100
    """

    def __init__(
        self,
        translate: Callable[[Sequence[str]], Sequence[str]],
        sources: Sequence[str],
        references: Sequence[str],
        log_dir=None,
    ):
        super().__init__()
        if not sources or len(sources) != len(references):
            raise ValueError(
                "BLEU needs one reference for each source. Received: "
                f"{len(sources)} sources, {len(references)} references."
            )
        self._translate = translate
        self._sources = sources
        self._references = references
        self._log_dir = log_dir
        self._writer = None

    def on_epoch_end(self, epoch, logs=None):
        metric = sacrebleu.BLEU()
        bleu = metric.corpus_score(
            list(self._translate(self._sources)), [list(self._references)]
        ).score
        signature = str(metric.get_signature())
        logs["val_bleu"] = bleu
        print(
            f"\ndev BLEU {bleu:.2f} ({len(self._sources)} sentences, "
            f"{signature})",
            flush=True,
        )
        if self._log_dir is not None:
            self._write(bleu, signature)

    def on_train_end(self, logs=None):
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write(self, bleu, signature):
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self._log_dir))
        step = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
        # Keras's TensorBoard callback may have switched all summaries off.
        with self._writer.as_default(), tf.summary.record_if(True):
            tf.summary.scalar("bleu", bleu, step, description=signature)
        self._writer.flush()


class StopOnNaN(keras.callbacks.Callback):
    """Ends training with an error as soon as the loss is not a number.

    Put it before whatever saves checkpoints: the last good one then stays.

    Raises:
        FloatingPointError: at the end of the step that gave such a loss.
    """

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            step = int(
                keras.ops.convert_to_numpy(self.model.optimizer.iterations)
            )
            raise FloatingPointError(
                f"The training loss became {loss} at step {step}. The last "
                "checkpoint before it was kept. Use a lower learning rate, "
                "more warm-up steps or float32, and a new output directory."
            )
