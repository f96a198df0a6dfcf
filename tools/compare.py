"""Compares two sets of translations, or two models, and prints JSON.

    python -m tools.compare --first=runs/one --second=runs/two \\
        --source=test.en --reference=test.de

--first and --second are each a file of translations, a run directory, or a
SavedModel. --first=a,b gives two files, which are read one after another, or
two run directories, which translate as an ensemble. For BLEU, chrF and TER the
program prints the score of each set of translations, and the results of
sacreBLEU's paired bootstrap and paired approximate randomization with their
signatures. It also prints the sentences whose chrF differs most.
"""

import dataclasses
import json
import pathlib

import keras_transformer as kt
from keras_transformer import data, translation
from keras_transformer.translation import results
from tools.model_flags import loading, settings
from trainers import program
from trainers.settings_flags import setting


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The flags of the translations, the scores and the significance tests."""

    first: list[str] = setting("Translations or models: the baseline.")
    second: list[str] = setting("Translations or models to compare with it.")
    reference: list[str] = setting("Correct translations, line by line.")
    source: list[str] = setting(
        "Source files; models need them, and differences show them.", []
    )
    lowercase: bool = setting("Ignore case.", False)
    tokenize: str | None = setting(
        "Tokenization of sacreBLEU, such as none for tokenized files. "
        "Default: that of the run, else 13a.",
        None,
    )
    samples: int = setting("Resamples of the bootstrap.", 1000, least=1)
    trials: int = setting("Trials of the randomization.", 10000, least=1)
    differences: int = setting("Number of sentences to print.", 10, least=0)


@program.main(Comparison, settings.BatchSettings)
def main(comparison, batches):
    systems = {"first": comparison.first, "second": comparison.second}
    for name, paths in systems.items():
        if _is_model(paths) and not comparison.source:
            raise ValueError(
                f"A model needs text to translate. Received: --{name}="
                f"{','.join(paths)} without --source. Give --source."
            )
    tokenize = comparison.tokenize or _tokenization(systems.values())
    # An unknown tokenization raises an error here, before the translation.
    translation.corpus_metrics(tokenize=tokenize)
    references = _lines(comparison.reference)
    sources = _lines(comparison.source) if comparison.source else None
    if sources is not None and len(sources) != len(references):
        raise ValueError(
            "--source and --reference belong together, line by line. Received: "
            f"{len(sources)} and {len(references)} lines."
        )
    first, second = (
        _translations(paths, sources, batches.batch_size)
        for paths in systems.values()
    )
    scores = kt.translation.compare_translations(
        first,
        second,
        references,
        comparison.lowercase,
        tokenize,
        comparison.samples,
        comparison.trials,
    )
    differences = kt.translation.largest_differences(
        first, second, references, comparison.differences
    )
    shown = [
        {
            "line": each.number + 1,
            **({"source": sources[each.number]} if sources else {}),
            "reference": references[each.number],
            "first": first[each.number],
            "second": second[each.number],
            "chrf": each.chrf,
        }
        for each in differences
    ]
    result = {"sentences": len(references), **scores, "differences": shown}
    print(json.dumps(result, indent=2, ensure_ascii=False))


def _is_model(paths):
    return any(pathlib.Path(path).is_dir() for path in paths)


def _tokenization(systems):
    """Returns the tokenization with which sacreBLEU scores the translations.

    It is a setting of the run of `--first`, or of the run of `--second` if
    `--first` is not a run. If neither is a run, the result is "13a".

    Args:
        systems: the values of `--first` and `--second`.
    """
    for paths in systems:
        if _is_model(paths) and not loading.is_saved_model(paths[0]):
            return loading.tokenization(settings.ModelSettings(paths))
    return translation.tokenization_of(None)


def _lines(files):
    return [
        line
        for path in data.files.expand(files)
        for line in data.read_lines(path)
    ]


def _translations(paths, sources, batch_size):
    """Returns the lines of files, or the translations of sources by models."""
    if not _is_model(paths):
        return _lines(paths)
    models = settings.ModelSettings(paths)
    model = loading.load(models, settings.SearchSettings())
    return [
        results.best_of(hypotheses).text
        for hypotheses in model.hypotheses(sources, batch_size)
    ]


if __name__ == "__main__":
    main.run()
