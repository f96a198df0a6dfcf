"""Every control of the tab works, in a real browser."""

import re

import numpy as np
import pytest

from tests.explorer import sample_trace
from tests.explorer.tab import server as servers

pytestmark = [pytest.mark.browser, pytest.mark.process]
HOSTILE = "<img src=x onerror=alert(1)> \u202e &amp; a"
STEPS = (0, 7, 13)
LAYER_2 = "encoder/block_2/attention/weights"


def seed_of(run, step):
    return step + (100 if run == "b" else 0)


def text_trace(run, step):
    return servers.trace(seed=seed_of(run, step))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def server(folder):
    for run in ("a", "b"):
        for step in STEPS:
            traces = [
                text_trace(run, step),
                servers.trace(HOSTILE, pieces=["<b>x</b>", HOSTILE]),
            ]
            servers.write(folder / run, traces, step)
    server = servers.Server(folder)
    server.wait_for(lambda: len(server.get_json("runs")["runs"]) == 2)
    server.wait_for(
        lambda: (
            server.get_json("steps", run="b", tag="traces/sentence_1")["steps"]
            == list(STEPS)
        )
    )
    return server


@pytest.fixture(scope="module")
def opened(browser, server):
    """TensorBoard with the open tab. It must log no error."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    problems = []
    page.on(
        "console",
        lambda message: (
            message.type == "error" and problems.append(message.text)
        ),
    )
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.set_default_timeout(30_000)
    page.goto(f"{server.address}#keras_transformer")
    page.frame_locator("iframe").locator("svg.heat-map").wait_for()
    yield page
    context.close()
    assert not problems


@pytest.fixture
def tab(opened):
    """The tab in its initial state."""
    frame = next(each for each in opened.frames if "plugin_entry" in each.url)
    frame.goto(frame.url)
    frame.locator("svg.heat-map").wait_for()
    return frame


def select(tab, label):
    """Returns the first selection list with a label."""
    field = tab.locator("label.field", has_text=re.compile(f"^{label}"))
    return field.locator("select").first


def assert_shows(tab, trace, name="attention-map", head=0, array=LAYER_2):
    """Checks that a heat map shows the weights of a trace."""
    expected = f"{trace.arrays[array][head].max():.2f}"
    figure = tab.locator(f'[data-figure="{name}"] svg')
    for _ in range(100):
        label = figure.get_attribute("aria-label")
        if f" {expected};" in label:
            return
        tab.wait_for_timeout(50)
    raise AssertionError(f"{expected} is not in {label}")


def slide(tab, index, side=0):
    tab.locator(f'[data-side="{side}"] input').evaluate(
        """(element, value) => {
            element.value = value;
            element.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        str(index),
    )


def test_it_opens_with_the_last_step(tab):
    assert tab.locator("output").first.inner_text() == "13"
    assert_shows(tab, text_trace("a", 13))
    written = text_trace("a", 13).target.text
    assert tab.locator(".target-text").inner_text() == written


def test_the_slider_goes_through_the_steps(tab):
    slide(tab, 0)
    assert_shows(tab, text_trace("a", 0))
    slide(tab, 1)
    assert_shows(tab, text_trace("a", 7))
    assert tab.locator(".side-title").first.inner_text() == "a, step 7"


@pytest.mark.grid
def test_it_plays_to_the_last_step(tab):
    play = tab.locator(".play")
    play.click()
    tab.locator(".side-title", has_text="step 0").first.wait_for()
    tab.locator(".side-title", has_text="step 7").first.wait_for()
    tab.locator(".side-title", has_text="step 13").first.wait_for()
    tab.locator(".play", has_text="Play").wait_for()


def test_runs_are_chosen(tab):
    select(tab, "Run").select_option("b")
    assert_shows(tab, text_trace("b", 13))


