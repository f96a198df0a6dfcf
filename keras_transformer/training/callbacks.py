"""Callbacks of a training run: what to measure, and when to stop."""

import math
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from keras_transformer.training import bleu


class BleuCallback(keras.callbacks.Callback):
    """BLEU and chrF of translations of the development set, every epoch.

    Puts `val_bleu` and `val_chrf` into the epoch's logs, so that the progress
    line and callbacks after this one show them; prints them with BLEU's
    signature; and writes them to TensorBoard, signatures as descriptions.

    Args:
        translate: function from source sentences to translations.
        sources: sentences to translate.
        references: their translations.
        log_dir: directory of the TensorBoard events; none if `None`.
        tokenize: a tokenization of sacreBLEU, for BLEU, such as that of
            `tokenization_of` the target language.

    Raises:
        ValueError: there are not as many references as sources, or none; one
            string instead of a list; an unknown tokenization, or one whose
            package is not installed; during training, if `translate` does not
            return one translation for each source.

    Example:

    >>> callback = BleuCallback(lambda texts: texts, ["a b c d"], ["a b c d"])
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
        log_dir=None,
        tokenize: str = bleu.DEFAULT_TOKENIZATION,
    ):
        super().__init__()
        bleu.check_texts(sources=sources)
        metrics = bleu.corpus_metrics(references, tokenize)
        if not sources or len(sources) != len(references):
            raise ValueError(
                "BLEU needs one reference for each source. Received: "
                f"{len(sources)} sources, {len(references)} references."
            )
        self._translate = translate
        self._sources = sources
        self._references = references
        self._metrics = dict(zip(("bleu", "chrf"), metrics, strict=True))
        self._log_dir = log_dir
        self._writer = None

    def on_epoch_end(self, epoch, logs=None):
        translations = list(self._translate(self._sources))
        if len(translations) != len(self._sources):
            raise ValueError(
                "`translate` must return one translation for each source, here "
                f"{len(self._sources)}. Received: {len(translations)}. Return "
                "an empty string where there is nothing to say."
            )
        references = [list(self._references)]
        scores = {
            name: metric.corpus_score(translations, references).score
            for name, metric in self._metrics.items()
        }
        # Known only when something was scored.
        signatures = {
            name: str(metric.get_signature())
            for name, metric in self._metrics.items()
        }
        if logs is not None:
            logs.update({f"val_{name}": s for name, s in scores.items()})
        print(
            f"\ndev BLEU {scores['bleu']:.2f}, chrF {scores['chrf']:.2f} "
            f"({len(self._sources)} sentences, {signatures['bleu']})",
            flush=True,
        )
        if self._log_dir is not None:
            self._write(scores, signatures)

    def on_train_end(self, logs=None):
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write(self, scores, signatures):
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self._log_dir))
        step = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
        # Keras's TensorBoard callback may have switched all summaries off.
        with self._writer.as_default(), tf.summary.record_if(True):
            for name, score in scores.items():
                tf.summary.scalar(
                    name, score, step, description=signatures[name]
                )
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
