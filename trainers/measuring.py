"""What is measured while a run trains, and what shows it."""

import time

import keras
import tensorflow as tf

import keras_transformer as kt
from trainers import parts

# Development sentences translated at every evaluation, by greedy search.
_DEV_SENTENCES = 500
# The two translations of The Illustrated Transformer.
_ARTICLE = (
    kt.data.SentencePair("I am a student.", "Je suis étudiant."),
    kt.data.SentencePair("Thanks.", "Merci."),
)
# Its sentence about attention, and the one that differs in what "it" refers to.
_ILLUSTRATED = (
    "The animal didn't cross the street because it was too tired.",
    "The animal didn't cross the street because it was too wide.",
)


class Progress(keras.callbacks.Callback):
    """Counts batches and seconds, saves checkpoints, ends the run.

    Args:
        checkpoints: `TrainingCheckpoints` with the counters `train_seconds`
            and `batches`.
        batches: after which training ends.
    """

    def __init__(self, checkpoints, batches: int):
        super().__init__()
        self._checkpoints = checkpoints
        self._batches = batches
        self._batches_before = 0
        self._last_batch_ended = None

    def on_epoch_begin(self, epoch, logs=None):
        # An epoch may begin between two evaluations, where a run had ended.
        self._batches_before = int(
            self._checkpoints.counters["batches"].numpy()
        )
        self._last_batch_ended = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        counters = self._checkpoints.counters
        counters["train_seconds"].assign_add(now - self._last_batch_ended)
        self._last_batch_ended = now
        batches = self._batches_before + batch + 1
        counters["batches"].assign(batches)
        if batches >= self._batches:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        self._checkpoints.save()


def callbacks(run: parts.Parts) -> list:
    """The callbacks of a run: of every process, and of the one that writes."""
    of_all = [
        kt.training.StopOnNaN(),
        Progress(run.checkpoints, run.settings.steps),
    ]
    return [*of_all, *_views(run)] if run.is_chief else of_all


def _views(run):
    """What shows the model as it trains."""
    translator = kt.Translator(
        run.model,
        run.tokenizers.source,
        kt.search.GreedySearch(),
        target_tokenizer=run.tokenizers.target,
        # A TPU runs nothing but static graphs.
        jit_compile=isinstance(run.strategy, tf.distribute.TPUStrategy),
    )
    dev = [pair for pair in run.corpora.dev if not pair.has_blank_side()]
    dev = dev[:_DEV_SENTENCES]
    is_built_in = run.settings.is_built_in
    logs = run.directory.logs
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
            log_dir=logs / "bleu",
        ),
        kt.summaries.SampleTranslations(
            logs / "translations",
            [*(_ARTICLE if is_built_in else ()), *dev[:3]],
            translator.translate,
        ),
        kt.summaries.AttentionImages(
            logs / "attention",
            list(_ILLUSTRATED) if is_built_in else [dev[0].source],
            lambda text: kt.translation.explain(translator, text),
        ),
        keras.callbacks.TensorBoard(logs, write_graph=False),
    ]
