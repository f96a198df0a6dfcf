"""A replica describes its SavedModel, and reports whether it is healthy.

`main_test.py` tests the batches of a replica, which need Ray.
"""

import pytest

from tests.export import saved_model_test
from tests.tools.serve_ray import event_loop
from tests.translation import toy  # noqa: F401  Trains it once in a process.
from tools.serve_ray import batches

pytest.importorskip("ray.serve", reason="ray[serve] is not installed")

from tools.serve_ray.model import Model  # noqa: E402


@pytest.fixture(scope="module")
def model():
    directory = str(saved_model_test.saved())
    return Model(directory, ["ba", "de fi"], 5, 0.5)


def test_describes_its_signatures(model):
    described = model.describe()
    assert set(described) == set(saved_model_test.loaded_signatures())
    assert described["score"]["inputs"] == {
        "text": ["string", [None]],
        "target": ["string", [None]],
    }


def test_a_model_that_fails_is_not_healthy(model, monkeypatch):
    event_loop.run(model.check_health())

    def fail(*_):
        raise RuntimeError("lost")

    monkeypatch.setattr(batches, "answers_of", fail)
    with pytest.raises(RuntimeError, match="lost"):
        event_loop.run(model.check_health())
