"""Reads sentence pairs from files, and names the file and line of an error."""

import glob
import os
from collections.abc import Sequence

from keras_transformer.data import lines, pairs
from keras_transformer.text import texts


def read_parallel(
    source_files: Sequence[str], target_files: Sequence[str]
) -> list[pairs.SentencePair]:
    """Reads source files and target files with one sentence in each line.

    Args:
        source_files: names or globs of files that `read_lines` can read; a
            glob means its matches in alphabetical order.
        target_files: the translations: as many files, with as many lines.

    Returns:
        The pairs in the order of the files, including empty lines.

    Raises:
        FileNotFoundError: a file is missing, or a glob matches no file.
        ValueError: the numbers of files or of their lines differ, a file is
            not text, or an argument is a string instead of a list.

    Example:

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "en").write_text("a cat\\n")
    >>> _ = (folder / "fr").write_text("un chat\\n")
    >>> read_parallel([f"{folder}/en"], [f"{folder}/fr"])
    [SentencePair(source='a cat', target='un chat')]
    """
    source_names = expand(source_files)
    target_names = expand(target_files)
    if len(source_names) != len(target_names):
        raise ValueError(
            "Every source file needs its target file. Received: "
            f"{len(source_names)} source files {source_names}, "
            f"{len(target_names)} target files {target_names}."
        )
    sentence_pairs: list[pairs.SentencePair] = []
    for source_name, target_name in zip(
        source_names, target_names, strict=True
    ):
        sources = list(lines.read_lines(source_name))
        targets = list(lines.read_lines(target_name))
        if len(sources) != len(targets):
            raise ValueError(
                "Parallel files must have the same number of lines. "
                f"Received: {source_name} with {len(sources)} lines, "
                f"{target_name} with {len(targets)} lines."
            )
        sentence_pairs += map(pairs.SentencePair, sources, targets)
    return sentence_pairs


def read_tsv(files: Sequence[str]) -> list[pairs.SentencePair]:
    """Reads lines with source, tab and target; ignores further columns.

    Args:
        files: names or globs of files that `read_lines` can read.

    Raises:
        FileNotFoundError: a file is missing, or a glob matches no file.
        ValueError: a line that is not empty has no tab, a file is not text,
            or `files` is a string instead of a list.
    """
    sentence_pairs = []
    for name in expand(files):
        for number, line in enumerate(lines.read_lines(name), start=1):
            columns = line.split("\t")
            if line and len(columns) < 2:
                raise ValueError(
                    f"{name}, line {number}: expected source and target with "
                    f"a tab between them. Received: {line[:80]!r}."
                )
            columns = columns if line else ["", ""]
            sentence_pairs.append(pairs.SentencePair(columns[0], columns[1]))
    return sentence_pairs


def expand(files: Sequence[str]) -> list[str]:
    """Replaces globs by the files they match.

    Raises:
        FileNotFoundError: a file is missing, or a glob matches no file.
        ValueError: `files` is a string instead of a list.
    """
    texts.check_list("files", files)
    names = []
    for file in files:
        matches = [file] if os.path.isfile(file) else sorted(glob.glob(file))
        if not matches:
            raise FileNotFoundError(f"No such file: {file}")
        names += matches
    return names
