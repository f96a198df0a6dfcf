"""TensorFlow must read the files of records; damage must cause an error."""

import gzip

import pytest
import tensorflow as tf

from keras_transformer.data.shards import records

RECORDS = [b"", b"one", bytes(range(256)) * 13]


@pytest.fixture
def file(tmp_path):
    records.write_records(str(tmp_path / "file"), RECORDS)
    return tmp_path / "file"


def test_records_come_back(file):
    assert records.read_records(str(file)) == RECORDS


def test_tensorflow_reads_them(file):
    dataset = tf.data.TFRecordDataset(str(file), "GZIP")
    assert list(dataset.as_numpy_iterator()) == RECORDS


def test_files_are_compressed(file):
    assert len(file.read_bytes()) < len(RECORDS[2]) / 2


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: data[:-1], id="cut"),
        pytest.param(lambda data: data[:40], id="cut_in_half"),
        pytest.param(lambda data: b"\0" + data[1:], id="no_gzip"),
        pytest.param(
            lambda data: data[:50] + bytes([data[50] ^ 255]) + data[51:],
            id="changed",
        ),
        pytest.param(lambda data: data[:-6] + bytes(6), id="checksum"),
    ],
)
def test_damaged_files(file, change):
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(ValueError, match="a damaged gzip file"):
        records.read_records(str(file))


@pytest.mark.parametrize("content", [b"abc", bytes([9]) + bytes(19)])
def test_files_without_records(file, content):
    file.write_bytes(gzip.compress(content))
    with pytest.raises(ValueError, match="not a file of records"):
        records.read_records(str(file))


def test_missing_file(tmp_path):
    with pytest.raises(tf.errors.NotFoundError):
        records.read_records(str(tmp_path / "nowhere"))


def test_files_of_other_programs(file):
    with tf.io.TFRecordWriter(str(file), "GZIP") as writer:
        writer.write(b"theirs")
    assert records.read_records(str(file)) == [b"theirs"]
    assert gzip.decompress(file.read_bytes())[:8] == bytes([6, *bytes(7)])
