"""A page of a browser that must log no error and ask for nothing but itself."""

import contextlib


@contextlib.contextmanager
def page(browser):
    """Opens a page, and checks it when it is closed."""
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
    try:
        yield page
    finally:
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
