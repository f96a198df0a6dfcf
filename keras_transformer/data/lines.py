"""The lines of a text file, whatever it is wrapped in: one reader for all.

Compression and encoding are told by a file's first bytes, not by its name, so
that pipes are read as files are. Each file is read once, from start to end.
"""

import bz2
import codecs
import contextlib
import gzip
import io
import itertools
import lzma
import zipfile
import zlib
from collections.abc import Iterator

_COMPRESSED = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh91AY&SY", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)
# The mark of UTF-32 begins as that of UTF-16 does.
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
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "zstd -d"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x"),
    (b"Rar!\x1a\x07", "a rar archive", "unrar x"),
    (b"\x04\x22\x4d\x18", "compressed by lz4", "lz4 -d"),
    (b"\x1f\x9d", "compressed by compress", "uncompress"),
    (b"\x5d\x00\x00", "compressed by lzma", "unlzma"),
    (b"%PDF-", "a PDF document", "pdftotext"),
)
_TAR = slice(257, 262), b"ustar"
# Bytes by which a file is told.
_START = 512


def read_lines(
    file, name: str | None = None, errors: str = "strict"
) -> Iterator[str]:
    """Yields the lines of a file, without their ends.

    A line ends with a line feed, before which carriage returns are dropped;
    a text may hold any other separator. A byte order mark at the start is no
    text.

    Args:
        file: a path, or a stream of bytes that stays open: text in UTF-8, or
            in UTF-16 or UTF-32 with a byte order mark; plain, or compressed by
            gzip, bzip2 or xz.
        name: of a stream, for messages.
        errors: what to do with bytes that are no text: `"strict"`, or
            `"replace"` for U+FFFD.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is something else than lines of text; the message says
            what, and names the line.

    Example:

    >>> list(read_lines(io.BytesIO(b"a cat\\r\\na dog")))
    ['a cat', 'a dog']
    """
    with contextlib.ExitStack() as stack:
        if not hasattr(file, "read"):
            name = str(file)
            file = stack.enter_context(open(file, "rb"))
        name = name or "the stream"
        try:
            stream, encoding = _open(file, name)
            if encoding == "utf-8":
                yield from _utf8_lines(stream, name, errors)
            else:
                yield from _other_lines(stream, name, encoding, errors)
        except (EOFError, zlib.error, lzma.LZMAError) as error:
            raise _not_whole(name, error) from error
        except OSError as error:
            # Those of the system have a number, those of formats have none.
            if error.errno is not None:
                raise
            raise _not_whole(name, error) from error


def _open(stream, name):
    """Unpacks a stream, told by what it begins with, and its encoding."""
    while True:
        stream, start = _peek(stream)
        unpack = next((u for m, u in _COMPRESSED if start.startswith(m)), None)
        if unpack is None:
            break
        stream = unpack(stream)
    for magic, kind, command in _ARCHIVES:
        if start.startswith(magic):
            raise ValueError(
                f"{name}: expected lines of text, plain or compressed by gzip, "
                f"bzip2 or xz. Received: {kind}{_members(name)}. Unpack it, "
                f"with `{command} {name}`, and give the files in it."
            )
    place, magic = _TAR
    if start[place] == magic:
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
            "without a byte order mark, or no text at all. Convert text, such "
            f"as with `iconv -f UTF-16LE -t UTF-8 {name}`."
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
                f"{error.start}). Convert the file to UTF-8, such as with "
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
            lines.detach()  # The stream is not closed with it.
            return
        text = line.rstrip("\r\n")
        yield _checked(text, number, line.endswith("\n"), name)


def _checked(text, number, has_end, name):
    """The text of a line, unless it is a whole file of carriage returns.

    A byte order mark stands where a file that was put behind another began.
    """
    if number == 1 and not has_end and "\r" in text:
        raise ValueError(
            f"{name}: expected lines that end with line feeds. Received: none, "
            "but carriage returns, as on an old Macintosh. Convert it, such as "
            f"with `tr '\\r' '\\n' < {name}`."
        )
    return text.lstrip("\ufeff")


def _members(name):
    """The names of an archive's files, where they can be read."""
    try:
        with zipfile.ZipFile(name) as archive:
            return f" of {', '.join(archive.namelist()[:8])}"
    except (OSError, zipfile.BadZipFile):
        return ""


def _not_whole(name, error):
    return ValueError(
        f"{name}: not a whole gzip, bzip2 or xz file ({error}). Get it again."
    )


def _peek(stream):
    """A stream that was not read yet, and what it begins with.

    Of a pipe more is read only while that could still be a sign of something,
    so that a line is answered as soon as it is there.
    """
    start = b""
    while len(start) < _START and _may_be_a_sign(start):
        more = stream.read1(_START - len(start))
        if not more:
            break
        start += more
    return io.BufferedReader(_Joined(start, stream)), start


def _may_be_a_sign(start):
    signs = [sign for sign, *_ in (*_COMPRESSED, *_MARKS, *_ARCHIVES)]
    return any(
        sign.startswith(start) and len(start) < len(sign) for sign in signs
    )


class _Joined(io.RawIOBase):
    """What was read of a stream, and then the rest of it."""

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
