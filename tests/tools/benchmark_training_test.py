"""The benchmark runs, and counts the operations of a step."""

import json

import pytest

from tests.tools import in_process
from tools import benchmark_training

SIZES = {
    "layers": 2,
    "model_dim": 6,
    "feed_forward_dim": 7,
    "num_heads": 3,
    "vocabulary_size": 11,
    "batch_size": 5,
    "length": 13,
}


def test_operations_are_counted():
    tokens, dim = 5 * 13, 6
    projection = 2 * tokens * dim * dim
    scores = 2 * 5 * 13 * 13 * dim
    attention = 4 * projection + 2 * scores
    feed_forward = 2 * (2 * tokens * dim * 7)
    forward = 2 * (3 * attention + 2 * feed_forward) + 2 * tokens * dim * 11
    assert (
        benchmark_training.step_flops(benchmark_training.Timing(**SIZES))
        == 3 * forward
    )


@pytest.mark.grid
def test_prints_what_it_measured():
    result = in_process.call(
        "benchmark_training",
        "--steps=3",
        *(f"--{name}={value}" for name, value in SIZES.items()),
        # Tracing takes some seconds for each block.
        "--layers=1",
    )
    assert result.returncode == 0
    found = json.loads(result.stdout)
    low, high = found["step_ms_range"]
    assert 0 < low <= found["step_ms"] <= high
    assert found["ceiling_gflops"] > 1
    assert found["parameters"] > 0
