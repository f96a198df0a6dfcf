"""Reads a binary file, and takes no memory before it has checked a size."""

import os
import struct
from typing import Any, BinaryIO


class BoundedFile:
    """A binary file of known size, read from its beginning.

    Every read is checked against the bytes that are left, so a size that a
    damaged file states never makes the process take more memory than the file
    has.

    Args:
        file: an open binary file.
        path: its path, for messages.

    Example:

    >>> import io
    >>> file = BoundedFile(io.BytesIO(bytes([7, 0, 65, 66])), "model.bin")
    >>> file.number("<H", "its version"), file.take(2, "its name")
    (7, b'AB')
    """

    def __init__(self, file: BinaryIO, path: str | os.PathLike[str]):
        self._file = file
        self._path = path
        file.seek(0, os.SEEK_END)
        self.left = file.tell()
        file.seek(0)

    def take(self, size: int, what: str) -> bytes:
        """Reads bytes.

        Args:
            size: how many.
            what: what they are, for messages.

        Raises:
            ValueError: the file has fewer bytes.
        """
        if size < 0 or size > self.left:
            raise self.damaged(
                f"{what} takes {size:,} bytes, but {self.left:,} are left"
            )
        data = self._file.read(size)
        self.left -= size
        return data

    def number(self, form: str, what: str) -> Any:
        """Reads a number.

        Args:
            form: its format, as in the module `struct`.
            what: what it is, for messages.

        Raises:
            ValueError: the file ends before it.
        """
        return struct.unpack(form, self.take(struct.calcsize(form), what))[0]

    def check_end(self) -> None:
        """Raises ValueError if bytes are left."""
        if self.left:
            raise self.damaged(f"{self.left:,} bytes follow after its end")

    def damaged(self, problem: str) -> ValueError:
        """Returns the error for a file that cannot be read."""
        return ValueError(
            f"{self._path} is damaged, or a file of another kind: {problem}. "
            "Copy it again from the original."
        )
