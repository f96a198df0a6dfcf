"""Both comparisons run and print their results."""

import json

import pytest

from tests.tools import in_process

SIZES = {
    "rounds": 3,
    "steps": 10,
    "layers": 1,
    "model_dim": 6,
    "vocabulary_size": 11,
    "batch_size": 5,
    "length": 7,
}


@pytest.mark.grid
def test_prints_what_it_measured():
    result = in_process.call(
        "benchmark_fit",
        *(f"--{name}={value}" for name, value in SIZES.items()),
    )
    assert result.returncode == 0
    fit, execution = map(json.loads, result.stdout.splitlines())
    assert fit["what"] == "fit"
    assert execution["what"] == "steps_per_execution"
    for found, names in ((fit, ("ours", "keras")), (execution, ("one", "ten"))):
        for name in names:
            low, high = found[f"{name}_ms_range"]
            assert 0 < low <= found[f"{name}_ms"] <= high
        low, high = found["ratio_range"]
        assert low <= found["ratio"] <= high
        # Seeds, batches and updates are the same, so the losses agree.
        first, second = (found[f"{name}_loss"] for name in names)
        assert abs(first - second) < 2e-4
