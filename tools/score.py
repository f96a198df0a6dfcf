"""Prints the scores of existing translations, one line for each.

    python -m tools.score --model=runs/demo --source=test.en --target=test.de

The score is the log-probability, divided by the length divisor, plus the
coverage penalty. `tools.translate --scores` usually prints the same score for
the same translation. docs/translating.md lists the cases in which the scores
differ. With --n_best=N, N lines of the target belong to each line of the
source.
"""

import dataclasses
import sys
from collections.abc import Iterator, Sequence

import tqdm

from keras_transformer import data, translation
from tools.model_flags import loading, settings
from trainers import program
from trainers.settings_flags import only, setting

# One call of the translator scores the pairs of this number of batches. The
# call sorts these pairs by length, so that batches have little padding.
_WINDOW = 32


@dataclasses.dataclass(frozen=True)
class Scoring:
    """The files to score, and the columns to print.

    Raises:
        ValueError: `n_best` is below 1.
    """

    source: str = setting("A file.")
    target: str = setting("Its translations, line by line.")
    n_best: int = setting("Lines of the target for each of the source.", 1)
    tokens: bool = setting(
        "Also print the tokens and the log-probability of each.", False
    )

    def __post_init__(self):
        settings.check_sizes(n_best=self.n_best)


@program.main(
    only(
        settings.ModelSettings,
        "ensemble",
        "precision",
        model="Run directories, several together.",
    ),
    only(
        settings.SearchSettings,
        "length_penalty",
        "coverage_penalty",
        length_penalty_form="Form of the length penalty. Default: the run's; "
        "none for plain log-probabilities.",
    ),
    Scoring,
    only(settings.BatchSettings, batch_size="Pairs scored together."),
)
def main(models, search, scoring, batches):
    loading.check_models(models)
    sources, targets = read_pairs(
        scoring.source, scoring.target, scoring.n_best
    )
    translator = loading.load_translator(models, search)
    for line in score_lines(
        translator, sources, targets, scoring.tokens, batches.batch_size
    ):
        print(line)


def score_lines(
    translator,
    sources: Sequence[str],
    targets: Sequence[str],
    tokens: bool = False,
    batch_size: int = 64,
) -> Iterator[str]:
    """Yields the output line of each pair, in the order of the pairs.

    Args:
        translator: the `Translator` that scores.
        sources: the source of each pair.
        targets: the translation of each source.
        tokens: whether a line also has the tokens of the target and their
            log-probabilities.
        batch_size: the number of pairs that are scored together.
    """
    size = _WINDOW * batch_size
    progress = tqdm.tqdm(
        unit=" lines", total=len(targets), disable=not sys.stderr.isatty()
    )
    for start in range(0, len(targets), size):
        for scored in translator.score(
            sources[start : start + size],
            targets[start : start + size],
            batch_size,
        ):
            yield format_line(scored, tokens)
            progress.update()


def format_line(scored: translation.Hypothesis, tokens: bool) -> str:
    """Formats a score; with `tokens`, also the tokens and log-probabilities.

    Tabs separate these columns.
    """
    columns = [f"{scored.score:.4f}"]
    if tokens:
        columns.append(" ".join(scored.tokens))
        columns.append(" ".join(f"{p:.4f}" for p in scored.log_probs))
    return "\t".join(columns)


def read_pairs(source: str, target: str, count: int):
    """Reads both files, and repeats each source line for each of its targets.

    Args:
        source: the file of the sources. A glob stands for all files that match
            it, in alphabetical order.
        target: the file of the targets, or a glob, as for `source`.
        count: the number of target lines for each source line.

    Returns:
        Two lists of equal length: the sources and the targets.

    Raises:
        FileNotFoundError: a file is missing, or a glob matches no file.
        ValueError: a file is not text or is damaged, or the target does not
            have `count` lines for each line of the source.
    """
    # This checks that both files exist, before either is read.
    files = [data.files.expand([path]) for path in (source, target)]
    sources, targets = (
        [line for name in names for line in data.read_lines(name)]
        for names in files
    )
    if count * len(sources) != len(targets):
        raise ValueError(
            f"Every source line needs {count} target lines. Received: "
            f"{source} with {len(sources)} lines, {target} with "
            f"{len(targets)} lines."
        )
    return [text for text in sources for _ in range(count)], targets


if __name__ == "__main__":
    main.run()
