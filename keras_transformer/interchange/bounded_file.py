"""Reads binary files, and checks a size before memory is allocated for it."""

import os
import struct
from typing import Any, BinaryIO


class BoundedFile:
    """A binary file of known size, read from its beginning.

    No read is larger than the rest of the file. So a wrong size in a damaged
    file never allocates more memory than the file has bytes.

    Args:
        file: an open binary file.
        path: the path of the file, for messages.

    Attributes:
        left: the number of bytes that are not read yet.

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
            size: the number of bytes.
            what: what the bytes are, for messages.

        Raises:
            ValueError: fewer than `size` bytes are left, or `size` is below 0.
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
            form: the format of the number, as in the module `struct`.
            what: what the number is, for messages.

        Raises:
            ValueError: the file ends before the end of the number.
        """
        return struct.unpack(form, self.take(struct.calcsize(form), what))[0]

    def check_end(self) -> None:
        """Raises ValueError if bytes are left that were not read."""
        if self.left:
            raise self.damaged(f"{self.left:,} bytes follow after its end")

    def damaged(self, problem: str) -> ValueError:
        """Returns the error to raise for a file with wrong content.

        Args:
            problem: what is wrong, for the message.
        """
        return ValueError(
            f"{self._path} is damaged, or a file of another kind: {problem}. "
            "Copy it again from the original."
        )
