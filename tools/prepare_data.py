"""Cleans text, encodes it for training, and writes it as a shard directory.

    python -m tools.prepare_data --source=train.en --target=train.fr \\
        --vocabulary=vocabulary.model --output_dir=shards/en-fr

The trainer reads the directory with --train_shards. The program holds little of
the text in memory, so the text may be larger than the memory. docs/data.md
describes the flags and the directory.
"""

import dataclasses
import time
from collections.abc import Iterable

import keras_transformer as kt
from trainers import program, progress, tokenizers
from trainers.settings_flags import setting


@dataclasses.dataclass(frozen=True)
class Text:
    """The flags of the text, of its vocabulary and of the output.

    Raises:
        ValueError: `tsv` is given together with `source` or `target`, or none
            of the three is given.
    """

    vocabulary: str = setting(
        "File of the vocabulary (of the sources, if --target_vocabulary is "
        "given), or the directory of a run, for its vocabularies."
    )
    output_dir: str = setting("The shard directory, a new one.")
    source: list[str] = setting(
        "Files of source sentences, a sentence on each line; globs and pipes "
        "too.",
        [],
    )
    target: list[str] = setting(
        "Files of the translations of --source, line by line.", []
    )
    tsv: list[str] = setting(
        "Files with a source, a tab and a target on each line; instead of "
        "--source and --target.",
        [],
    )
    target_vocabulary: str | None = setting(
        "File of the vocabulary of the targets, if it is separate.", None
    )
    tag: str | None = setting(
        "Symbol of the vocabulary that is put before each source, such as "
        "<2fr> for the target language.",
        None,
    )
    max_length: int = setting(
        "Maximal number of tokens of a sentence. Pairs with a longer sentence "
        "are left out.",
        128,
    )
    rare_characters: float = setting(
        "Share of sources into which characters are put that have no piece in "
        "the vocabulary. The model learns that they do not change the rest of "
        "a translation.",
        0.1,
    )
    seed: int = setting("Seed of the rare characters.", 0, least=0)
    pairs_per_shard: int = setting("Pairs of a file.", 16384, least=1)

    def __post_init__(self):
        is_parallel = bool(self.source or self.target)
        if is_parallel == bool(self.tsv):
            raise ValueError(
                "Give the text once: --tsv, or --source and --target. "
                f"Received: source={self.source}, target={self.target}, "
                f"tsv={self.tsv}."
            )


@program.main(Text, kt.data.Cleaning)
def main(text, cleaning):
    program.show_log()
    program.check_output_dir(text.output_dir)
    vocabularies = tokenizers.read(text.vocabulary, text.target_vocabulary)
    report = kt.data.CleaningReport()
    started, computed = time.perf_counter(), time.process_time()
    index = prepare(text, cleaning, vocabularies, report)
    seconds = time.perf_counter() - started
    computed = time.process_time() - computed
    print(report)
    print(
        f"{index.num_pairs} pairs in {len(index.files)} shards. Left out: "
        f"{index.num_empty} with an empty side, {index.num_too_long} longer "
        f"than {index.max_length} tokens."
    )
    print(
        f"{index.num_source_tokens} source tokens, {index.num_target_tokens} "
        "target tokens."
    )
    print(
        f"It took {seconds:.0f} s, and {computed:.0f} s of one core: "
        f"{60 * report.num_read / computed:,.0f} pairs a minute and core."
    )
    print(f"To train: --train_shards={text.output_dir}")


def prepare(
    text: Text,
    cleaning: kt.data.Cleaning,
    vocabularies: tokenizers.Tokenizers,
    report: kt.data.CleaningReport,
) -> kt.data.ShardIndex:
    """Cleans text, and writes its shard directory.

    A share of the sources gets rare characters, see
    `kt.data.iterate_with_rare_characters`. The flag `rare_characters` is this
    share.

    Args:
        text: the flags of the text.
        cleaning: the rules of the cleaning.
        vocabularies: the tokenizers of the source and the target.
        report: the report of the cleaning. This function fills it.

    Returns:
        The index of the shard directory.

    Raises:
        FileNotFoundError: a file is missing, or a glob matches no file.
        ValueError: the text is invalid, `rare_characters` is not in [0, 1], or
            `kt.data.shard_pairs` raises the error.
        tf.errors.OpError: a file cannot be written.
    """
    pairs = cleaning.clean(
        progress.track(read(text, cleaning.errors)),
        report,
        [vocabularies.source, vocabularies.target or vocabularies.source],
    )
    return kt.data.shard_pairs(
        kt.data.iterate_with_rare_characters(
            pairs, vocabularies.characters(), text.rare_characters, text.seed
        ),
        text.output_dir,
        vocabularies.source,
        vocabularies.target,
        text.max_length,
        text.tag,
        report,
        text.source + text.target + text.tsv,
        text.pairs_per_shard,
    )


def read(text: Text, errors: str) -> Iterable[kt.data.SentencePair]:
    """Returns an iterable of the pairs of the text, which are read one by one.

    Args:
        text: the flags of the text.
        errors: what to do with bytes that are not text, as for `read_lines`.

    Raises:
        FileNotFoundError: a file is missing, or a glob matches no file.
        ValueError: the numbers of source files and target files differ. Errors
            in the content of a file are raised only when its pairs are read.
    """
    if text.tsv:
        return kt.data.iterate_tsv(text.tsv, errors)
    return kt.data.iterate_parallel(text.source, text.target, errors)


if __name__ == "__main__":
    main.run()
