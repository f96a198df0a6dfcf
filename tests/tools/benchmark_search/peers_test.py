"""The searches of other engines run where they are installed."""

import numpy as np
import pytest

from tools.benchmark_search import peers


def test_sources_are_of_the_vocabulary_and_the_same_each_time():
    job = {"vocabulary_size": 11, "batch_size": 5, "source_length": 7}
    sources = peers.draw_sources(job, first=3)
    assert sources.shape == (5, 7)
    assert sources.min() >= 3 and sources.max() == 10
    np.testing.assert_array_equal(sources, peers.draw_sources(job, first=3))


@pytest.mark.parametrize(
    "engine,module",
    (("ctranslate2", "ctranslate2"), ("marian", "transformers")),
)
def test_an_engine_that_is_installed_searches(engine, module):
    pytest.importorskip(module, reason=f"{module} is not installed")
    job = {
        "precision": "float32",
        "beam_size": 2,
        "threads": 1,
        "layers": 1,
        "model_dim": 8,
        "feed_forward_dim": 16,
        "num_heads": 2,
        "vocabulary_size": 23,
        "batch_size": 3,
        "source_length": 5,
        "target_length": 7,
    }
    search, version = getattr(peers, f"{engine}_search")(job)
    search()
    assert version
