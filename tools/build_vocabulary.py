"""Learns a vocabulary from text, and writes it to a file.

    python -m tools.build_vocabulary --source=train.en --target=train.fr \\
        --output=vocabulary.model --size=32000

With --target_output, each language gets its own vocabulary. The flags
--vocabulary and --target_vocabulary of the trainer and of tools.prepare_data
take these files.
"""

import dataclasses
import itertools
import os
from collections.abc import Iterator

import keras_transformer as kt
from keras_transformer.text import NORMALIZATIONS
from trainers import program, progress
from trainers.settings_flags import setting

# Without --exact_size, the size of a vocabulary is rounded up to a multiple of
# this number, because matrix products are then fast.
_MULTIPLE = 8


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The flags of the text and of the vocabularies.

    Raises:
        ValueError: no text is given; `tsv` is given together with `source` or
            `target`; `target_output` is given without text of the sources or
            without text of the targets; or `target_output` is the same file as
            `output`.
    """

    output: str = setting(
        "File of the vocabulary (of the sources, if there are two)."
    )
    source: list[str] = setting("Files of source sentences; globs too.", [])
    target: list[str] = setting("Files of target sentences; globs too.", [])
    tsv: list[str] = setting(
        "Files with a source, a tab and a target on each line; instead of "
        "--source and --target.",
        [],
    )
    target_output: str | None = setting(
        "File of the vocabulary of the targets. Without it, both languages "
        "share one vocabulary.",
        None,
    )
    size: int = setting("Pieces of each vocabulary.", 32000, least=1)
    exact_size: bool = setting(
        "Keep --size. Otherwise it is rounded up to a multiple of "
        f"{_MULTIPLE}, with which a model is fast.",
        False,
    )
    algorithm: str = setting(
        "How pieces are chosen.", "bpe", choices=list(kt.text.ALGORITHMS)
    )
    user_symbols: list[str] = setting(
        "Texts that are always one piece of the source vocabulary, such as "
        "<2fr>,<2de>.",
        [],
    )
    text_normalization: str = setting(
        "How text is normalized before it is cut into pieces.",
        NORMALIZATIONS[1],
        choices=list(NORMALIZATIONS),
    )
    sentences: int = setting(
        "Sentences to learn from, drawn at random from all.",
        2_000_000,
        least=1,
    )
    seed: int = setting("Seed of the draw.", 0)

    def __post_init__(self):
        if bool(self.source or self.target) == bool(self.tsv):
            raise ValueError(
                "Give the text once: --tsv, or --source and --target. "
                f"Received: source={self.source}, target={self.target}, "
                f"tsv={self.tsv}."
            )
        if self.target_output is not None and not (self.target or self.tsv):
            raise ValueError(
                "--target_output needs text of the targets. Received: "
                f"--target_output={self.target_output} without --target or "
                "--tsv."
            )
        if self.target_output is not None and not (self.source or self.tsv):
            raise ValueError(
                "With --target_output, --output is the vocabulary of the "
                f"sources. Received: --output={self.output} without --source "
                "or --tsv. For a vocabulary of the targets alone, leave out "
                "--target_output."
            )
        if self.target_output is not None and os.path.realpath(
            self.target_output
        ) == os.path.realpath(self.output):
            raise ValueError(
                "--output and --target_output must be two files. Received: "
                f"{self.output} twice. For one vocabulary of both languages, "
                "leave out --target_output."
            )


@program.main(Vocabulary)
def main(vocabulary):
    program.show_log()
    outputs = [vocabulary.output, vocabulary.target_output]
    for output, flag in zip(outputs, ("output", "target_output"), strict=True):
        if output is not None:
            program.check_output_file(output, flag)
    size = vocabulary.size
    if not vocabulary.exact_size:
        size = -(-size // _MULTIPLE) * _MULTIPLE
    if size != vocabulary.size:
        print(
            f"{vocabulary.size} pieces, rounded up to {size}, a multiple of "
            f"{_MULTIPLE}. --exact_size keeps the number."
        )
    if vocabulary.target_output is None:
        _write(outputs[0], texts_of(vocabulary, 0, 1), vocabulary, size)
        return
    _write(outputs[0], texts_of(vocabulary, 0), vocabulary, size)
    # Only sources contain user symbols, such as <2fr>.
    of_target = dataclasses.replace(vocabulary, user_symbols=[])
    _write(outputs[1], texts_of(vocabulary, 1), of_target, size)


def texts_of(vocabulary: Vocabulary, *sides: int) -> Iterator[str]:
    """Yields the sources, the targets, or both.

    Args:
        vocabulary: the flags of the text.
        *sides: 0 for the sources, 1 for the targets, or both numbers.
    """
    if vocabulary.tsv:
        for pair in kt.data.iterate_tsv(vocabulary.tsv):
            for side in sides:
                yield pair[side]
        return
    files = [(vocabulary.source, vocabulary.target)[side] for side in sides]
    for file in kt.data.files.expand(list(itertools.chain(*files))):
        yield from kt.data.read_lines(file)


def _write(output, texts, vocabulary, size):
    model = kt.learn_vocabulary(
        progress.track(texts, unit="sentences"),
        size,
        normalization=vocabulary.text_normalization,
        seed=vocabulary.seed,
        algorithm=vocabulary.algorithm,
        user_symbols=vocabulary.user_symbols,
        max_sentences=vocabulary.sentences,
    )
    kt.Tokenizer(model).save(output)
    print(f"{output}: {size} pieces, {vocabulary.algorithm}.")


if __name__ == "__main__":
    main.run()
