"""Translates a test set and prints its scores as JSON.

    python -m tools.evaluate --model=runs/mine \\
        --source=test.en --reference=test.de

BLEU and chrF are sacreBLEU's, with their signatures. --model is a run
directory, several with commas between them, which translate together, or a
SavedModel.
"""

import json

from absl import app, flags

from keras_transformer import data, training, translation
from tools.model_flags import loading, settings
from trainers import program


def define_flags():
    """Defines the flags; a program of its own does, an import does not."""
    flags.DEFINE_list(
        "model", None, "Run directories or one SavedModel.", required=True
    )
    flags.DEFINE_list(
        "source", None, "Source files, globs or pipes.", required=True
    )
    flags.DEFINE_list(
        "reference", None, "Their translations, line by line.", required=True
    )
    flags.DEFINE_enum(
        "ensemble",
        None,
        ["probabilities", "log_probabilities"],
        "Mean of several models. Default: probabilities.",
    )
    flags.DEFINE_enum(
        "precision", None, ["float32", "bfloat16"], "Default: the run's."
    )
    flags.DEFINE_integer("beam_size", None, "Beam size. Default: the run's.")
    flags.DEFINE_float("length_penalty", None, "Alpha. Default: the run's.")
    flags.DEFINE_enum(
        "length_penalty_form",
        None,
        ["gnmt", "average", "none"],
        "Form of the length penalty. Default: the run's.",
    )
    flags.DEFINE_float("coverage_penalty", None, "Beta. Default: 0.")
    flags.DEFINE_integer("batch_size", 64, "Sentences translated together.")
    flags.DEFINE_boolean("lowercase", False, "Ignore case.")
    flags.DEFINE_string(
        "tokenize",
        None,
        "Tokenization of sacreBLEU, such as zh or char. Default: the run's, "
        "else 13a.",
    )


@program.main
def main():
    models = settings.from_flags(settings.ModelSettings, flags.FLAGS)
    search = settings.from_flags(settings.SearchSettings, flags.FLAGS)
    settings.check_sizes(batch_size=flags.FLAGS.batch_size)
    loading.check_models(models)
    tokenize = flags.FLAGS.tokenize or loading.tokenization(models)
    # Refused before the work that it is for.
    training.corpus_metrics(tokenize=tokenize)
    pairs = data.read_parallel(flags.FLAGS.source, flags.FLAGS.reference)
    answers = loading.load(models, search).hypotheses(
        [pair.source for pair in pairs], flags.FLAGS.batch_size
    )
    scores = translation.score_translations(
        [hypotheses[0].text for hypotheses in answers],
        [pair.target for pair in pairs],
        lowercase=flags.FLAGS.lowercase,
        tokenize=tokenize,
    )
    print(json.dumps({"sentences": len(pairs), **scores}, indent=2))


if __name__ == "__main__":
    define_flags()
    app.run(main)
