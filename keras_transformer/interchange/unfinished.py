"""Directories that are written completely or, after an error, not at all."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator


@contextlib.contextmanager
def unfinished(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Makes a directory, into which the body of a `with` statement writes.

    If the body ends without an error, the directory is renamed to `path`.
    Otherwise it is deleted. Missing parent directories are made.

    Args:
        path: the final path of the directory. If it exists, it must be an empty
            directory.

    Yields:
        The directory to write to, which has a temporary name beside `path`.

    Raises:
        ValueError: `path` is a file, or a directory that is not empty.

    Example:

    >>> import tempfile
    >>> target = pathlib.Path(tempfile.mkdtemp()) / "new"
    >>> with unfinished(target) as directory:
    ...     _ = (directory / "file").write_text("text")
    >>> [each.name for each in target.iterdir()]
    ['file']
    """
    target = pathlib.Path(path)
    check_free(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    # The unfinished directory is in the same file system as `path`, so that it
    # can be renamed.
    directory = target.with_name(f".{target.name}.unfinished")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    try:
        yield directory
        if target.exists():
            target.rmdir()
        os.rename(directory, target)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def check_free(path: str | os.PathLike[str]) -> None:
    """Raises ValueError if a path is a file, or a directory with content."""
    target = pathlib.Path(path)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(
            f"{target} exists and is not an empty directory. Give another "
            "--output_dir, or delete it first."
        )
