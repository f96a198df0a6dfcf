"""Makes callbacks that count batches, save checkpoints and write scores."""

import time

import keras
import tensorflow as tf

import keras_transformer as kt
from trainers import components, dashboards, evaluations, training_progress

# Each evaluation translates at most this many development sentences, by greedy
# search.
_DEV_SENTENCES = 500
# Every checkpoint has `_COUNTERS`. Training reads pairs in windows, see
# `kt.data.PairWindows`. If the windows may differ in their number of batches,
# every checkpoint also has `_BOOKMARK`. A bookmark tells which window has the
# next batch, and how many batches and target tokens come before this window.
_COUNTERS = ("train_seconds", "batches")
_BOOKMARK = tuple(f"bookmark_{name}" for name in kt.data.Bookmark._fields)


def counters(batches: kt.data.TokenBatches) -> tuple[str, ...]:
    """Returns the names of the counters that the checkpoints of a run need.

    Args:
        batches: the batches that the run trains on.
    """
    return (*_COUNTERS, *(_BOOKMARK if batches.needs_bookmarks else ()))


def use_bookmark(
    counters: dict[str, tf.Variable], batches: kt.data.TokenBatches
) -> None:
    """Passes the bookmark of a restored checkpoint to the batches.

    The bookmark has the number of the window of the next batch, and the numbers
    of batches and target tokens before this window. Without a bookmark among
    the counters, nothing is done.

    Args:
        counters: the counters of the checkpoints, after they were restored.
        batches: the batches that the run trains on.
    """
    if set(_BOOKMARK) <= set(counters):
        batches.use_bookmark(
            kt.data.Bookmark(
                *(int(counters[name].numpy()) for name in _BOOKMARK)
            )
        )


class Progress(keras.callbacks.Callback):
    """Callback that counts batches and seconds, and saves checkpoints.

    It saves a checkpoint at the end of each epoch of `fit`, which is an
    evaluation interval. It stops training after the last batch of the run.

    Args:
        checkpoints: the checkpoints, with the counters of the function
            `counters`.
        batches: the batches that the run trains on.
        num_batches: number of batches after which training ends.
    """

    def __init__(
        self,
        checkpoints: kt.training.TrainingCheckpoints,
        batches: kt.data.TokenBatches,
        num_batches: int,
    ) -> None:
        super().__init__()
        self._checkpoints = checkpoints
        self._batches = batches
        self._num_batches = num_batches
        self._batches_before = 0
        self._last_batch_ended = None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        # `epoch` does not tell how many batches were trained, because a run
        # that is made longer may begin its first epoch in the middle of an
        # evaluation interval.
        self._batches_before = int(
            self._checkpoints.counters["batches"].numpy()
        )
        self._last_batch_ended = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        now = time.perf_counter()
        counters = self._checkpoints.counters
        counters["train_seconds"].assign_add(now - self._last_batch_ended)
        self._last_batch_ended = now
        trained_batches = self._batches_before + batch + 1
        counters["batches"].assign(trained_batches)
        if trained_batches >= self._num_batches:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        counters = self._checkpoints.counters
        if set(_BOOKMARK) <= set(counters):
            bookmark = self._batches.bookmark(int(counters["batches"].numpy()))
            for name, number in zip(_BOOKMARK, bookmark, strict=True):
                counters[name].assign(number)
        self._checkpoints.save()


def callbacks(
    run: components.Components,
    progress: training_progress.TrainingProgress | None,
) -> list[keras.callbacks.Callback]:
    """Returns the callbacks of this process for `fit`.

    Only the chief evaluates translations and writes to TensorBoard.

    Args:
        run: the components of the run.
        progress: the callback with which the chief shows the progress; `None`
            in other workers. The result does not contain this callback, because
            the caller must put it at the end of all callbacks.
    """
    evaluating = _chief_callbacks(run, progress) if run.is_chief else []
    stop_early = []
    if run.settings.patience is not None:
        stop_early = [evaluations.StopEarly(run.strategy, run.evaluations)]
    return [
        kt.training.StopOnNaN(),
        # This callback adds operations to the graph of the train step. All
        # workers must run the same graph, so all have this callback.
        kt.training.GradientNorms(),
        *evaluating,
        # The callbacks above write the scores and the summaries of a step. Then
        # `Progress` saves the checkpoint of this step. In the other order, a
        # run that stops between them would continue from a step without scores.
        Progress(run.checkpoints, run.train_batches, run.settings.steps),
        *stop_early,
    ]


def _chief_callbacks(run, progress):
    """Returns the callbacks that evaluate the model or write to TensorBoard."""
    translator = kt.Translator(
        run.model,
        run.tokenizers.source,
        kt.search.GreedySearch(),
        target_tokenizer=run.tokenizers.target,
        # A TPU can run only graphs that XLA compiles.
        jit_compile=isinstance(run.strategy, tf.distribute.TPUStrategy),
    )
    dev = [pair for pair in run.corpora.dev if not pair.has_blank_side()]
    dev = dev[:_DEV_SENTENCES]
    return [
        kt.summaries.BleuCallback(
            translator.translate,
            [pair.source for pair in dev],
            [pair.target for pair in dev],
            score=lambda translations, references: (
                kt.translation.score_translations(
                    translations, references, tokenize=run.settings.tokenize
                )
            ),
            log_dir=run.directory.logs / "bleu",
        ),
        evaluations.RecordEvaluation(
            run.evaluations, lambda: run.checkpoints.step
        ),
        *dashboards.callbacks(run, translator, dev, progress),
    ]
