"""A page that can import the modules of the front end."""

import pathlib

import pytest

import keras_transformer.explorer

FRONT_END = pathlib.Path(keras_transformer.explorer.__file__).parent.joinpath(
    "front_end"
)
# No server is at this address: `answer` below answers each request.
ADDRESS = "http://front-end.test/"


@pytest.fixture(scope="module")
def front_end(browser):
    """An empty page that can import the modules of the front end."""
    page = browser.new_page()

    def answer(route):
        name = route.request.url.removeprefix(ADDRESS)
        if not name:
            route.fulfill(body="<!doctype html>", content_type="text/html")
            return
        script = (FRONT_END / name).read_bytes()
        route.fulfill(body=script, content_type="text/javascript")

    page.route("**/*", answer)
    page.goto(ADDRESS)
    yield page
    page.close()
