"""A page of `save_page`, with the real engine, opened from disk."""

import pytest

import keras_transformer as kt
from keras_transformer import explorer, interpretation
from tests.explorer import translators

pytestmark = [pytest.mark.browser, pytest.mark.process]
FIRST, SECOND, OTHER = (*translators.SENTENCES[:2], "the cat was tired, merci")


@pytest.fixture(scope="module")
def live():
    search = kt.search.BeamSearch(3, alpha=0.7)
    return translators.translator_that_ends(search, seed=1)


@pytest.fixture(scope="module")
def address(live, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    assert explorer.save_page(path, live, [FIRST, SECOND])
    return path.as_uri()


@pytest.fixture
def opened(page, address):
    page.goto(address)
    page.wait_for_selector("#attribution svg")
    return page


def shows(page, text):
    """Waits until the page shows the translation of a text."""
    page.wait_for_function(
        "text => document.querySelector('#whole .target-text')"
        ".textContent === text",
        arg=text,
    )


@pytest.mark.grid
def test_any_sentence_is_translated(opened, live):
    first, other = live.translate([FIRST, OTHER])
    assert first != other
    shows(opened, first)
    field = opened.locator("#whole .sentence input").first
    field.fill(OTHER)
    field.press("Enter")
    shows(opened, other)


# The tests of the engine compare it with Python for all searches and heads.
# `page_in_browser_test.py` tests the requests of the controls.
@pytest.mark.grid
def test_the_search_is_the_one_that_was_chosen(opened, live):
    greedy = live.with_search(kt.search.GreedySearch()).translate([FIRST])[0]
    assert greedy != live.translate([FIRST])[0]
    opened.locator("#beam-search button", has_text="Greedy").click()
    shows(opened, greedy)


@pytest.mark.grid
def test_heads_that_are_off_change_the_translation(opened, live):
    attention = "decoder/block_2/cross_attention"
    heads = [(attention, head) for head in range(4)]
    without = interpretation.without_heads(live, heads).translate([FIRST])[0]
    assert without != live.translate([FIRST])[0]
    for _, head in heads:
        opened.locator(f'[data-head="{attention}:{head}"]').click()
    opened.wait_for_function(
        "text => document.querySelector('#heads-off .change')"
        "?.textContent.includes(text)",
        arg=without,
    )
