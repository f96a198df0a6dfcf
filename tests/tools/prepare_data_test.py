"""The command writes what the library writes, and names what it left out."""

import re
import resource

import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer.data import encoding
from tests.data.shards import directories
from tests.tools import in_process

LINES = [f"a cat {i}\tun chat {i}" for i in range(53)]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    file = tmp_path_factory.mktemp("vocabulary") / "vocabulary.model"
    model = kt.learn_vocabulary(
        [*LINES, "0123456789"], may_be_smaller=True, user_symbols=["<2fr>"]
    )
    kt.Tokenizer(model).save(file)
    return file


@pytest.fixture
def run(tmp_path, vocabulary):
    """Runs the command on lines of tab-separated text."""

    def call(lines, *flags):
        data = "".join(f"{line}\n" for line in lines)
        (tmp_path / "pairs.tsv").write_bytes(
            data.encode("utf-8", "surrogateescape")
        )
        return in_process.call(
            "prepare_data",
            f"--tsv={tmp_path}/pairs.tsv",
            f"--vocabulary={vocabulary}",
            f"--output_dir={tmp_path}/shards",
            *flags,
        )

    return call


def pairs_of(path):
    reader = kt.data.ShardedPairs([path])
    return sorted(directories.as_tuples(reader.read_window(0)))


def test_text_to_shards(run, tmp_path, vocabulary):
    result = run(
        LINES, "--rare_characters=0", "--pairs_per_shard=17", "--tag=<2fr>"
    )
    assert result.returncode == 0, result.stderr
    output = result.stdout.decode()
    assert "53 pairs in 4 shards. Left out: 0 with an empty side" in output
    assert " pairs a minute and core." in output
    assert f"--train_shards={tmp_path}/shards" in output
    pairs = kt.data.read_tsv([f"{tmp_path}/pairs.tsv"])
    expected = encoding.encode_pairs(
        [pair._replace(source=f"<2fr> {pair.source}") for pair in pairs],
        kt.Tokenizer.from_file(vocabulary),
    )
    assert pairs_of(tmp_path / "shards") == sorted(
        directories.as_tuples(expected)
    )
    index = kt.data.ShardDirectory(tmp_path / "shards").index
    assert index.source_files == (f"{tmp_path}/pairs.tsv",)


def test_parallel_files(run, tmp_path, vocabulary):
    for name, column in (("en", 0), ("fr", 1)):
        (tmp_path / name).write_text(
            "".join(f"{line.split(chr(9))[column]}\n" for line in LINES)
        )
    result = in_process.call(
        "prepare_data",
        f"--source={tmp_path}/en",
        f"--target={tmp_path}/fr",
        f"--vocabulary={vocabulary}",
        f"--output_dir={tmp_path}/parallel",
    )
    assert result.returncode == 0, result.stderr
    assert run(LINES).returncode == 0
    assert pairs_of(tmp_path / "parallel") == pairs_of(tmp_path / "shards")


def test_cleaning(run, tmp_path):
    lines = [*LINES, LINES[3], "OK\tOK", "caf\udce9\tun", "a\tb " * 3, ""]
    result = run(lines, "--drop_duplicates", "--drop_copies", "--drop_not_utf8")
    assert result.returncode == 0, result.stderr
    output = result.stdout.decode()
    assert "Cleaning kept 54 of 58 pairs." in output
    for name in ("duplicates", "copies", "not_utf8"):
        assert f"  drop_{name}: " in output
    assert "'caf\\\\xe9' | 'un'" in output
    index = kt.data.ShardDirectory(tmp_path / "shards").index
    assert index.num_pairs == 54
    assert index.cleaning["drop_not_utf8"]["examples"] == [["caf\\xe9", "un"]]


def test_rare_characters_have_no_piece(run, tmp_path):
    assert run(LINES, "--rare_characters=1").returncode == 0
    shards = kt.data.ShardDirectory(tmp_path / "shards")
    tokenizer, _ = shards.tokenizers()
    sources, targets = shards.read(0, 0, 53)
    texts = tokenizer.decode(ragged(sources)).numpy()
    assert all(
        tokenizer.has_unknown_characters(text.decode()) for text in texts
    )
    for target in tokenizer.decode(ragged(targets)).numpy():
        assert target.decode() in {line.split("\t")[1] for line in LINES}


def ragged(rows):
    return tf.ragged.constant([row.tolist() for row in rows], tf.int32)


@pytest.mark.parametrize(
    ("lines", "flags", "message"),
    [
        (["no tab"], (), "pairs.tsv, line 1: expected source and target"),
        (["a\tb", "\udce9\tb"], (), "pairs.tsv, line 2: not UTF-8"),
        (LINES, ("--source=x", "--target=y"), "Give the text once"),
        (LINES, ("--tsv=",), "Give the text once"),
        (LINES, ("--tag=<2de>",), "A tag must be one symbol.*<2de>"),
        (LINES, ("--vocabulary=nowhere",), "No such vocabulary: nowhere"),
        (LINES, ("--max_length=2",), "No sentence pair is left of 53"),
        (LINES, ("--min_words=99",), "No sentence pair is left"),
        (LINES, ("--rare_characters=2",), r"in \[0, 1\]. Received: 2"),
        (LINES, ("--max_length=0",), "`max_length` must be at least 1"),
        (LINES, ("--source_scripts=Latin",), "Unknown script.*'Latin'"),
    ],
)
def test_errors(run, tmp_path, lines, flags, message):
    result = run(lines, *flags)
    assert result.returncode == 1
    [line] = result.stderr.decode().splitlines()
    assert line.startswith("error: ")
    assert re.search(message, line)
    assert not kt.data.is_shard_directory(f"{tmp_path}/shards")


def test_shards_are_not_replaced(run):
    assert run(LINES).returncode == 0
    result = run(LINES[:5])
    assert result.returncode == 1
    assert b"is a shard directory already" in result.stderr


def test_a_full_disk(run, tmp_path, vocabulary):
    assert run(LINES, "--min_words=99").returncode == 1  # Writes pairs.tsv.
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**9, hard))
    try:
        result = in_process.call(
            "prepare_data",
            f"--tsv={tmp_path}/pairs.tsv",
            f"--vocabulary={vocabulary}",
            f"--output_dir={tmp_path}/shards",
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert result.returncode == 1
    assert b"error: File too large: " in result.stderr
    assert not kt.data.is_shard_directory(f"{tmp_path}/shards")
