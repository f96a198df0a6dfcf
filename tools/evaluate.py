"""Translates a test set, and prints the scores of the translations as JSON.

    python -m tools.evaluate --model=runs/mine \\
        --source=test.en --reference=test.de

The scores are sacreBLEU's BLEU and chrF, with their signatures, and
`exact_match`, the share of translations that equal their reference. The program
also prints the number of sentences. --model is a run directory, a
comma-separated list of run directories that translate as an ensemble, or a
SavedModel.
"""

import dataclasses
import json

from keras_transformer import data, translation
from keras_transformer.translation import results
from tools.model_flags import loading, settings
from trainers import program
from trainers.settings_flags import only, setting


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The flags of the test set and of the scores."""

    source: list[str] = setting("Source files, globs or pipes.")
    reference: list[str] = setting("Their translations, line by line.")
    lowercase: bool = setting("Ignore case.", False)
    tokenize: str | None = setting(
        "Tokenization of sacreBLEU, such as zh or char. Default: the run's, "
        "else 13a.",
        None,
    )


@program.main(
    only(settings.ModelSettings, "model", "ensemble", "precision"),
    only(
        settings.SearchSettings,
        "beam_size",
        "length_penalty",
        "length_penalty_form",
        "coverage_penalty",
        "minimum_risk",
    ),
    settings.BatchSettings,
    Evaluation,
)
def main(models, search, batches, evaluation):
    loading.check_models(models)
    tokenize = evaluation.tokenize or loading.tokenization(models)
    # An unknown tokenization raises an error here, before the translation.
    translation.corpus_metrics(tokenize=tokenize)
    pairs = data.read_parallel(evaluation.source, evaluation.reference)
    answers = loading.load(models, search).hypotheses(
        [pair.source for pair in pairs], batches.batch_size
    )
    scores = translation.score_translations(
        [results.best_of(hypotheses).text for hypotheses in answers],
        [pair.target for pair in pairs],
        lowercase=evaluation.lowercase,
        tokenize=tokenize,
    )
    print(json.dumps({"sentences": len(pairs), **scores}, indent=2))


if __name__ == "__main__":
    main.run()
