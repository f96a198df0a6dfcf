"""Reads the lines of text files, plain or compressed, in several encodings.

The first bytes of a file tell its compression and its encoding; the name of the
file does not matter. Each file is read only once, from the start to the end. So
pipes can be read too.
"""

import bz2
import codecs
import contextlib
import gzip
import importlib
import io
import itertools
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO


def _zstd():
    """Returns the module that reads zstd, or `None` if there is none.

    Python has this module from 3.14 on; backports.zstd is the same module for
    older versions. The library `zstandard` is not used: it reads a truncated
    file without an error.
    """
    for name in ("compression.zstd", "backports.zstd"):
        with contextlib.suppress(ImportError):
            return importlib.import_module(name)
    return None


_ZSTD = _zstd()
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
# A bzip2 file begins with "BZh" and a digit, the level of compression. The next
# bytes mark the start of a block or, in an empty file, the end of the data.
_BZIP2 = [
    b"BZh%d" % level + following
    for level in range(1, 10)
    for following in (b"1AY&SY", b"\x17rE8P\x90")
]
_COMPRESSED = (
    (b"\x1f\x8b", gzip.open),
    *((magic, bz2.open) for magic in _BZIP2),
    (b"\xfd7zXZ\x00", lzma.open),
    *([(_ZSTD_MAGIC, _ZSTD.open)] if _ZSTD else []),
)
_KINDS = "gzip, bzip2, xz or zstd" if _ZSTD else "gzip, bzip2 or xz"
# Reading a damaged compressed file raises one of these, or OSError.
_DAMAGED = (
    EOFError,
    zlib.error,
    lzma.LZMAError,
    *([_ZSTD.ZstdError] if _ZSTD else []),
)
# UTF-32 must come before UTF-16, because the byte order mark of UTF-32-LE
# begins with the byte order mark of UTF-16-LE.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ARCHIVES = (
    (b"PK\x03\x04", "a zip archive", "unzip"),
    (b"PK\x05\x06", "an empty zip archive", "unzip"),
    (
        _ZSTD_MAGIC,
        "compressed by zstd, which needs the package backports.zstd before "
        "Python 3.14",
        "zstd -d",
    ),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x"),
    (b"Rar!\x1a\x07", "a rar archive", "unrar x"),
    (b"\x04\x22\x4d\x18", "compressed by lz4", "lz4 -d"),
    (b"\x1f\x9d", "compressed by compress", "uncompress"),
    (b"\x5d\x00\x00", "compressed by lzma", "unlzma"),
    (b"%PDF-", "a PDF document", "pdftotext"),
)
_TAR = slice(257, 262), b"ustar"
# The format of a file is recognized from at most this number of bytes.
_START = 512


def read_lines(
    file: str | os.PathLike[str] | IO[bytes],
    name: str | None = None,
    errors: str = "strict",
) -> Iterator[str]:
    """Yields the lines of a file, without their line ends.

    A line ends with a line feed. Carriage returns at the end of a line are
    removed too. Other separators of lines, such as U+2028, belong to the text.
    Byte order marks at the start of a line are removed.

    Args:
        file: a path, or a stream of bytes that has the method `read1`. The
            function does not close a stream. The text is in UTF-8, or in UTF-16
            or UTF-32 with a byte order mark. The text is plain, or compressed
            by gzip, bzip2, xz or, if Python can read it, zstd.
        name: the name of a stream in error messages; `None` for "the stream".
            If `file` is a path, the messages show the path instead.
        errors: an error handler of `bytes.decode`. `"strict"` raises an error
            for bytes that are not text; `"replace"` replaces them by U+FFFD.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file does not contain lines of text, or is damaged. The
            message says what the file contains instead and, if possible, which
            line is wrong.

    Example:

    >>> list(read_lines(io.BytesIO(b"a cat\\r\\na dog")))
    ['a cat', 'a dog']
    """
    with contextlib.ExitStack() as stack:
        if isinstance(file, str | os.PathLike):
            name = str(file)
            file = stack.enter_context(open(file, "rb"))
        name = name or "the stream"
        try:
            stream, encoding = _open(file, name)
            if encoding == "utf-8":
                yield from _utf8_lines(stream, name, errors)
            else:
                yield from _other_lines(stream, name, encoding, errors)
        except _DAMAGED as error:
            raise _damaged(name, error) from error
        except OSError as error:
            # An error of the system has a number. An error without a number
            # says that the compressed data is damaged.
            if error.errno is not None:
                raise
            raise _damaged(name, error) from error


