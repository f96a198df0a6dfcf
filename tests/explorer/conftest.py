"""One browser for all tests of a process, and a page that is watched."""

import shutil

import pytest


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, driven by Playwright."""
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


@pytest.fixture
def page(browser):
    """A page that must log no error and ask for nothing but itself."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, accept_downloads=True
    )
    page = context.new_page()
    problems, requests = [], []
    page.on(
        "console",
        lambda message: (
            message.type in ("error", "warning")
            and problems.append(message.text)
        ),
    )
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.set_default_timeout(10_000)
    yield page
    context.close()
    assert not problems
    # Pictures that the page draws itself are no requests to others.
    others = [
        url
        for url in requests
        if not url.startswith(("file:", "data:", "blob:"))
    ]
    assert not others
    assert len({url for url in requests if url.startswith("file:")}) <= 2
