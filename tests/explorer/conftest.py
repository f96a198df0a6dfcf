"""One browser for all tests of a process, and a page that is checked."""

import shutil

import pytest

from tests.explorer import watching


@pytest.fixture(scope="session")
def browser():
    """Starts Debian's Chromium with Playwright."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed"
    )
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def kept_page(browser):
    with watching.opened(browser) as page:
        yield page


@pytest.fixture
def page(kept_page):
    """A page that may log no error and may request nothing but its own file."""
    with watching.watched(kept_page), watching.emptied(kept_page) as page:
        yield page
