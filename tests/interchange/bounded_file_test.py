"""The reader never reads more bytes than a file has."""

import io

import pytest

from keras_transformer.interchange import bounded_file


def test_reads_up_to_the_end():
    file = bounded_file.BoundedFile(io.BytesIO(b"\1\2abc"), "some.bin")
    assert file.left == 5
    assert file.number("<H", "a number") == 513
    assert file.take(3, "letters") == b"abc"
    file.check_end()


@pytest.mark.parametrize("size", [4, 2**62, -1])
def test_sizes_that_lie(size):
    file = bounded_file.BoundedFile(io.BytesIO(b"abc"), "some.bin")
    with pytest.raises(ValueError, match="some.bin is damaged.* 3 are left"):
        file.take(size, "letters")


def test_bytes_that_are_left():
    file = bounded_file.BoundedFile(io.BytesIO(b"abc"), "some.bin")
    with pytest.raises(ValueError, match="3 bytes follow after its end"):
        file.check_end()