def _open(stream, name):
    """Returns a stream of the uncompressed bytes, and their encoding.

    The stream begins after the byte order mark, if there is one. Raises
    ValueError if the first bytes show that the file is not text.
    """
    while True:
        stream, start = _peek(stream)
        unpack = next((f for m, f in _COMPRESSED if start.startswith(m)), None)
        if unpack is None:
            break
        stream = unpack(stream)
    for magic, kind, command in _ARCHIVES:
        if start.startswith(magic):
            raise ValueError(
                f"{name}: expected lines of text, plain or compressed by "
                f"{_KINDS}. Received: {kind}{_members(name)}. Unpack it, with "
                f"`{command} {name}`, and give the files in it."
            )
    position, magic = _TAR
    if start[position] == magic:
        raise ValueError(
            f"{name}: expected lines of text. Received: a tar archive. Unpack "
            f"it, with `tar xf {name}`, and give the files in it."
        )
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            stream.read(len(mark))
            return stream, encoding
    if 0 in start:
        raise ValueError(
            f"{name}: expected lines of UTF-8 text. Received: text in UTF-16 "
            "without a byte order mark, or no text at all. Convert text, for "
            f"example with `iconv -f UTF-16LE -t UTF-8 {name}`."
        )
    return stream, "utf-8"


def _utf8_lines(stream, name, errors):
    number, line = 0, b""
    for number, line in enumerate(stream, start=1):
        text = line.rstrip(b"\r\n")
        try:
            text = text.decode("utf-8", errors)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{name}, line {number}: not UTF-8 ({error.reason} at byte "
                f"{error.start}). Convert the file to UTF-8, for example with "
                f"`iconv -f ISO-8859-1 -t UTF-8 {name}`."
            ) from error
        yield _checked(text, number, line.endswith(b"\n"), name)


def _other_lines(stream, name, encoding, errors):
    lines = io.TextIOWrapper(stream, encoding, errors, newline="\n")
    for number in itertools.count(1):
        try:
            line = lines.readline()
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{name}, line {number} or after it: not {encoding.upper()}, "
                f"as its byte order mark says ({error.reason}). Convert the "
                "file to UTF-8."
            ) from error
        if not line:
            return
        text = line.rstrip("\r\n")
        yield _checked(text, number, line.endswith("\n"), name)


def _checked(text, number, has_end, name):
    """Returns the text of a line without a byte order mark.

    If files were concatenated, a byte order mark can be in the middle of the
    file. Raises ValueError if the file has no line feed, but has a carriage
    return before its end, because then carriage returns separate its lines.
    """
    if number == 1 and not has_end and "\r" in text:
        raise ValueError(
            f"{name}: expected lines that end with line feeds. Received: lines "
            "that end with carriage returns. Convert the file, for example "
            f"with `tr '\\r' '\\n' < {name}`."
        )
    return text.lstrip("\ufeff")


def _members(name):
    """Returns words for an error message, such as " of corpus.en, corpus.fr".

    The words name at most eight files in the zip archive `name`. The result is
    "" if `name` is the name of a stream or of another kind of file.
    """
    try:
        with zipfile.ZipFile(name) as archive:
            return f" of {', '.join(archive.namelist()[:8])}"
    except (OSError, zipfile.BadZipFile):
        return ""


def _damaged(name, error):
    return ValueError(
        f"{name}: an incomplete or damaged {_KINDS} file ({error}). "
        "Download or compress it again."
    )


def _peek(stream):
    """Returns a stream with all bytes of `stream`, and its first bytes.

    All files of a format begin with the same bytes, the signature of the
    format. The function waits for further bytes only while the bytes so far may
    be an incomplete signature. So a line from a pipe is yielded as soon as it
    arrives.
    """
    start = b""
    while len(start) < _START and _may_be_signature(start):
        chunk = stream.read1(_START - len(start))
        if not chunk:
            break
        start += chunk
    return io.BufferedReader(_Joined(start, stream)), start


def _may_be_signature(start):
    """Tells whether bytes are the incomplete signature of a format."""
    signatures = [magic for magic, *_ in (*_COMPRESSED, *_MARKS, *_ARCHIVES)]
    return any(
        magic.startswith(start) and len(start) < len(magic)
        for magic in signatures
    )


class _Joined(io.RawIOBase):
    """A stream with the bytes of `start`, and then the bytes of `stream`."""

    def __init__(self, start, stream):
        super().__init__()
        self._start = start
        self._stream = stream

    def readable(self):
        return True

    def readinto(self, buffer):
        if self._start:
            data = self._start[: len(buffer)]
            self._start = self._start[len(data) :]
        else:
            data = self._stream.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)
