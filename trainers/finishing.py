"""What a run leaves at its end: the model, its scores, the SavedModel."""

import logging

import keras

import keras_transformer as kt
from trainers import next_commands, parts

_LOG = logging.getLogger(__name__)


def finish(run: parts.Parts) -> dict:
    """Averages, evaluates, exports and says what to do next.

    `metrics.json` is written last: where it is, the run is complete.

    Returns:
        The metrics.
    """
    final = _final_model(run)
    run.directory.replace_model(final.save)
    translator = kt.Translator(
        final,
        run.tokenizers.source,
        kt.runs.run_search(run.directory.path),
        target_tokenizer=run.tokenizers.target,
    )
    seconds = float(run.checkpoints.counters["train_seconds"].numpy())
    tokens = run.train_batches.count_target_tokens(run.batches)
    metrics = {
        "parameters": final.count_params(),
        "steps": run.checkpoints.step,
        "train_seconds": seconds,
        "target_tokens_per_second": tokens / seconds,
        **_scores(translator, run),
    }
    _export(run, translator)
    run.directory.write_metrics(metrics)
    next_commands.print_them(run.directory, metrics, run.corpora)
    return metrics


def repeat(directory: kt.runs.RunDirectory, corpora) -> None:
    """Says again what a run that is complete said at its end."""
    _LOG.info("This run is complete already.")
    next_commands.print_them(directory, directory.read_metrics(), corpora)


def _final_model(run):
    """The averaged weights in a float32 model, on no strategy's devices."""
    if run.settings.ema_momentum is not None:
        run.model.optimizer.finalize_variable_values(
            run.model.trainable_variables
        )
        _LOG.info("The final weights are their moving average.")
    else:
        count = run.checkpoints.load_average()
        _LOG.info("Averaged the last %d checkpoints.", count)
    final = kt.build_transformer(run.architecture, dtype="float32")
    final.set_weights(run.model.get_weights())
    final.compile(
        loss=run.model.loss,
        weighted_metrics=[
            keras.metrics.SparseCategoricalAccuracy(name="token_accuracy")
        ],
    )
    return final


def _scores(translator, run) -> dict:
    """Scores of the dev set, and of what else the corpus has."""
    corpora = run.corpora
    scores = {"dev": _scores_of(translator, corpora.dev, run.settings)}
    if corpora.test:
        scores["test"] = _scores_of(translator, corpora.test, run.settings)
    if corpora.contrast:
        scores["referent_accuracy"] = kt.data.referent_accuracy(
            corpora.contrast,
            translator.translate([e.source for e in corpora.contrast]),
        )
    return scores


def _scores_of(translator, pairs, settings) -> dict:
    """How good translations of the pairs are, and the loss of the targets."""
    encoded = kt.data.encode_pairs(
        pairs,
        translator.tokenizer,
        settings.max_length,
        translator.target_tokenizer,
    )
    batches = kt.data.TokenBatches(
        encoded,
        settings.tokens_per_batch,
        settings.max_length,
        start_id=translator.model.start_id,
    )
    loss = translator.model.evaluate(
        batches.evaluation_dataset(), return_dict=True, verbose=0
    )
    pairs = [pair for pair in pairs if not pair.has_blank_side()]
    scores = kt.translation.score_translations(
        translator.translate([pair.source for pair in pairs]),
        [pair.target for pair in pairs],
        tokenize=settings.tokenize,
    )
    return {**scores, **loss}


def _export(run, translator):
    """Writes the SavedModel and checks what it translates."""

    def save(path):
        kt.export.save(translator, path)
        texts = [pair.source for pair in run.corpora.dev[:20]]
        kt.export.check(path, translator, texts)

    # Also where one is: it may be of a shorter run.
    run.directory.replace_saved_model(save)
