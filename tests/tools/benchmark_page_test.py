"""The benchmark of the page times a page, or names what is missing."""

import json
import shutil

import pytest

from keras_transformer.explorer import saving
from tests.interpretation import random_translator
from tests.tools import commands, in_process


@pytest.mark.grid
@pytest.mark.browser
@pytest.mark.process
def test_prints_what_it_measured(tmp_path):
    pytest.importorskip("playwright", reason="Playwright is not installed")
    if shutil.which("chromium") is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    path = tmp_path / "page.html"
    saving.save_page(path, random_translator.translator(), ["a cat"])
    # A process of its own: this process may have a browser of other tests.
    found = commands.run("benchmark_page", f"--page={path}", "--repeats=1")
    assert found.returncode == 0, found.stderr
    printed = json.loads(found.stdout)
    assert printed["megabytes"] == round(path.stat().st_size / 1e6, 2)
    for name in ("opened_seconds", "translated_seconds", "slider_milliseconds"):
        median, least, most = printed[name]
        assert 0 < least <= median <= most


def test_no_page(tmp_path):
    found = in_process.call("benchmark_page", f"--page={tmp_path}/page.html")
    assert found.returncode == 1
    assert b"There is no page" in found.stderr
    assert b"Write it with tools.explore" in found.stderr
