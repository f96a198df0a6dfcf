"""Tests share one page. It is checked in each test and emptied after it."""

import pytest

from tests.explorer import watching

pytestmark = [pytest.mark.browser, pytest.mark.process]


@pytest.mark.parametrize(
    "script",
    [
        "console.error('wrong')",
        "setTimeout(() => { throw new Error('wrong'); })",
        "new Image().src = 'http://elsewhere.test/picture.png'",
    ],
)
def test_what_a_page_must_not_do(kept_page, script):
    with (
        pytest.raises(AssertionError),
        watching.watched(kept_page),
        watching.emptied(kept_page) as page,
    ):
        page.evaluate(script)
        page.wait_for_timeout(50)
    with watching.watched(kept_page), watching.emptied(kept_page) as page:
        page.evaluate("console.log('fine')")


def test_nothing_is_left(kept_page):
    with watching.emptied(kept_page) as page:
        page.set_viewport_size({"width": 321, "height": 123})
        page.emulate_media(media="print", color_scheme="dark")
        page.evaluate("window.left = 7")
    with watching.emptied(kept_page) as page:
        assert page.viewport_size == watching.SIZE
        for query in ("print", "(prefers-color-scheme: dark)"):
            assert not page.evaluate(f"matchMedia('{query}').matches")
        assert page.evaluate("window.left === undefined")
