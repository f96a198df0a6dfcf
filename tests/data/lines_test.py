"""Lines are read with any encoding, compression and ends, also from pipes."""

import bz2
import gzip
import io
import lzma
import os
import re
import subprocess
import sys
import tarfile
import threading
import zipfile

import pytest

from keras_transformer.data import lines

TEXT = "a cat\nun \u00e9l\u00e8ve\n\n\u4e00 \U0001f642\n"
LINES = ["a cat", "un \u00e9l\u00e8ve", "", "\u4e00 \U0001f642"]
PACKERS = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "fast_bzip2": lambda data: bz2.compress(data, 1),
    "two_bzip2s": lambda data: bz2.compress(b"") + bz2.compress(data, 5),
    "xz": lzma.compress,
    "gzip_of_xz": lambda data: gzip.compress(lzma.compress(data)),
    "two_gzips": lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:]),
}
if lines._ZSTD:
    PACKERS["zstd"] = lines._ZSTD.compress
    PACKERS["two_zstds"] = lambda data: (
        lines._ZSTD.compress(data[:7]) + lines._ZSTD.compress(data[7:])
    )
ENCODINGS = {
    "utf-8": b"",
    "utf-8-sig": b"",
    "utf-16-le": b"\xff\xfe",
    "utf-16-be": b"\xfe\xff",
    "utf-32-le": b"\xff\xfe\0\0",
    "utf-32-be": b"\0\0\xfe\xff",
}


def encode(text, encoding):
    return ENCODINGS[encoding] + text.encode(encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("packer", PACKERS)
def test_by_content(tmp_path, packer, encoding):
    data = PACKERS[packer](encode(TEXT, encoding))
    # The name of a file does not matter.
    for name in ("text", "text.gz"):
        (tmp_path / name).write_bytes(data)
        assert list(lines.read_lines(tmp_path / name)) == LINES
    assert list(lines.read_lines(io.BytesIO(data))) == LINES


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n", [""]),
        ("a\r\nb", ["a", "b"]),
        ("a\r\r\n\r\n", ["a", ""]),
        (" a \u00a0\n\tb", [" a \u00a0", "\tb"]),
        ("a\u2028b\x85c\x0bd\x1ce\n", ["a\u2028b\x85c\x0bd\x1ce"]),
        ("one\rline\n", ["one\rline"]),
        ("a\nb\rc", ["a", "b\rc"]),
        ("a\n\ufeffb\n", ["a", "b"]),
    ],
)
def test_ends(text, expected, encoding):
    data = encode(text, encoding)
    assert list(lines.read_lines(io.BytesIO(data))) == expected


def test_a_pipe_is_read_once_and_as_it_comes():
    out, into = os.pipe()
    into = os.fdopen(into, "wb")
    into.write(b"\xef")
    into.flush()
    with os.fdopen(out, "rb") as stream:
        found = lines.read_lines(stream, "a pipe")
        threading.Timer(
            0.2, lambda: (into.write(b"\xbb\xbfa\n"), into.flush())
        ).start()
        # The pipe is still open. Its byte order mark came in parts.
        assert next(found) == "a"
        into.write(b"b")
        into.close()
        assert list(found) == ["b"]
        assert not stream.closed


@pytest.mark.process
def test_named_pipes(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    program = (
        "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "pipe")],
        stdin=subprocess.PIPE,
    ) as writer:
        writer.stdin.write(gzip.compress(TEXT.encode()))
        writer.stdin.close()
        assert list(lines.read_lines(tmp_path / "pipe")) == LINES


def packed(kind):
    made = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("Books.en-fr.en", TEXT)
            archive.writestr("Books.en-fr.fr", TEXT)
    else:
        with tarfile.open(fileobj=made, mode=kind) as archive:
            archive.addfile(tarfile.TarInfo("Books.en-fr.en"))
    return made.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            packed("zip"),
            "zip archive of Books.en-fr.en, .*fr.fr. Unpack .*unzip",
        ),
        (packed("w"), "a tar archive.*tar xf"),
        (packed("w:gz"), "a tar archive"),
        (
            b"\x28\xb5\x2f\xfd\x04\x00",
            "damaged .*zstd"
            if lines._ZSTD
            else "by zstd, .*backports.zstd before Python 3.14.*zstd -d",
        ),
        ("la\nle\n".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        ("la\nle\n".encode("utf-16-be"), "UTF-16 without a byte order mark"),
        ("\u4e00\u4e8c\n".encode("utf-16-le"), "without a byte order mark"),
        (b"PK\x05\x06" + bytes(18), "an empty zip archive"),
        (b"\x04\x22\x4d\x18d@", "compressed by lz4.*lz4 -d"),
        (lzma.compress(b"a\n" * 99, lzma.FORMAT_ALONE), "by lzma.*unlzma"),
        (b"%PDF-1.7\n", "a PDF document.*pdftotext"),
        (b"a\rb\rc", "carriage returns"),
        ("a\rb".encode("utf-16"), "carriage returns"),
        (b"a\nb\xe9\n", "line 2: not UTF-8 .*byte 1.*iconv"),
        (b"\xff\xfea\0\n\0\x00\xd8\n\0", "line 1 or after it: not UTF-16-LE"),
        (gzip.compress(TEXT.encode() * 99)[:50], "damaged gzip"),
        (bz2.compress(TEXT.encode() * 99)[:50], "damaged gzip, bzip2"),
        (b"BZh91AY&SY" + bytes(50), "damaged gzip, bzip2"),
        (lzma.compress(TEXT.encode() * 99)[:50], "damaged .*xz"),
        (gzip.compress(b"a\n")[:-8] + bytes(8), "damaged gzip"),
    ],
    # Bytes are no names: gzip writes the time, and names must not change.
    ids=lambda value: value if isinstance(value, str) else "data",
)
def test_what_is_not_text(tmp_path, data, message):
    (tmp_path / "file").write_bytes(data)
    pattern = re.escape(str(tmp_path / "file")) + ".*" + message
    with pytest.raises(ValueError, match=pattern):
        list(lines.read_lines(tmp_path / "file"))


@pytest.mark.parametrize("packer", PACKERS)
def test_byte_by_byte(packer):
    """The bytes of a pipe may arrive one by one."""

    class Slow(io.BytesIO):
        def read1(self, size=-1):
            return super().read1(1)

    data = PACKERS[packer](encode(TEXT, "utf-16-le"))
    assert list(lines.read_lines(Slow(data))) == LINES


@pytest.mark.parametrize(
    "text", ["Rar! a rare one", "BZhukov is here", "%PD", "PK", "7z", "B"]
)
def test_text_that_begins_like_an_archive(text):
    assert list(lines.read_lines(io.BytesIO(text.encode()))) == [text]


def test_bytes_may_be_replaced():
    data = b"\xef\xbb\xbfa\nb\xe9\n\xf0\x9f\x98"
    assert list(lines.read_lines(io.BytesIO(data), errors="replace")) == [
        "a",
        "b\ufffd",
        "\ufffd",
    ]


def test_the_systems_errors_are_left(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(lines.read_lines(tmp_path / "nowhere"))
    with pytest.raises(IsADirectoryError):
        list(lines.read_lines(tmp_path))
