"""Every control of the page does what it says, in a real browser."""

import base64
import itertools
import json
import math
import re
import urllib.parse
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from tests import costs
from tests.explorer import fake_page, sample_trace, watching

LAYER_2 = "encoder/block_2/attention"
pytestmark = [pytest.mark.browser, pytest.mark.process]


def decoded(trace, name):
    """Returns an array of a trace."""
    encoded = trace["arrays"][name]
    data = np.frombuffer(base64.b64decode(encoded["values"]), "<f4")
    return data.reshape(encoded["shape"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def data():
    return sample_trace.page()


@pytest.fixture
def recorded(page, folder, data):
    page.goto(fake_page.write(folder, data))
    page.wait_for_selector("#attribution svg")
    return page


@pytest.fixture(scope="module")
def still(browser, folder, data):
    """The recorded page, shared by all tests that do not change it."""
    with watching.page(browser) as page:
        page.goto(fake_page.write(folder, data))
        page.wait_for_selector("#attribution svg")
        yield page


@pytest.fixture
def live(page, folder, data):
    page.goto(fake_page.write(folder, data, is_live=True))
    page.wait_for_selector("#attribution")
    return page


def figure(page, name):
    return page.locator(f'[data-figure="{name}"]')


def asked(page):
    """Returns the last request to the engine."""
    return page.evaluate("requests[requests.length - 1]")


def state(page):
    """Returns the state that the address of the page contains."""
    page.wait_for_timeout(300)
    fragment = urllib.parse.urlsplit(page.url).fragment
    query = fragment.partition("?")[2]
    return dict(urllib.parse.parse_qsl(query, keep_blank_values=True))


def wait(page, condition):
    """Waits for a condition. The policy forbids Playwright's own function."""
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {condition}")


def slide(page, section, label, value):
    """Moves a slider: sends the event of a move and that of its end."""
    slider = page.locator(f"{section} label.slider", has_text=label)
    slider.locator("input").evaluate(
        """(element, value) => {
            element.value = value;
            element.dispatchEvent(new Event("input", { bubbles: true }));
            element.dispatchEvent(new Event("change", { bubbles: true }));
        }""",
        str(value),
    )


READ_BLOCK = """(svg, index) => {
    const block = svg.children[index];
    const number = (element, name) => Number(element.getAttribute(name));
    const rows = [...block.querySelectorAll("g[shape-rendering]")];
    return {
        width: number(block.querySelector(".map-ground"), "width"),
        rows: rows.map((row) => [...row.querySelectorAll("path")].flatMap(
            (path) => path.getAttribute("d").split("M").slice(1).map((d) => {
                const [x, , width] = d.match(/-?[\\d.]+/g).map(Number);
                const sign = path.classList.contains("cell-negative") ? -1 : 1;
                return [x, width, sign * number(path, "fill-opacity")];
            }))),
    };
}"""
SHADES = 24


def drawn(figure, index, columns):
    """Returns the shades of a block of strips, from -1 to 1, from its SVG."""
    block = figure.locator("svg.strips").evaluate(READ_BLOCK, index)
    cell = block["width"] / columns
    shades = np.zeros((len(block["rows"]), columns))
    for row, runs in enumerate(block["rows"]):
        for x, width, shade in runs:
            shades[row, round(x / cell) : round((x + width) / cell)] = shade
    return shades


def assert_drawn(figure, *blocks):
    """Checks blocks of strips. All blocks have the same scale."""
    most = max(np.abs(values).max() for values in blocks)
    for index, values in enumerate(blocks):
        expected = np.floor(values / most * SHADES + 0.5) / SHADES
        shades = drawn(figure, index, values.shape[1])
        # A value in the middle of two shades may be rounded to either.
        assert np.abs(shades - expected).max() <= 1 / SHADES + 1e-3
        assert (np.abs(shades - expected) < 1e-3).mean() > 0.99


class TestTheWhole:
    def test_tokens_and_translation(self, still, data):
        trace = data["traces"][0]
        chips = still.locator("#whole .translation .chip").all_inner_texts()
        tokens = trace["source"]["tokens"] + trace["target"]["tokens"]
        assert chips == tokens
        assert (
            still.locator("#whole .target-text").inner_text()
            == (trace["target"]["text"])
        )

    def test_blocks_open_and_lead_to_their_attention(self, recorded):
        block = recorded.get_by_role("button", name="Decoder block 1")
        name = "Encoder–decoder attention of Decoder block 1"
        sublayer = recorded.get_by_role("button", name=name)
        assert sublayer.count() == 0
        block.focus()
        recorded.keyboard.press("Enter")
        assert state(recorded)["open"] == "decoder:1"
        sublayer.click()
        assert state(recorded)["attention"] == "cross"
        assert state(recorded)["layer"] == "1"
        box = recorded.locator("#self-attention h2").bounding_box()
        recorded.wait_for_timeout(600)
        box = recorded.locator("#self-attention h2").bounding_box()
        assert 0 <= box["y"] < 300

    def test_another_recorded_sentence(self, recorded, data):
        recorded.locator("#whole select").first.select_option(sample_trace.WIDE)
        chips = recorded.locator("#whole .translation .chip").all_inner_texts()
        tokens = data["traces"][1]["source"]["tokens"]
        assert chips[: len(tokens)] == tokens

    def test_a_typed_sentence_is_translated(self, live):
        field = live.get_by_role("textbox", name="First sentence")
        field.fill("Hello <b>you</b>")
        field.press("Enter")
        assert asked(live)["text"] == "Hello <b>you</b>"
        assert state(live)["text"] == "Hello <b>you</b>"
        # A pause in typing starts the translation.
        field.fill("Good day")
        wait(live, "requests[requests.length - 1].text === 'Good day'")

    def test_a_key_pressed_while_it_translates_is_not_lost(self, live):
        text = live.evaluate(
            """async () => {
                const field = document.querySelector("#whole input");
                const type = (text) => {
                    field.value = text;
                    field.dispatchEvent(new Event("input", { bubbles: true }));
                };
                type("One");
                await new Promise((resolve) => setTimeout(resolve, 50));
                field.form.requestSubmit();
                await new Promise((resolve) => setTimeout(resolve, 0));
                type("One more");
                await new Promise((resolve) => setTimeout(resolve, 300));
                return field.value;
            }"""
        )
        assert text == "One more"

    def test_what_the_engine_refuses_is_said(self, live):
        field = live.get_by_role("textbox", name="First sentence")
        field.fill(" ")
        field.press("Enter")
        alert = live.locator("#whole [role=alert]")
        assert alert.inner_text() == "The text is empty."

    def test_without_the_model_controls_are_off_and_say_why(self, still):
        assert still.locator("#heads-off input:enabled").count() == 0
        for section in ("#heads-off", "#beam-search", "#decoding"):
            reason = still.locator(f"{section} .needs-model").inner_text()
            assert "a page that contains the model" in reason
        assert still.locator("#beam-search input").count() == 0

    def test_the_bar_chooses_the_sentence(self, recorded, data):
        recorded.get_by_role("button", name="Show the second sentence").click()
        chips = recorded.locator("#whole .translation .chip").all_inner_texts()
        tokens = data["traces"][1]["source"]["tokens"]
        assert chips[: len(tokens)] == tokens
        assert "wide" in recorded.locator(".bar-text").inner_text()


class TestEmbeddings:
    def test_embedding_position_and_sum(self, still, data):
        titles = figure(still, "embeddings").locator(".block-title")
        assert titles.all_text_contents() == [
            "Embedding",
            "Position",
            "Input of the first block",
        ]
        signs = figure(still, "embeddings").locator(".block-sign")
        assert signs.all_text_contents() == ["", "+", "="]
        assert_drawn(
            figure(still, "embeddings"),
            *(
                decoded(data["traces"][0], f"source/{name}")
                for name in ("embeddings", "positions", "inputs")
            ),
        )
        matrix = figure(still, "positions").locator("svg")
        assert "16 by 20" in matrix.get_attribute("aria-label")

    def test_the_targets_side(self, recorded, data):
        recorded.get_by_role("button", name="the target, as").click()
        labels = figure(recorded, "embeddings").locator("text.token")
        assert labels.first.text_content() == "<s>"

    def test_a_model_without_added_positions(self, page, folder):
        trace = sample_trace.trace()
        del trace["arrays"]["source/positions"]
        trace["model"]["attention_positions"] = "rotary"
        page.goto(fake_page.write(folder, sample_trace.page([trace])))
        assert figure(page, "positions").count() == 0
        note = page.locator("#embeddings .note").inner_text()
        assert "rotary" in note


class TestSelfAttention:
    def test_the_calculation_is_that_of_the_model(self, still, data):
        trace = data["traces"][0]
        tokens = trace["source"]["tokens"]
        row, path = tokens.index("▁it"), "encoder/block_2/attention"
        weights = decoded(trace, f"{path}/weights")[0, row]
        column = int(weights.argmax())
        query = decoded(trace, f"{path}/query")[0, row]
        key = decoded(trace, f"{path}/key")[0, column]
        product = float(query @ key)
        shown = still.locator(".calculation .steps b").all_inner_texts()
        assert shown == [
            f"{product:.2f}".replace("-", "−"),
            f"{product / math.sqrt(5):.2f}".replace("-", "−"),
            f"{weights[column]:.3f}",
            "z",
        ]

    def test_a_pressed_cell_is_calculated(self, recorded, data):
        weights = decoded(
            data["traces"][0], "encoder/block_2/attention/weights"
        )
        svg = figure(recorded, "attention-map").locator("svg.heat-map")
        svg.scroll_into_view_if_needed()
        ground = svg.locator(".map-ground").bounding_box()
        size = ground["width"] / weights.shape[2]
        recorded.mouse.click(ground["x"] + 3.5 * size, ground["y"] + 5.5 * size)
        steps = recorded.locator(".calculation .steps b").all_inner_texts()
        assert steps[2] == f"{weights[0, 5, 3]:.3f}"
        assert state(recorded)["cell"] == "5,3"

    def test_arrow_keys_move_the_cell(self, recorded, data):
        weights = decoded(
            data["traces"][0], "encoder/block_2/attention/weights"
        )
        svg = figure(recorded, "attention-map").locator("svg.heat-map")
        svg.focus()
        for key in ("Home", "ArrowRight", "ArrowDown"):
            recorded.keyboard.press(key)
        row = data["traces"][0]["source"]["tokens"].index("▁it") + 1
        readout = figure(recorded, "attention-map").locator(".readout")
        assert readout.inner_text().endswith(f"{weights[0, row, 1]:.3f}")

    def test_a_heat_map_has_a_summary(self, still, data):
        weights = decoded(
            data["traces"][0], "encoder/block_2/attention/weights"
        )
        svg = figure(still, "attention-map").locator("svg.heat-map")
        label = svg.get_attribute("aria-label")
        assert "16 by 16 cells" in label
        assert f"{weights[0].max():.2f}" in label

    def test_lines_follow_the_pointer_and_the_keys(self, recorded, data):
        trace = data["traces"][0]
        weights = decoded(trace, "encoder/block_2/attention/weights")
        options = figure(recorded, "attention-lines").get_by_role("option")
        options.nth(2).hover()
        readout = figure(recorded, "attention-lines").locator(".readout")
        expected = weights[:, 2].max()
        assert f"({100 * expected:.0f} %" in readout.inner_text()
        options.nth(10).focus()
        recorded.mouse.move(0, 0)
        recorded.keyboard.press("ArrowDown")
        wait(
            recorded,
            "document.activeElement.getAttribute('aria-selected') === 'true'",
        )
        selected = figure(recorded, "attention-lines").locator(
            '[aria-selected="true"]'
        )
        assert selected.get_attribute("aria-label") == "was"

    def test_heads_are_chosen(self, recorded, data):
        lines = figure(recorded, "attention-lines").locator(
            "svg > g:not(.faint) > line"
        )
        all_lines = lines.count()
        recorded.get_by_role("button", name="Head 2", exact=True).click()
        recorded.get_by_role("button", name="Head 3", exact=True).click()
        assert state(recorded)["heads"] == "0,3"
        assert 0 < lines.count() < all_lines
        colors = {line.get_attribute("stroke") for line in lines.all()}
        assert colors == {"var(--head-1)", "var(--head-4)"}

    def test_attention_and_layer_are_chosen(self, recorded, data):
        section = recorded.locator("#self-attention")
        section.get_by_role("button", name="Decoder self-attention").click()
        section.get_by_role("button", name="1", exact=True).first.click()
        weights = decoded(
            data["traces"][0], "decoder/block_1/self_attention/weights"
        )
        label = (
            figure(recorded, "attention-map")
            .locator("svg.heat-map")
            .get_attribute("aria-label")
        )
        assert f"{weights.shape[1]} by {weights.shape[2]} cells" in label
        assert "Attention of layer 1" in label
        target = data["traces"][0]["target"]
        recorded.goto(recorded.url + "&cell=4,2")
        note = recorded.locator(".calculation .note").inner_text()
        written = target["tokens"][4].removeprefix("▁")
        assert note.endswith(f"This step writes {written}.")

    def test_words(self, recorded, data):
        trace = data["traces"][0]
        recorded.get_by_role("button", name="words").click()
        labels = figure(recorded, "attention-map").locator("text.token")
        words = trace["source"]["words"][-1] + 1
        assert labels.count() == 2 * words
        assert "animal" in labels.all_text_contents()
        # The weights of two pieces are summed as keys, averaged as queries.
        weights = decoded(trace, "encoder/block_2/attention/weights")[0]
        groups = [
            [i for i, word in enumerate(trace["source"]["words"]) if word == n]
            for n in range(words)
        ]
        svg = figure(recorded, "attention-map").locator("svg.heat-map")
        svg.focus()
        recorded.keyboard.press("Home")
        for _ in range(words):
            recorded.keyboard.press("ArrowUp")
        recorded.keyboard.press("ArrowDown")
        recorded.keyboard.press("ArrowRight")
        readout = figure(recorded, "attention-map").locator(".readout")
        pieces = weights[np.ix_(groups[1], groups[1])]
        expected = pieces.sum(1).mean()
        assert readout.inner_text() == f"animal → animal: {expected:.3f}"
        # The calculation is that of the two pieces of the largest weight.
        row, column = np.unravel_index(pieces.argmax(), pieces.shape)
        row, column = groups[1][row], groups[1][column]
        assert state(recorded)["cell"] == f"{row},{column}"
        steps = recorded.locator(".calculation .steps b").all_inner_texts()
        assert steps[2] == f"{pieces.max():.3f}"
        compared = recorded.locator("#two-sentences table.numbers tbody tr")
        shown = compared.last.locator("td").first.inner_text()
        assert shown == f"{pieces.max():.3f}"

    def test_relative_positions_have_a_term_of_their_own(self, page, folder):
        trace = sample_trace.trace()
        name = "encoder/block_2/attention/logits"
        trace["arrays"][name] = sample_trace.encode(decoded(trace, name) + 7)
        page.goto(fake_page.write(folder, sample_trace.page([trace])))
        steps = page.locator(".calculation .steps li").all_inner_texts()
        assert len(steps) == 5
        assert "relative position, 7.00" in steps[2]

    def test_several_heads_read_one_key(self, page, folder):
        trace = sample_trace.trace()
        trace["model"]["num_key_value_heads"] = 2
        path = "encoder/block_2/attention"
        for kind in ("key", "value"):
            array = decoded(trace, f"{path}/{kind}")[:2]
            trace["arrays"][f"{path}/{kind}"] = sample_trace.encode(array)
        page.goto(
            fake_page.write(folder, sample_trace.page([trace]))
            + "#?heads=1&head=1&cell=1,2"
        )
        product = float(
            decoded(trace, f"{path}/query")[1, 1]
            @ decoded(trace, f"{path}/key")[0, 2]
        )
        shown = page.locator(".calculation .steps b").first.inner_text()
        assert shown == f"{product:.2f}".replace("-", "−")


def test_the_heads_that_were_found(page, folder, data):
    first = {
        **{"attention": "encoder/block_1/attention", "head": 3},
        **{"query": ["it", "it"], "key": ["animal", "street"]},
        **{"cells": [[10, 2], [10, 7]], "weight": 0.87},
    }
    second = {
        **{"attention": "decoder/block_2/cross_attention", "head": 2},
        **{"cells": [[3, 1], [4, 5]], "weight": 0.53},
    }
    page.goto(fake_page.write(folder, {**data, "heads": [first, second]}))
    weights = decoded(data["traces"][0], "encoder/block_1/attention/weights")
    shown = page.locator(".calculation .steps b")
    assert shown.nth(2).inner_text() == f"{weights[3, 10, 2]:.3f}"
    buttons = page.locator(".found-heads button")
    assert buttons.first.inner_text() == (
        "it → animal/street Encoder self-attention 1, head 4: 0.87"
    )
    page.get_by_role("button", name="Show the second").click()
    buttons.nth(1).click()
    expected = {"attention": "cross", "layer": "2", "head": "2", "heads": "2"}
    assert state(page) == {**expected, "cell": "4,5", "shown": "1"}
    path = "decoder/block_2/cross_attention"
    weights = decoded(data["traces"][1], f"{path}/weights")
    assert shown.nth(2).inner_text() == f"{weights[2, 4, 5]:.3f}"


class TestTwoSentences:
    def test_there_may_be_none(self, page, folder, data):
        one = sample_trace.page(data["traces"][:1])
        page.goto(fake_page.write(folder, one))
        note = page.locator("#two-sentences .note")
        assert "no second sentence" in note.inner_text()

    def test_what_differs_is_marked(self, still):
        marked = still.locator("#two-sentences .chip.differs")
        assert marked.all_inner_texts() == ["▁tired", "▁wide"]

    def test_the_difference_of_the_weights(self, still, data):
        first, second = (
            decoded(trace, "encoder/block_2/attention/weights")[0]
            for trace in data["traces"]
        )
        difference = second - first
        row, column = np.unravel_index(
            np.abs(difference).argmax(), difference.shape
        )
        largest = still.locator("#two-sentences .largest li").first
        value = f"{difference[row, column]:+.2f}".replace("-", "−")
        assert value in largest.inner_text()
        frames = figure(still, "attention-difference").locator(".marked")
        assert frames.count() == 5

    def test_tokens_that_correspond_at_the_end(self, page, folder):
        traces = [sample_trace.trace(sample_trace.TIRED) for _ in range(2)]
        traces[1]["source"]["text"] = sample_trace.WIDE
        for trace, token in zip(traces, ("▁ici", "▁large"), strict=True):
            trace["target"]["input_tokens"][-1] = token
        page.goto(
            fake_page.write(folder, sample_trace.page(traces))
            + "#?attention=decoder"
        )
        labels = figure(page, "attention-difference").locator("text.differs")
        assert labels.all_text_contents() == ["ici/large"] * 2

    def test_the_chosen_cell_in_both(self, recorded, data):
        recorded.goto(recorded.url.split("#")[0] + "#?cell=10,1")
        cells = recorded.locator("#two-sentences table.numbers tbody tr")
        path = "encoder/block_2/attention"
        for index, trace in enumerate(data["traces"]):
            product = float(
                decoded(trace, f"{path}/query")[0, 10]
                @ decoded(trace, f"{path}/key")[0, 1]
            )
            shown = cells.first.locator("td").nth(index).inner_text()
            assert shown == f"{product:.2f}".replace("-", "−")


def test_many_heads_are_joined_and_projected(recorded, data):
    trace = data["traces"][0]
    recorded.locator("#many-heads .chip", has_text="cross").click()
    row = trace["source"]["tokens"].index("▁cross")
    attended = decoded(trace, f"{LAYER_2}/attended")
    joined = attended.transpose(1, 0, 2).reshape(attended.shape[1], -1)
    outputs = decoded(trace, f"{LAYER_2}/outputs")
    shown = figure(recorded, "many-heads")
    assert_drawn(shown, joined[[row]], outputs[[row]], joined, outputs)
    assert shown.locator("text.current").first.text_content() == "▁cross"
    assert shown.locator("title").count() == 8


class TestResiduals:
    def vectors(self, trace, row, *names):
        return [decoded(trace, name)[[row]] for name in names]

    def test_norm_first(self, recorded, data):
        chosen = recorded.locator("#residuals .chip[aria-selected=true]")
        chosen.focus()
        recorded.keyboard.press("ArrowRight")
        assert chosen.inner_text() == "▁was"
        trace = data["traces"][0]
        row = trace["source"]["tokens"].index("▁was")
        block = "encoder/block_2"
        assert_drawn(
            figure(recorded, "residual-attention"),
            *self.vectors(
                trace,
                row,
                "encoder/block_1/feed_forward_residual",
                f"{block}/attention/inputs",
                f"{block}/attention/outputs",
                f"{block}/attention_residual",
            ),
        )
        section = recorded.locator("#residuals")
        section.get_by_role("button", name="1", exact=True).click()
        assert_drawn(
            figure(recorded, "residual-feed-forward"),
            *self.vectors(
                trace,
                row,
                "encoder/block_1/attention_residual",
                "encoder/block_1/feed_forward/inputs",
                "encoder/block_1/feed_forward/outputs",
                "encoder/block_1/feed_forward_residual",
            ),
        )
        section.get_by_role("button", name="Decoder").click()
        assert figure(recorded, "residual-cross-attention").count() == 1

    def test_norm_after_the_sum(self, page, folder):
        trace = sample_trace.trace()
        trace["model"]["normalization"] = "post"
        page.goto(fake_page.write(folder, sample_trace.page([trace])))
        shown = figure(page, "residual-attention")
        titles = shown.locator(".block-title").all_text_contents()
        assert titles[2:] == ["their sum", "norm(sum), after"]
        text = page.locator("#residuals .intro").inner_text()
        assert "after each sum" in text
        row = trace["source"]["tokens"].index("▁it")
        before, outputs, after = self.vectors(
            trace,
            row,
            "encoder/block_1/feed_forward_residual",
            f"{LAYER_2}/outputs",
            f"{LAYER_2}_residual",
        )
        assert_drawn(shown, before, outputs, before + outputs, after)


class TestDecoding:
    def bars(self, page):
        return figure(page, "next-token").locator(".bar-number")

    def expected(self, step, temperature=1.0):
        logits = np.array(step["logits"])
        return np.exp(logits / temperature), step["log_normalizer"]

    def test_the_slider_goes_through_the_steps(self, recorded, data):
        trace = data["traces"][0]
        slide(recorded, "#decoding", "Step", 5)
        step = trace["steps"][4]
        shown = figure(recorded, "next-token").locator("text.token")
        assert shown.all_text_contents() == step["tokens"][:10]
        share = math.exp(step["logits"][0] - step["log_normalizer"])
        assert (
            self.bars(recorded).first.text_content() == f"{100 * share:.0f} %"
        )
        weights = decoded(trace, "decoder/block_2/cross_attention/weights")
        mean = weights[:, 4].mean(0)
        looks = figure(recorded, "looks-at-source").locator(".bar-number")
        index = int(mean.argmax())
        assert looks.nth(index).text_content() == f"{100 * mean[index]:.0f} %"
        # The step reads five tokens and attends to no later token.
        read = figure(recorded, "looks-at-target").locator(".bar-number")
        assert read.count() == 5
        assert state(recorded)["step"] == "4"

    def test_temperature(self, recorded, data):
        slide(recorded, "#decoding", "Temperature", 0.1)
        cold = self.bars(recorded).first.text_content()
        slide(recorded, "#decoding", "Temperature", 3)
        warm = self.bars(recorded).first.text_content()
        first = [float(re.sub("[^0-9.]", "", each)) for each in (cold, warm)]
        step = data["traces"][0]["steps"][0]
        base = 100 * math.exp(step["logits"][0] - step["log_normalizer"])
        assert first[0] > base > first[1]

    def test_top_k_and_top_p(self, recorded, data):
        step = data["traces"][0]["steps"][0]
        shares = np.exp(np.array(step["logits"]) - step["log_normalizer"])
        slide(recorded, "#decoding", "Top-k", 2)
        shown = self.bars(recorded).all_text_contents()
        assert shown[0] == f"{100 * shares[0] / shares[:2].sum():.0f} %"
        assert set(shown[2:]) == {"0 %"}
        slide(recorded, "#decoding", "Top-k", 0)
        slide(recorded, "#decoding", "Top-p", 0.5)
        kept = int((np.cumsum(shares) - shares < 0.5).sum())
        shown = self.bars(recorded).all_text_contents()
        expected = 100 * shares[0] / shares[:kept].sum()
        assert shown[0] == f"{expected:.0f} %"
        assert shown[kept] == "0 %"
        recorded.locator("#decoding button", has_text="Reset").click()
        assert "topP" not in state(recorded)

    def test_layer_and_head(self, recorded, data):
        section = recorded.locator("#decoding")
        section.get_by_role("button", name="1", exact=True).click()
        section.get_by_label("Head of both").select_option("2")
        weights = decoded(
            data["traces"][0], "decoder/block_1/cross_attention/weights"
        )[2, 0]
        looks = figure(recorded, "looks-at-source").locator(".bar-number")
        index = int(weights.argmax())
        shown = looks.nth(index).text_content()
        assert shown == f"{100 * weights[index]:.0f} %"

    def test_another_word_is_written(self, live, data):
        trace = data["traces"][0]
        slide(live, "#decoding", "Step", 3)
        bars = figure(live, "next-token").get_by_role("button")
        bars.nth(4).click()
        prefix = [*trace["target"]["ids"][:2], trace["steps"][2]["ids"][4]]
        wait(live, "requests.some((r) => r.prefixIds.length)")
        chosen = live.evaluate("requests.filter((r) => r.prefixIds.length)")
        assert chosen[0]["prefixIds"] == prefix
        assert "Le chien dort" in live.locator(".bar-text").inner_text()
        live.locator("#decoding button", has_text="Back to the").click()
        assert trace["target"]["text"][:20] in (
            live.locator(".bar-text").inner_text()
        )

    def test_bars_are_reached_by_keys(self, live):
        bars = figure(live, "next-token").get_by_role("button")
        bars.first.focus()
        live.keyboard.press("ArrowDown")
        live.keyboard.press("Enter")
        assert len(state(live)["prefix"].split(",")) == 1


class TestBeamSearch:
    def test_the_tree_has_all_hypotheses(self, recorded, data):
        steps = data["traces"][0]["search"]["steps"]
        nodes = figure(recorded, "beam-tree").locator(".node")
        expected = 1 + sum(
            len(step["live"])
            + sum(each["parent"] is not None for each in step["finished"])
            + len(step["dropped"])
            for step in steps
        )
        assert nodes.count() == expected
        tree = figure(recorded, "beam-tree")
        assert tree.locator(".node-finished").count() > 1
        dropped = tree.locator(".beam-tree .node-dropped").count()
        recorded.locator("#beam-search button", has_text="hide").click()
        assert nodes.count() == expected - dropped
        assert tree.locator(".beam-tree .node-dropped").count() == 0

    def test_the_best_path_is_the_best_translation(self, still, data):
        best = data["traces"][0]["search"]["hypotheses"][0]
        path = figure(still, "beam-tree").locator(".edge.best")
        assert path.count() == len(best["ids"])
        results = still.locator("#beam-search .hypotheses li")
        assert results.count() == 2
        score = f"{best['score']:.3f}".replace("-", "−")
        assert score in results.first.inner_text()

    def test_keys_go_from_hypothesis_to_hypothesis(self, recorded, data):
        first = data["traces"][0]["search"]["steps"][0]["live"][1]
        figure(recorded, "beam-tree").get_by_role("option").first.focus()
        recorded.keyboard.press("ArrowRight")
        recorded.keyboard.press("ArrowDown")
        readout = figure(recorded, "beam-tree").locator(".readout")
        score = f"{first['score']:.3f}".replace("-", "−")
        assert score in readout.inner_text()

    @pytest.mark.parametrize(
        ("label", "value", "name", "asked_for"),
        costs.grid_of_several(
            [
                ("Beam size", 5, "beam_size", 5),
                ("Translations", 3, "top_beams", 3),
                ("Length penalty", 1.5, "alpha", 1.5),
                ("Coverage", 0.2, "coverage", 0.2),
            ],
            keep=[
                ("Translations", 3, "top_beams", 3),
                ("Length penalty", 1.5, "alpha", 1.5),
            ],
        ),
    )
    def test_sliders_search_again(self, live, label, value, name, asked_for):
        slide(live, "#beam-search", label, value)
        wait(live, "requests.length > 2")
        assert asked(live)["search"][name] == asked_for

    def test_the_penalty_and_greedy(self, live):
        select = live.locator("#beam-search").get_by_label("Form of the")
        select.select_option("average")
        wait(live, "requests.length > 2")
        assert asked(live)["search"]["penalty"] == "average"
        live.locator("#beam-search button", has_text="Greedy").click()
        wait(live, "requests.length > 4")
        assert asked(live)["search"] == {"kind": "greedy"}


def test_the_logit_lens(recorded, data):
    lens = data["traces"][0]["lens"]
    cells = recorded.locator("#logit-lens tbody tr").nth(3).locator("td")
    for layer in range(2):
        first = lens[layer][3]
        share = math.exp(first["logits"][0] - first["log_normalizer"])
        digits = 0 if share >= 0.0995 else 1
        assert cells.nth(layer).inner_text() == (
            f"{first['tokens'][0]} {100 * share:.{digits}f} %"
        )
    written = data["traces"][0]["target"]["ids"]
    other = sum(
        row["ids"][0] != written[step]
        for layer in lens
        for step, row in enumerate(layer)
    )
    assert other > 0
    assert recorded.locator("#logit-lens td.differs").count() == other
    recorded.locator("#logit-lens tbody button").nth(3).click()
    assert state(recorded)["step"] == "3"


def test_heads_are_switched_off(live):
    box = live.get_by_label("Encoder self-attention 1, head 2, switched on")
    box.uncheck()
    wait(live, "requests.some((r) => r.offHeads.length)")
    assert asked(live)["offHeads"] == [
        {"attention": "encoder/block_1/attention", "head": 1}
    ]
    marked = live.locator("#heads-off mark").all_inner_texts()
    assert marked == ["ici"]
    live.locator("#heads-off button", has_text="Switch all on").click()
    assert live.locator("#heads-off mark").count() == 0
    assert box.is_checked()


def test_attribution_beside_attention(recorded, data):
    trace = data["traces"][0]
    svg = figure(recorded, "attribution").locator("svg.heat-map")
    svg.focus()
    recorded.keyboard.press("ArrowDown")
    recorded.keyboard.press("ArrowRight")
    cross = decoded(trace, "decoder/block_2/cross_attention/weights")
    readout = figure(recorded, "attention-beside").locator(".readout")
    mean = cross[:, 1, 1].mean()
    assert readout.inner_text().endswith(f"{mean:.3f}")


def test_without_attribution_it_is_said(page, folder):
    trace = sample_trace.trace(attribution=False, with_search=False)
    page.goto(fake_page.write(folder, sample_trace.page([trace])))
    reason = page.locator("#attribution .needs-model").inner_text()
    assert "No attribution was recorded" in reason
    assert "nothing was searched" in page.locator("#beam-search").inner_text()


class TestTheAddress:
    def test_a_link_shows_the_same_view(self, recorded, browser):
        recorded.get_by_role("button", name="words").click()
        section = recorded.locator("#self-attention")
        section.get_by_role("button", name="Encoder–decoder").click()
        slide(recorded, "#decoding", "Step", 4)
        slide(recorded, "#decoding", "Temperature", 0.5)
        recorded.wait_for_timeout(300)
        other = browser.new_page(viewport={"width": 1280, "height": 900})
        other.goto(recorded.url)
        other.wait_for_selector("#attribution svg")
        content = "document.querySelector('main').innerText"
        assert other.evaluate(content) == recorded.evaluate(content)
        other.close()

    def test_all_of_the_state_is_read_and_written(self, page, folder, data):
        values = {
            **{"text": sample_trace.WIDE, "text2": sample_trace.TIRED},
            **{"shown": "1", "open": "encoder:1,decoder:2", "side": "target"},
            **{"attention": "cross", "layer": "1", "heads": "1,3"},
            **{"head": "3", "cell": "4,5", "step": "6", "stepLayer": "1"},
            **{"stepHead": "2", "temperature": "0.7", "topK": "5"},
            **{"topP": "0.85", "prefix": "3,7", "kind": "greedy"},
            **{"beam_size": "7", "top_beams": "5", "alpha": "1.3"},
            **{"penalty": "average", "coverage": "0.4", "dropped": "0"},
            **{"source": "3", "theme": "dark", "hypothesis": "1"},
            "off": "encoder/block_1/attention:2,decoder/block_2/cross:0",
        }
        address = fake_page.write(folder, data, is_live=True)
        query = urllib.parse.urlencode(values)
        page.goto(f"{address}#beam-search?{query}")
        page.get_by_role("button", name="words").click()
        assert state(page) == {**values, "units": "words"}
        assert page.evaluate("document.documentElement.dataset.theme") == (
            "dark"
        )
        assert "#beam-search?" in page.url
        chosen = page.locator("[aria-pressed=true]").all_inner_texts()
        assert {"Greedy", "hide", "words", "2"} <= set(chosen)

    def test_back_and_forward(self, recorded):
        words = recorded.get_by_role("button", name="words")
        words.click()
        recorded.get_by_role("button", name="Show the second").click()
        recorded.go_back()
        text = recorded.locator(".bar-text")
        assert "tired" in text.inner_text()
        assert words.get_attribute("aria-pressed") == "true"
        recorded.go_back()
        assert words.get_attribute("aria-pressed") == "false"
        recorded.go_forward()
        recorded.go_forward()
        assert "wide" in text.inner_text()

    @pytest.mark.parametrize(
        "fragment",
        costs.grid(
            ["?cell=x,y", "?layer=99&head=-7&step=1e9", "nowhere",
             "?__proto__=1", "?off=a:b&heads=50",
             "?attention=other&cell=900,900"],
            keep=["?layer=99&head=-7&step=1e9", "?__proto__=1"],
        ),
    )  # fmt: skip
    def test_a_wrong_address_shows_the_page(self, page, folder, data, fragment):
        page.goto(fake_page.write(folder, data) + "#" + fragment)
        page.wait_for_selector("#attribution svg")
        assert page.locator("main section").count() == 12
        shown = page.locator("#whole .target-text").inner_text()
        assert shown == data["traces"][0]["target"]["text"]

    def test_a_section_can_be_linked_to(self, page, folder, data):
        page.goto(fake_page.write(folder, data) + "#beam-search")
        page.wait_for_timeout(1000)
        box = page.locator("#beam-search h2").bounding_box()
        assert 0 <= box["y"] < 300

    def test_the_bar_leads_to_sections(self, recorded):
        recorded.locator("nav a", has_text="Lens").click()
        recorded.wait_for_timeout(1000)
        box = recorded.locator("#logit-lens h2").bounding_box()
        assert 0 <= box["y"] < 300
        assert "#logit-lens" in recorded.url


class TestPictures:
    def test_every_figure_has_its_buttons(self, still):
        figures = still.locator("figure")
        assert figures.count() > 12
        for each in figures.all():
            assert each.locator(".save button").count() == 2

    def test_svg(self, still):
        with still.expect_download() as download:
            figure(still, "attention-map").get_by_text("SVG").click()
        text = download.value.path().read_text(encoding="utf-8")
        assert download.value.suggested_filename == "attention-map.svg"
        root = ElementTree.fromstring(text)
        texts = ["".join(each.itertext()) for each in root.iter() if
                 each.tag.endswith("}text")]  # fmt: skip
        assert "▁animal"[:4] in texts
        fills = {each.get("fill") for each in root.iter()}
        assert any(fill and fill.startswith("rgb(") for fill in fills)
        assert "var(" not in text
        assert "class=" not in text

    def test_png(self, still):
        with still.expect_download() as download:
            figure(still, "beam-tree").get_by_text("PNG").click()
        content = download.value.path().read_bytes()
        assert content.startswith(b"\x89PNG")
        svg = figure(still, "beam-tree").locator("svg.beam-tree")
        width = int.from_bytes(content[16:20], "big")
        assert width == 2 * int(svg.get_attribute("width"))


HOSTILE = [
    "▁<script>alert(1)</script>",
    "</script>",
    "▁\"'<&>`${x}",
    "\u202etxt.exe",
    "\u200b\u0000\u0007",
    "▁" + "w" * 500,
    "▁שלום",
    "▁مرحبا",
    "▁日本語",
    "",
    "▁",
    "👩‍👩‍👧",
]


class TestHostileTokens:
    @pytest.fixture
    def hostile(self, page, folder):
        trace = sample_trace.trace("<b>x</b>\u202e", pieces=HOSTILE)
        trace["steps"][0]["tokens"][0] = HOSTILE[0]
        trace["target"]["text"] = "w" * 500
        page.goto(fake_page.write(folder, sample_trace.page([trace])))
        page.wait_for_selector("#attribution svg")
        return page

    def test_they_are_text(self, hostile):
        chips = hostile.locator("#whole .translation .chip")
        texts = chips.all_inner_texts()
        assert texts[0] == HOSTILE[0]
        assert texts[2] == HOSTILE[2]
        assert texts[3] == "⟨U+202E⟩txt.exe"
        assert texts[4] == "⟨U+200B⟩⟨U+0000⟩⟨U+0007⟩"
        assert texts[9] == "⟨empty⟩"
        assert texts[11] == HOSTILE[11]
        assert (
            hostile.locator("main script, main b:has-text('x') b").count() == 0
        )
        assert hostile.evaluate("document.scripts.length") == 2

    @pytest.mark.parametrize("width", costs.grid([360, 1280], keep=[360]))
    def test_they_do_not_break_the_layout(self, hostile, width):
        hostile.set_viewport_size({"width": width, "height": 800})
        assert hostile.evaluate("document.documentElement.scrollWidth") <= width

    def test_their_pictures_are_well_formed(self, hostile):
        with hostile.expect_download() as download:
            figure(hostile, "attention-map").get_by_text("SVG").click()
        text = download.value.path().read_text(encoding="utf-8")
        assert ElementTree.fromstring(text) is not None

    def test_direction(self, hostile):
        chips = hostile.locator("#whole .translation .chip bdi")
        assert chips.nth(6).evaluate("e => getComputedStyle(e).direction") == (
            "rtl"
        )


def test_a_sentence_from_right_to_left(page, folder):
    pieces = ["▁الحيوان", "▁لم", "▁يعبر", "▁الشارع", "."]
    trace = sample_trace.trace("الحيوان لم يعبر الشارع.", pieces=pieces)
    page.goto(fake_page.write(folder, sample_trace.page([trace])))
    chips = page.locator("#whole .translation .chip")
    first, second = chips.nth(0).bounding_box(), chips.nth(1).bounding_box()
    assert first["x"] > second["x"]


def test_two_hundred_tokens_stay_fluid(page, folder, record_property):
    pieces = [f"▁word{number}" for number in range(199)]
    trace = sample_trace.trace("a long text", pieces=pieces)
    page.goto(fake_page.write(folder, sample_trace.page([trace])))
    page.wait_for_selector("#attribution svg")
    figure(page, "attention-map").locator("svg.heat-map").focus()
    milliseconds = page.evaluate(MEASURE, "ArrowRight")
    record_property("milliseconds", milliseconds)
    print(f"200 tokens, an arrow key: {milliseconds:.0f} ms")
    assert page.locator("main *").count() < 20_000


# Returns the median time from a change to the next layout of the page.
MEASURE = """async (key) => {
    const times = [];
    for (let turn = 0; turn < 11; turn += 1) {
        await new Promise(requestAnimationFrame);
        const start = performance.now();
        if (key) {
            const options = { key, bubbles: true, cancelable: true };
            document.activeElement.dispatchEvent(
                new KeyboardEvent("keydown", options));
        } else {
            const slider = document.querySelector("#decoding .slider input");
            slider.value = 1 + (turn % 9);
            slider.dispatchEvent(new Event("input", { bubbles: true }));
        }
        await new Promise((resolve) => setTimeout(resolve, 0));
        document.body.offsetHeight;
        times.push(performance.now() - start);
    }
    return times.sort((a, b) => a - b)[5];
}"""


def test_a_slider_redraws_its_sections_alone(recorded, record_property):
    recorded.evaluate(
        """() => {
            globalThis.changes = new Set();
            new MutationObserver((records) => {
                for (const { target } of records) {
                    const element = target.closest
                        ? target : target.parentElement;
                    changes.add(element.closest("section")?.id ?? "bar");
                }
            }).observe(document.body,
                { subtree: true, childList: true, attributes: true,
                  characterData: true });
        }"""
    )
    slide(recorded, "#decoding", "Temperature", 2)
    recorded.wait_for_timeout(300)
    changed = set(recorded.evaluate("[...changes]"))
    assert "decoding" in changed
    assert changed <= {"decoding", "bar"}
    milliseconds = recorded.evaluate(MEASURE, None)
    record_property("milliseconds", milliseconds)
    print(f"the slider of steps: {milliseconds:.0f} ms")


OPEN = "#?open=decoder:1,encoder:2"
WORDS = "#?units=words&attention=cross&step=4&off=x:0&prefix=5"


@pytest.mark.parametrize(
    ("scheme", "is_live", "width", "fragment"),
    costs.grid_of_several(
        [
            (*colours, *view)
            for colours in itertools.product(("light", "dark"), (True, False))
            for view in (
                (1280, OPEN), (400, WORDS), (400, "#?text=&theme=dark")
            )
        ],
        keep=[("dark", False, 400, WORDS)],
    ),
)  # fmt: skip
def test_axe_finds_nothing_serious(
    page, folder, data, scheme, is_live, width, fragment
):
    axe_playwright = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed"
    )
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(fake_page.write(folder, data, is_live=is_live) + fragment)
    page.wait_for_selector("#whole")
    page.wait_for_timeout(200)
    results = axe_playwright.Axe().run(page).response
    found = [
        (each["id"], [node["html"][:200] for node in each["nodes"][:3]])
        for each in results["violations"]
        if each["impact"] != "minor"
    ]
    assert not found, json.dumps(found, indent=1)


def test_the_first_link_leads_to_the_sentence(recorded):
    recorded.keyboard.press("Tab")
    recorded.keyboard.press("Enter")
    focused = recorded.evaluate("document.activeElement.id")
    assert focused == "whole-title"
    recorded.keyboard.press("Tab")
    assert recorded.evaluate("document.activeElement.tagName") == "SELECT"


def test_on_paper_figures_are_scaled_and_controls_are_gone(recorded):
    recorded.emulate_media(media="print")
    recorded.set_viewport_size({"width": 700, "height": 900})
    for svg in recorded.locator("figure svg").all():
        assert svg.bounding_box()["width"] <= 700
    assert not recorded.locator(".save").first.is_visible()
    assert not recorded.locator(".bar-top").is_visible()


def test_the_switch_of_colours(recorded):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = recorded.evaluate(ground)
    recorded.get_by_role("button", name="Colours").click()
    recorded.wait_for_timeout(100)
    dark = recorded.evaluate(ground)
    assert light != dark
    recorded.emulate_media(color_scheme="dark")
    recorded.get_by_role("button", name="Colours").click()
    recorded.wait_for_timeout(100)
    assert recorded.evaluate(ground) == light


@pytest.mark.parametrize(
    "width", costs.grid([360, 400, 800, 1280, 2000], keep=[360, 800])
)
def test_nothing_is_wider_than_the_window(page, folder, data, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(fake_page.write(folder, data, is_live=True))
    page.wait_for_selector("#attribution")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
