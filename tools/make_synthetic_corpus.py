"""Writes a large corpus of invented sentence pairs, for measurements.

    python -m tools.make_synthetic_corpus --pairs=5000000 --output=pairs.tsv

Each line is a source, a tab and a target. Words are made of syllables. The
frequencies of words follow Zipf's law, as in a natural language. The lengths of
sentences are distributed as in news. Each word of the source always has the
same translation, and the target has these translations in reverse order. So a
model has something to learn.
"""

import dataclasses
import itertools

import numpy as np

from trainers import program
from trainers.settings_flags import setting

_SYLLABLES = {
    "source": "ka lo mi tu re sa ni po de va".split(),
    "target": "gar bel fin dos rum jal nek pon tis vor".split(),
}
# The number of words of each language. The frequency of a word is proportional
# to its rank to the power of -_EXPONENT.
_WORDS = 30_000
_EXPONENT = 1.1
# The mean and the standard deviation of the logarithms of sentence lengths, in
# words.
_LENGTHS = (np.log(18), 0.55)
_CHUNK = 100_000


@dataclasses.dataclass(frozen=True)
class Corpus:
    """The flags of the corpus."""

    output: str = setting("File of the pairs.")
    pairs: int = setting("Number of pairs.", 1_000_000, least=1)
    seed: int = setting("Seed of the words.", 0, least=0)


@program.main(Corpus)
def main(corpus):
    program.check_output_file(corpus.output)
    with open(corpus.output, "w", encoding="utf-8") as file:
        for first in range(0, corpus.pairs, _CHUNK):
            count = min(_CHUNK, corpus.pairs - first)
            file.writelines(lines(count, [corpus.seed, first]))


def lines(count: int, seed: list[int]) -> list[str]:
    """Returns lines, each with a source, a tab, a target and a line feed.

    Args:
        count: the number of lines.
        seed: integers of at least 0. Together they are the seed of the random
            generator, which draws the lengths and the words.
    """
    generator = np.random.default_rng(seed)
    lengths = generator.lognormal(*_LENGTHS, count).astype(int).clip(1, 100)
    frequencies = np.arange(1, _WORDS + 1) ** -_EXPONENT
    ranks = generator.choice(
        _WORDS, lengths.sum(), p=frequencies / frequencies.sum()
    )
    source, target = (_words(_SYLLABLES[side]) for side in _SYLLABLES)
    ends = np.cumsum(lengths).tolist()
    made = []
    for start, end in itertools.pairwise([0, *ends]):
        words = ranks[start:end].tolist()
        made.append(
            " ".join([source[rank] for rank in words])
            + "\t"
            + " ".join([target[rank] for rank in reversed(words)])
            + "\n"
        )
    return made


def _words(syllables):
    """Returns the words of a language by rank; short words come first."""
    words = (
        "".join(chosen)
        for length in itertools.count(1)
        for chosen in itertools.product(syllables, repeat=length)
    )
    return list(itertools.islice(words, _WORDS))


if __name__ == "__main__":
    main.run()
