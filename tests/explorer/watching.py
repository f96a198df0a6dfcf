"""A browser page that may log no error and request only its own file."""

import contextlib

SIZE = {"width": 1280, "height": 900}


@contextlib.contextmanager
def page(browser):
    """Opens a page, and checks it at the end."""
    with opened(browser) as page, watched(page):
        yield page


@contextlib.contextmanager
def opened(browser):
    """Opens an empty page."""
    context = browser.new_context(viewport=SIZE, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(10_000)
    try:
        yield page
    finally:
        context.close()


@contextlib.contextmanager
def watched(page):
    """Checks, at the end, what the page logged and requested."""
    problems, requests = [], []

    def of_console(message):
        if message.type in ("error", "warning"):
            problems.append(message.text)

    def of_script(error):
        problems.append(str(error))

    def of_network(request):
        requests.append(request.url)

    listeners = {
        "console": of_console,
        "pageerror": of_script,
        "request": of_network,
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    try:
        yield page
    finally:
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
    assert not problems
    # Requests of pictures that the page drew itself are allowed.
    others = [
        url
        for url in requests
        if not url.startswith(("file:", "data:", "blob:", "about:"))
    ]
    assert not others
    assert len({url for url in requests if url.startswith("file:")}) <= 2


@contextlib.contextmanager
def emptied(page):
    """Empties the page at the end, so that a test can use it like a new page.

    A new page costs twice as much, because the browser starts a process for it.
    """
    page.set_viewport_size(SIZE)
    page.mouse.move(0, 0)
    try:
        yield page
    finally:
        page.goto("about:blank")
        page.emulate_media(media="null", color_scheme="null")
