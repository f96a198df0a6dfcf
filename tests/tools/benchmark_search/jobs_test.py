"""A job refuses sizes that are not positive numbers."""

import dataclasses
import re

import pytest

from tools.benchmark_search import jobs


@pytest.mark.parametrize(
    ("name", "size"),
    [("batch_size", 0), ("layers", -1), ("target_length", "a")],
)
def test_sizes_that_are_none(name, size):
    message = f"--{name} must be a number, at least 1. Received: {size}."
    with pytest.raises(ValueError, match=re.escape(message)):
        dataclasses.replace(jobs.Job(), **{name: size})
