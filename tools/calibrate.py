"""Learns the calibration of the confidence of a run, and tests it.

    python -m tools.calibrate --model=runs/mine \\
        --source=dev.en --reference=dev.de

The program translates a development set. From one half of the sentences (the
first, the third, and so on) it learns two curves. The first curve maps the
log-probability of a word to the probability that the word is right. A word is
right if it is in a longest common subsequence of translation and reference. The
second curve maps the mean log-probability of a translation's tokens to the
share of right words in the translation. From the same half the program also
learns how long references usually are, compared with their sources. On the
other half the program tests the calibration: it prints the reliability diagram,
the expected calibration error, BLEU for four groups of sentences from the
highest to the lowest confidence, the number of translations with a loop (a
repeated part), and the number of translations of unusual length. It writes
`confidence.json` into the directory of the run. `tools.translate` (with
--confidence or --repair), `tools.explore` and `tools.export_saved_model` read
this file. See docs/confidence.md.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from keras_transformer import data, runs, translation
from keras_transformer.translation import results
from tools.model_flags import settings
from trainers import program
from trainers.settings_flags import only, setting

# The sentences are sorted by confidence and split into this number of groups.
# BLEU is printed for each group.
_PARTS = 4
_LEAST_PAIRS = 40


@dataclasses.dataclass(frozen=True)
class DevelopmentSet:
    """The flags that name the run and the development set."""

    model: str = setting("Run directory.")
    source: list[str] = setting("Source files or globs.")
    reference: list[str] = setting("Their translations, line by line.")


@program.main(DevelopmentSet, only(settings.BatchSettings, "batch_size"))
def main(development, batches):
    pairs = read_pairs(development.source, development.reference)
    translator = runs.load_translator(development.model)
    answers = translator.hypotheses(
        [pair.source for pair in pairs], batches.batch_size
    )
    best = [results.best_of(hypotheses) for hypotheses in answers]
    fitted = fit(translator, pairs[::2], best[::2])
    for line in measured(translator, fitted, pairs[1::2], best[1::2]):
        print(line)
    print(runs.write_calibration(development.model, fitted))


def read_pairs(
    source: Sequence[str], reference: Sequence[str]
) -> list[data.SentencePair]:
    """Reads pairs, without those that have a blank side.

    Args:
        source: files of sources, or globs.
        reference: files of their translations, line by line, or globs.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is not text, the numbers of lines differ, or there
            are too few pairs.
    """
    pairs = [
        pair
        for pair in data.read_parallel(source, reference)
        if not pair.has_blank_side()
    ]
    if len(pairs) < _LEAST_PAIRS:
        raise ValueError(
            "A calibration is learned from at least "
            f"{_LEAST_PAIRS} pairs; hundreds are better. Received: "
            f"{len(pairs)}. Give a larger development set."
        )
    return pairs


def fit(
    translator: translation.Translator,
    pairs: Sequence[data.SentencePair],
    best: Sequence[translation.Hypothesis],
) -> translation.Calibration:
    """Learns the calibration from translations and their references.

    Args:
        translator: the `Translator` of the run.
        pairs: the sources with their references.
        best: the best hypothesis for each source.

    Raises:
        ValueError: no translation has a word.
    """
    sources, targets = (
        encode(tf.constant([pair[side] for pair in pairs])).row_lengths()
        for side, encode in enumerate(
            (
                translator.tokenizer.encode_source,
                translator.target_tokenizer.encode,
            )
        )
    )
    # Some tokenizers leave out unknown words in `encode_source`. If all words
    # of a source are left out, its length is 0, but `fit_lengths` needs at
    # least 1.
    lengths = translation.fit_lengths(np.maximum(sources, 1), targets)
    return translation.fit_calibration(
        translation.score_words(translator.target_tokenizer, best),
        [pair.target for pair in pairs],
        lengths,
    )


def measured(
    translator: translation.Translator,
    calibration: translation.Calibration,
    pairs: Sequence[data.SentencePair],
    best: Sequence[translation.Hypothesis],
) -> Iterator[str]:
    """Tests a calibration; yields the lines to print.

    Args:
        translator: the `Translator` of the run.
        calibration: the calibration to test.
        pairs: pairs from which the calibration was not learned.
        best: the best hypothesis for each source.
    """
    references = [pair.target for pair in pairs]
    scored = translation.score_words(translator.target_tokenizer, best)
    right = translation.right_words(scored, references)
    bins = translation.bins(
        calibration.words.at(np.concatenate(scored.log_probs)),
        np.concatenate(right),
    )
    yield f"{len(pairs)} sentences that were not learned from"
    yield from translation.diagram(bins)
    yield (
        "expected calibration error of words: "
        f"{translation.calibration_error(bins):.4f}"
    )
    confidences = calibration.sentences.at(scored.means)
    order = np.argsort(-confidences, kind="stable")
    for part in np.array_split(order, _PARTS):
        scores = translation.score_translations(
            [best[row].text for row in part], [references[row] for row in part]
        )
        yield (
            f"{len(part)} sentences of confidence "
            f"{confidences[part].min():.3f} to {confidences[part].max():.3f}: "
            f"BLEU {scores['bleu']:.2f}"
        )
    assessed = translation.assess(
        translator, calibration, [pair.source for pair in pairs], best
    )
    yield (
        f"translations with a loop: {sum(a.has_loop for a in assessed)}; of an "
        f"unusual length: {sum(a.has_unusual_length for a in assessed)}"
    )


if __name__ == "__main__":
    main.run()
