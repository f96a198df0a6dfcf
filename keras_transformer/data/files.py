"""Reads sentence pairs from parallel files and from tab-separated files."""

import glob
import os
from collections.abc import Iterator, Sequence

from keras_transformer.data import lines, pairs
from keras_transformer.text import texts


def read_parallel(
    source_files: Sequence[str], target_files: Sequence[str]
) -> list[pairs.SentencePair]:
    """Reads source files and target files with one sentence in each line.

    Args:
        source_files: names or globs of files that `read_lines` can read. A
            glob stands for the files that match it, in alphabetical order.
        target_files: names or globs of the files with the translations, in the
            order of the source files. Each must have as many lines as its
            source file.

    Returns:
        The pairs in the order of the files. If a line is empty in the source
        file and in the target file, its pair has two empty texts.

    Raises:
        FileNotFoundError: a file is missing, or a glob matches no file.
        ValueError: the numbers of files or of their lines differ, a file is
            not text or is damaged, or an argument is a string instead of a
            list.

    Example:

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "en").write_text("a cat\\n")
    >>> _ = (folder / "fr").write_text("un chat\\n")
    >>> read_parallel([f"{folder}/en"], [f"{folder}/fr"])
    [SentencePair(source='a cat', target='un chat')]
    """
    return list(iterate_parallel(source_files, target_files))


def read_tsv(files: Sequence[str]) -> list[pairs.SentencePair]:
    """Reads lines with source, tab and target; ignores further columns.

    Args:
        files: names or globs of files that `read_lines` can read.

    Returns:
        The pairs in the order of the files. An empty line becomes a pair of
        two empty texts.

    Raises:
        FileNotFoundError: a file is missing, or a glob matches no file.
        ValueError: a line that is not empty has no tab, a file is not text or
            is damaged, or `files` is a string instead of a list.
    """
    return list(iterate_tsv(files))


def iterate_parallel(
    source_files: Sequence[str],
    target_files: Sequence[str],
    errors: str = "strict",
) -> Iterator[pairs.SentencePair]:
    """Yields the pairs of `read_parallel`, and holds only one pair in memory.

    The call checks that the files exist, and that there is one target file for
    each source file. The files are read while pairs are yielded. So an error in
    the content of a file is raised during the iteration, not by the call.

    Args:
        source_files, target_files: as for `read_parallel`.
        errors: the argument `errors` of `read_lines`: what to do with bytes
            that are not text.

    Raises:
        FileNotFoundError, ValueError: as for `read_parallel`.
    """
    source_names = expand(source_files)
    target_names = expand(target_files)
    if len(source_names) != len(target_names):
        raise ValueError(
            "Every source file needs its target file. Received: "
            f"{len(source_names)} source files {source_names}, "
            f"{len(target_names)} target files {target_names}."
        )
    return _parallel(source_names, target_names, errors)


def iterate_tsv(
    files: Sequence[str], errors: str = "strict"
) -> Iterator[pairs.SentencePair]:
    """Yields the pairs of `read_tsv`, and holds only one pair in memory.

    The call checks that the files exist. The files are read while pairs are
    yielded. So an error in the content of a file is raised during the
    iteration, not by the call.

    Args:
        files: as for `read_tsv`.
        errors: the argument `errors` of `read_lines`: what to do with bytes
            that are not text.

    Raises:
        FileNotFoundError, ValueError: as for `read_tsv`.
    """
    return _tab_separated(expand(files), errors)


def expand(files: Sequence[str]) -> list[str]:
    """Replaces each glob by the files that match it, in alphabetical order.

    The name of an existing file stays as it is, even if it looks like a glob.

    Args:
        files: names or globs of files.

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


def _parallel(source_names, target_names, errors):
    for source_name, target_name in zip(
        source_names, target_names, strict=True
    ):
        sources = lines.read_lines(source_name, errors=errors)
        targets = lines.read_lines(target_name, errors=errors)
        count = 0
        for source in sources:
            target = next(targets, None)
            if target is None:
                raise _other_lengths(
                    (source_name, count + 1 + sum(1 for _ in sources)),
                    (target_name, count),
                )
            count += 1
            yield pairs.SentencePair(source, target)
        rest = sum(1 for _ in targets)
        if rest:
            raise _other_lengths(
                (source_name, count), (target_name, count + rest)
            )


def _other_lengths(source, target):
    """Returns the error for files with different numbers of lines.

    Args:
        source: a tuple of the name of the source file and the number of lines
            in it.
        target: the same for the target file.
    """
    return ValueError(
        "Parallel files must have the same number of lines. Received: "
        f"{source[0]} with {source[1]} lines, {target[0]} with {target[1]} "
        "lines."
    )


def _tab_separated(names, errors):
    for name in names:
        file = lines.read_lines(name, errors=errors)
        for number, line in enumerate(file, start=1):
            columns = line.split("\t")
            if line and len(columns) < 2:
                raise ValueError(
                    f"{name}, line {number}: expected source and target with "
                    f"a tab between them. Received: {line[:80]!r}."
                )
            columns = columns if line else ["", ""]
            yield pairs.SentencePair(columns[0], columns[1])
