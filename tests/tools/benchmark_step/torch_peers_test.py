"""The engines in PyTorch train where it is installed."""

import dataclasses

import pytest

from tests.tools.benchmark_step import jobs_test
from tools.benchmark_step import jobs

pytest.importorskip("torch", reason="torch is not installed")
from tools.benchmark_step import torch_peers  # noqa: E402


@pytest.mark.parametrize("engine", [jobs.TORCH, jobs.MARIAN])
def test_trains(engine):
    if engine == jobs.MARIAN:
        pytest.importorskip("transformers", reason="it is not installed")
    job = dataclasses.replace(jobs_test.JOB, engine=engine)
    train, facts = torch_peers.make_training(job)
    seconds, tokens = train()
    assert seconds > 0
    assert tokens == 2 * 5 * 13
    assert facts["parameters"] > 0
