"""KerasHub's engine trains where KerasHub is installed."""

import pytest

from tests.tools.benchmark_step import jobs_test

pytest.importorskip("keras_hub", reason="keras-hub is not installed")
from tools.benchmark_step import keras_hub_peer  # noqa: E402


def test_trains(monkeypatch):
    # TensorFlow has started, so the number of threads cannot be set.
    monkeypatch.setattr(
        keras_hub_peer.keras_fit, "use_threads", lambda count: None
    )
    train, facts = keras_hub_peer.make_training(jobs_test.JOB)
    seconds, tokens = train()
    assert seconds > 0
    assert tokens == 2 * 5 * 13
    assert facts["parameters"] > 0
