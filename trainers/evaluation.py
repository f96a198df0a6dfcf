"""What is measured while a run trains, and what it leaves at its end."""

import json
import logging
import os
import sys
import time

import keras

import keras_transformer as kt
from trainers import run_directory

_LOG = logging.getLogger(__name__)


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


def finish(
    directory: run_directory.RunDirectory,
    *,
    settings,
    architecture,
    corpora,
    tokenizers,
    model,
    checkpoints,
    dev_batches,
    train_batches,
) -> dict:
    """Averages, evaluates, exports and says what to do next.

    `metrics.json` is written last: where it is, the run is complete.

    Returns:
        The metrics.
    """
    if settings.ema_momentum is not None:
        model.optimizer.finalize_variable_values(model.trainable_variables)
        _LOG.info("The final weights are their moving average.")
    else:
        count = checkpoints.load_average()
        _LOG.info("Averaged the last %d checkpoints.", count)
    # For use the weights are float32, and on no strategy's devices.
    final = kt.build_transformer(architecture, dtype="float32")
    final.set_weights(model.get_weights())
    temporary = directory.model.with_name("unfinished.keras")
    final.save(temporary)
    os.replace(temporary, directory.model)

    translator = kt.Translator(
        final,
        tokenizers.source,
        kt.translation.run_search(directory.path),
        target_tokenizer=tokenizers.target,
    )
    seconds = float(checkpoints.counters["train_seconds"].numpy())
    tokens = train_batches.count_target_tokens(
        int(checkpoints.counters["batches"].numpy())
    )
    metrics = {
        "parameters": final.count_params(),
        "steps": checkpoints.step,
        "train_seconds": seconds,
        "target_tokens_per_second": tokens / seconds,
        "dev": _scores(translator, corpora.dev, settings.tokenize),
    }
    final.compile(
        loss=model.loss,
        weighted_metrics=[
            keras.metrics.SparseCategoricalAccuracy(name="token_accuracy")
        ],
    )
    metrics["dev"] |= final.evaluate(
        dev_batches.evaluation_dataset(), return_dict=True, verbose=0
    )
    if corpora.test:
        metrics["test"] = _scores(translator, corpora.test, settings.tokenize)
        encoded = kt.data.encode_pairs(
            corpora.test,
            tokenizers.source,
            settings.max_length,
            tokenizers.target,
        )
        test_batches = kt.data.TokenBatches(
            encoded,
            settings.tokens_per_batch,
            settings.max_length,
            start_id=architecture.start_id,
        )
        metrics["test"] |= final.evaluate(
            test_batches.evaluation_dataset(), return_dict=True, verbose=0
        )
    if corpora.contrast:
        metrics["referent_accuracy"] = kt.data.referent_accuracy(
            corpora.contrast,
            translator.translate([e.source for e in corpora.contrast]),
        )

    def save(path):
        kt.export.save(translator, path)
        texts = [pair.source for pair in corpora.dev[:20]]
        kt.export.check(path, translator, texts)

    # Also where one is: it may be of a shorter run.
    directory.replace_saved_model(save)
    run_directory.write_json(directory.metrics, metrics)
    print_next_commands(directory, metrics, corpora)
    return metrics


def repeat(directory: run_directory.RunDirectory, corpora) -> None:
    """Says again what a run that is complete said at its end."""
    _LOG.info("This run is complete already.")
    metrics = json.loads(directory.metrics.read_text(encoding="utf-8"))
    print_next_commands(directory, metrics, corpora)


def print_next_commands(directory, metrics: dict, corpora) -> None:
    """Prints the scores, and the commands a user may want now."""
    for name in ("dev", "test"):
        if name in metrics:
            scores = metrics[name]
            print(
                f"{name}: BLEU {scores['bleu']:.2f} "
                f"({scores['bleu_signature']}), chrF {scores['chrf']:.2f}, "
                f"exact match {scores['exact_match']:.3f}"
            )
    if "referent_accuracy" in metrics:
        print(f"referent accuracy: {metrics['referent_accuracy']:.3f}")
    text = corpora.contrast[0].source if corpora.contrast else "Your sentence."
    # The interpreter that runs this has all that the commands need.
    inside = sys.executable.startswith(os.getcwd() + os.sep)
    python = os.path.relpath(sys.executable) if inside else sys.executable
    print(f"""
All of it is in {directory.path}. Next:

see the attention
  {python} -m tensorboard.main --logdir={directory.logs} \\
      --samples_per_plugin=images=100
translate a line
  echo "{text}" | \\
      {python} -m tools.translate --model={directory.path}
score a test set
  {python} -m tools.evaluate --model={directory.path} \\
      --source=FILE --reference=FILE
serve {directory.saved_model.parent} with TensorFlow Serving, or export it anew
  {python} -m tools.export_saved_model --model={directory.path} \\
      --output_dir=DIRECTORY
train on your own files
  {python} -m trainers.train_translation --output_dir=DIRECTORY \\
      --train_source=FILE --train_target=FILE""")


def _scores(translator, pairs, tokenize) -> dict:
    pairs = [p for p in pairs if p.source.strip() and p.target.strip()]
    return kt.translation.score_translations(
        translator.translate([pair.source for pair in pairs]),
        [pair.target for pair in pairs],
        tokenize=tokenize,
    )