def test_layers_heads_and_attentions_are_chosen(tab):
    trace = text_trace("a", 13)
    tab.get_by_role("button", name="1", exact=True).first.click()
    assert_shows(tab, trace, array="encoder/block_1/attention/weights")
    select(tab, "Head of the heat map").select_option("2")
    assert_shows(tab, trace, head=2, array="encoder/block_1/attention/weights")
    tab.get_by_role("button", name="Encoder–decoder attention").click()
    name = "decoder/block_1/cross_attention/weights"
    assert_shows(tab, trace, head=2, array=name)
    lines = tab.locator('[data-figure="attention-lines"] svg > g line')
    count = lines.count()
    tab.get_by_role("button", name="Head 1", exact=True).click()
    for _ in range(100):
        if lines.count() < count:
            return
        tab.wait_for_timeout(50)
    raise AssertionError("all lines are still there")


def test_two_runs_beside_each_other(tab):
    tab.get_by_role("button", name="Compare").click()
    assert_shows(tab, text_trace("a", 13))
    assert_shows(tab, text_trace("b", 13), name="attention-map-2")
    slide(tab, 0, side=1)
    assert_shows(tab, text_trace("b", 0), name="attention-map-2")
    assert_shows(tab, text_trace("a", 13))
    tab.get_by_role("button", name="Compare").click()
    assert tab.locator("svg.heat-map").count() == 1


def test_two_steps_of_a_run(tab):
    tab.get_by_role("button", name="Compare").click()
    select(tab, "Run to compare").select_option("a")
    slide(tab, 0, side=1)
    assert_shows(tab, text_trace("a", 0), name="attention-map-2")
    assert_shows(tab, text_trace("a", 13))


def test_the_head_finder(tab):
    trace = text_trace("a", 13)
    words = select(tab, "From the word").locator("option")
    assert "it (sentence)" in words.all_inner_texts()
    select(tab, "From the word").select_option(label="it (sentence)")
    select(tab, "to the word").select_option(label="animal (sentence)")
    rows, columns = (
        [i for i, word in enumerate(trace.source.words) if word == number]
        for number in (7, 1)
    )
    weights = {
        (layer, head): trace.arrays[f"encoder/block_{layer}/attention/weights"][
            head
        ][np.ix_(rows, columns)]
        .sum(1)
        .mean()
        for layer in (1, 2)
        for head in range(sample_trace.H)
    }
    (layer, head), weight = max(weights.items(), key=lambda item: item[1])
    best = tab.locator(".found-heads button").first
    assert best.inner_text() == (
        f"Encoder self-attention {layer}, head {head + 1}: {weight:.2f}"
    )
    best.click()
    name = f"encoder/block_{layer}/attention/weights"
    assert_shows(tab, trace, head=head, array=name)
    select(tab, "to the word").select_option(index=words.count() - 1)
    assert "No attention has both" in tab.locator(".head-finder").inner_text()


def test_decoding_steps(tab):
    trace = text_trace("a", 13)
    tab.locator("label.slider", has_text="Step 1 of").locator("input").evaluate(
        """(element) => {
            element.value = 3;
            element.dispatchEvent(new Event("input", { bubbles: true }));
        }"""
    )
    candidates = trace.steps[2]
    best = np.exp(candidates.logits[0] - candidates.log_normalizer)
    numbers = tab.locator('[data-figure="next-token"] .bar-number')
    digits = 1 if best < 0.0995 else 0
    assert numbers.first.text_content() == f"{100 * best:.{digits}f} %"
    figure = tab.locator('[data-figure="looks-at-source"] .bar')
    assert figure.count() == len(trace.source.tokens)


def test_tokens_are_text(tab):
    select(tab, "Sentence").select_option("traces/sentence_2")
    labels = tab.locator('[data-figure="attention-map"] text.token')
    labels.filter(has_text="<b>x</b>").first.wait_for()
    assert tab.locator("#app img, #app b > x").count() == 0
    # Characters that change the direction of a line are spelled out.
    assert "⟨U+202E⟩" in select(tab, "Sentence").inner_text()


@pytest.mark.grid
def test_new_steps_come_while_training_goes_on(tab, folder, server):
    servers.write(folder / "a", [text_trace("a", 29)], 29)
    tab.locator(".side-title", has_text="step 29").first.wait_for()
    assert_shows(tab, text_trace("a", 29))
