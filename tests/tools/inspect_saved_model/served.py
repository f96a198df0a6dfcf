"""The SavedModel of the toy translator, and what the probe answers about it."""

import functools

from tests.export import saved_model_test
from tests.translation import toy
from tools.inspect_saved_model import checks, probe

TEXTS = ["ba de fi", "ra", "go hu ka le"]


def directory():
    """Returns the directory of the SavedModel, which is exported once."""
    return saved_model_test.saved()


def job(**changes):
    return {
        "directory": str(directory()),
        "texts": TEXTS,
        "calls": checks.calls_of(TEXTS),
        "batch_sizes": [],
        "threads": [],
        "requests": 0,
        **changes,
    }


@functools.cache
def answer():
    """Returns the answer of the probe, which runs once in this process."""
    return probe.run(job())


def live():
    return toy.translator()
