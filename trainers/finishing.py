"""Writes the final files of a run: the model, the scores and the SavedModel.

A run with the built-in corpus also gets the explorer's page.
"""

import dataclasses
import logging

import keras_transformer as kt
from trainers import components, next_commands
from trainers import corpora as run_corpora

_LOG = logging.getLogger(__name__)


def finish(run: components.Components) -> dict:
    """Makes, evaluates and exports the final model; prints the scores.

    Only the chief calls this function. `metrics.json` is written last, because
    a run with this file counts as complete.

    Args:
        run: the components of a run that was trained to its end.

    Returns:
        The metrics, as in `metrics.json`.
    """
    final, steps = _final_model(run)
    run.directory.replace_model(final.save)
    translator = kt.Translator(
        final,
        run.tokenizers.source,
        kt.runs.run_search(run.directory.path),
        target_tokenizer=run.tokenizers.target,
        lengths=kt.runs.run_lengths(run.directory.path),
    )
    seconds = float(run.checkpoints.counters["train_seconds"].numpy())
    tokens = run.train_batches.count_target_tokens(run.trained_batches)
    metrics = {
        "parameters": final.count_params(),
        "steps": run.checkpoints.step,
        "selection": {
            "by": run.settings.select_by,
            "averaged_steps": steps,
            "ended_early": run.trained_batches < run.settings.steps,
        },
        "train_seconds": seconds,
        "target_tokens_per_second": tokens / seconds,
        **_scores(translator, run),
    }
    _export(run, translator)
    if run.corpora.contrast:
        # The page opens with two sentences of the built-in corpus, so only runs
        # with this corpus get a page. The page shows how a beam search ranks
        # hypotheses by their scores. Minimum risk would sort the hypotheses
        # by expected BLEU, so the search of the page does not use it.
        search = dataclasses.replace(translator.search, minimum_risk=0)
        kt.explorer.save_page(
            run.directory.page, translator.with_search(search)
        )
    run.directory.write_metrics(metrics)
    next_commands.print_summary(run.directory, metrics, run.corpora)
    return metrics


def print_again(
    directory: kt.runs.RunDirectory, corpora: run_corpora.Corpora
) -> None:
    """Prints the scores and the next commands of a complete run again.

    Args:
        directory: the directory of the run.
        corpora: the data sets of the run.
    """
    _LOG.info("This run is complete already.")
    next_commands.print_summary(directory, directory.read_metrics(), corpora)


def _final_model(run):
    """Returns the final float32 model, and the steps that it comes from.

    The weights of the model are the mean of the checkpoints of these steps, or
    the moving average of the weights at the last step.
    """
    steps, by = None, run.settings.select_by
    if by != "last":
        steps = run.evaluations.best(run.settings.average_checkpoints)
    if run.settings.ema_momentum is not None:
        run.model.optimizer.finalize_variable_values(
            run.model.trainable_variables
        )
        steps = [run.checkpoints.step]
        _LOG.info("The final weights are the moving average of the weights.")
    else:
        last = run.checkpoints.step
        steps = run.checkpoints.load_average(steps=steps)
        _LOG.info(
            "Averaged the %s %d checkpoints, of the steps %s; the run ended "
            "after step %d.",
            by if by == "last" else f"best by {by},",
            len(steps),
            ", ".join(map(str, steps)),
            last,
        )
    final = kt.build_transformer(run.architecture, dtype="float32")
    final.set_weights(run.model.get_weights())
    final.compile(
        loss=run.model.loss,
        weighted_metrics=[kt.training.TokenAccuracy()],
    )
    return final, steps


def _scores(translator, run):
    """Returns the scores of all data sets except the training set."""
    corpora = run.corpora
    scores = {"dev": _evaluate(translator, corpora.dev, run.settings)}
    if corpora.test:
        scores["test"] = _evaluate(translator, corpora.test, run.settings)
    if corpora.contrast:
        scores["referent_accuracy"] = kt.data.referent_accuracy(
            corpora.contrast,
            translator.translate(
                [example.source for example in corpora.contrast]
            ),
        )
    return scores


def _evaluate(translator, pairs, settings):
    """Returns the scores of translations, and the loss and token accuracy."""
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
        packed=settings.packed,
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
    """Writes the SavedModel and compares its translations with the model's."""

    def save(path):
        texts = [pair.source for pair in run.corpora.dev[:20]]
        kt.export.save(
            translator,
            path,
            warm_up=texts[:8] or ["Hello."],
            run=kt.runs.describe_run(run.directory.path),
        )
        kt.export.check(path, translator, texts)

    # If the run was made longer, it already has a SavedModel of fewer steps.
    # So an existing SavedModel is replaced.
    run.directory.replace_saved_model(save)
