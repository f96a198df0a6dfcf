"""The benchmark reads windows of the given size."""

import json

from tests.data.shards import directories
from tests.tools import in_process


def test_command(tmp_path):
    path = directories.write(tmp_path, directories.random_pairs(101))
    result = in_process.call(
        "benchmark_data",
        f"--shards={path}",
        "--windows=3",
        "--window_pairs=23",
        "--batches=5",
        "--tokens_per_batch=512",
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["pairs"] == 101
    assert report["windows_per_epoch"] == 5
    assert report["megabytes"] >= report["megabytes_before"] > 0
    for name in (
        "seconds_to_open",
        "seconds_to_the_first_window",
        "seconds_to_a_window_in_the_middle",
        "pairs_per_second",
    ):
        assert report[name] > 0
    kinds = (report["one_pair_in_a_row"], report["packed"])
    for batches in kinds:
        assert batches["seconds_to_the_first_batch"] > 0
        assert batches["seconds_to_a_batch_in_the_middle"] > 0
        assert batches["target_tokens_per_second"] > 0
        assert 0 < batches["share_of_padding"] < 1
    # The windows are too small to fill a batch: either may have more padding.
    assert kinds[0]["share_of_padding"] != kinds[1]["share_of_padding"]
    assert report["seconds_to_the_first_window"] >= report["seconds_to_open"]


def test_no_shards(tmp_path):
    result = in_process.call("benchmark_data", f"--shards={tmp_path}")
    assert result.returncode == 1
    assert b"is not a shard directory" in result.stderr
