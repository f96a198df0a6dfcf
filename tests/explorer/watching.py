"""A page of a browser that must log no error and ask for nothing but itself."""

import contextlib

SIZE = {"width": 1280, "height": 900}


@contextlib.contextmanager
def page(browser):
    """Opens a page, and checks it when it is closed."""
    with opened(browser) as page, watched(page):
        yield page


@contextlib.contextmanager
def opened(browser):
    """A page that nothing was loaded into."""
    context = browser.new_context(viewport=SIZE, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(10_000)
    try:
        yield page
    finally:
        context.close()


@contextlib.contextmanager
def watched(page):
    """Checks what a page logged and loaded in the meantime."""
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
    # Pictures that the page draws itself are no requests to others.
    others = [
        url
        for url in requests
        if not url.startswith(("file:", "data:", "blob:", "about:"))
    ]
    assert not others
    assert len({url for url in requests if url.startswith("file:")}) <= 2


@contextlib.contextmanager
def emptied(page):
    """A page as a new one: nothing is left of what was in it before.

    A new one costs twice as much, since the browser starts a process for it.
    """
    page.set_viewport_size(SIZE)
    page.mouse.move(0, 0)
    try:
        yield page
    finally:
        page.goto("about:blank")
        page.emulate_media(media="null", color_scheme="null")
