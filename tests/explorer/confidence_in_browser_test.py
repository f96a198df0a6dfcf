"""The page shows the confidence of a translation, in a real browser."""

import pytest

import keras_transformer as kt
from keras_transformer import explorer, interpretation
from tests import costs
from tests.explorer import (
    calibrations,
    fake_page,
    sample_trace,
    translators,
)

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.seconds]
NAME = "Words of the translation, each with its confidence"
LOOP = "The translation repeats itself, and the source does not."
LENGTH = "The translation is far too long or too short for the source."
# Texts that a reader may type. The last has a word of many pieces.
TYPED = (
    "the cat was tired, merci",
    "?!",
    "😀 cat",
    "その動物は",
    "cat cat cat cat cat",
    "the " + "w" * 40,
)


def is_near(text, share):
    """Tells whether a text such as "83 %" is the rounded share."""
    number = float(text.removeprefix("<").removesuffix("%"))
    limit = 0.05 if share < 0.0995 else 0.5
    return abs(number - 100 * share) <= limit + 1e-3


def words_of(page):
    """Returns the listed words, with the texts of their confidences."""
    items = page.get_by_role("list", name=NAME).get_by_role("listitem")
    return [
        (each.locator("bdi").inner_text(), each.locator("small").inner_text())
        for each in items.all()
    ]


def assert_shown(page, assessment):
    """Compares the section with the fields of an assessment."""
    section = page.locator("#confidence")
    sentence = section.locator(".sentence-confidence b").all_inner_texts()
    if assessment["words"]:
        [text] = sentence
        assert is_near(text, assessment["confidence"])
    else:
        # Without words there is no meaningful confidence.
        assert not sentence
    shown = words_of(page)
    assert [word for word, _ in shown] == assessment["words"]
    for (_, text), share in zip(
        shown, assessment["word_confidences"], strict=True
    ):
        assert is_near(text, share)
    assert section.locator(".defect").all_inner_texts() == [
        text
        for text, name in ((LOOP, "has_loop"), (LENGTH, "has_unusual_length"))
        if assessment[name]
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("confidence")


class TestRecorded:
    @pytest.fixture(scope="class")
    def data(self):
        return sample_trace.page()

    @pytest.fixture
    def opened(self, page, folder, data):
        page.goto(fake_page.write(folder, data))
        page.wait_for_selector("#attribution svg")
        return page

    def test_the_best_translation(self, opened, data):
        best = data["traces"][0]["assessments"][0]
        assert_shown(opened, best)
        line = opened.locator("#whole .translation p", has_text="Confidence")
        text = line.inner_text().removeprefix("Confidence ")
        share, _, _ = text.partition("Word by word")
        assert is_near(share.strip(), best["confidence"])
        line.get_by_role("button").click()
        opened.wait_for_timeout(600)
        box = opened.locator("#confidence h2").bounding_box()
        assert 0 <= box["y"] < 300

    def test_each_translation_by_keys(self, opened, data):
        first, second = data["traces"][0]["assessments"]
        assert first["words"] != second["words"]
        opened.locator("#confidence").get_by_role("button", name="2").focus()
        opened.keyboard.press("Enter")
        assert_shown(opened, second)
        opened.wait_for_timeout(300)
        assert "hypothesis=1" in opened.url
        opened.keyboard.press("Shift+Tab")
        opened.keyboard.press("Space")
        assert_shown(opened, first)

    def test_another_sentence_has_its_best_translation(self, opened, data):
        opened.locator("#confidence").get_by_role("button", name="2").click()
        opened.get_by_role("button", name="Show the second").click()
        assert_shown(opened, data["traces"][1]["assessments"][0])

    def test_the_list_of_the_beam_search(self, opened, data):
        shown = opened.locator("#beam-search .hypotheses li .muted")
        for text, assessment in zip(
            shown.all_inner_texts(),
            data["traces"][0]["assessments"],
            strict=True,
        ):
            _, _, share = text.rpartition("confidence ")
            assert is_near(share, assessment["confidence"])

    def test_shades_tell_the_sure_from_the_doubtful(self, page, folder):
        trace = sample_trace.trace()
        first = trace["assessments"][0]
        count = 6
        first["words"] = [f"word{i}" for i in range(count)]
        first["word_confidences"] = [1 - (i + 0.5) / 6 for i in range(count)]
        page.goto(fake_page.write(folder, sample_trace.page([trace])))
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            colors = page.get_by_role("list", name=NAME).evaluate(
                """list => [...list.children].map(
                    (item) => getComputedStyle(item).backgroundColor)"""
            )
            assert len(set(colors)) == count, scheme

    @pytest.mark.parametrize("flag", calibrations.FLAGS)
    def test_defects_are_said(self, page, folder, flag):
        trace = sample_trace.trace()
        trace["assessments"][0][flag] = True
        page.goto(fake_page.write(folder, sample_trace.page([trace])))
        assert_shown(page, trace["assessments"][0])
        (said,) = page.locator("#whole .defect").all_inner_texts()
        assert said == (LOOP if flag == "has_loop" else LENGTH)

    def test_a_given_translation(self, page, folder):
        trace = sample_trace.trace(with_search=False)
        page.goto(fake_page.write(folder, sample_trace.page([trace])))
        assert_shown(page, trace["assessments"][0])
        note = page.locator("#confidence .note").inner_text()
        assert note.startswith("This translation was given.")
        assert page.locator("#confidence button").count() == 0

    def test_a_translation_without_words(self, page, folder):
        trace = sample_trace.trace()
        trace["assessments"][0].update(
            confidence=1.0, words=[], word_confidences=[]
        )
        page.goto(fake_page.write(folder, sample_trace.page([trace])))
        note = page.locator("#confidence .note").inner_text()
        assert note == "The translation has no words."
        assert_shown(page, trace["assessments"][0])
        assert page.get_by_role("list", name=NAME).count() == 0
        whole = page.locator("#whole .translation").inner_text()
        assert "Confidence" not in whole
        best, *_ = page.locator("#beam-search .hypotheses li").all()
        assert "confidence" not in best.inner_text()

    @pytest.mark.parametrize("is_old", [False, True])
    def test_without_a_calibration(self, page, folder, is_old):
        trace = sample_trace.trace()
        trace["assessments"] = None
        if is_old:
            # A trace from before traces had assessments.
            del trace["assessments"]
        page.goto(fake_page.write(folder, sample_trace.page([trace])))
        reason = page.locator("#confidence .needs-model").inner_text()
        assert "tools.calibrate learns one" in reason
        assert page.locator("#confidence .sentence-confidence").count() == 0
        for section in ("#whole", "#beam-search"):
            text = page.locator(section).inner_text()
            assert "onfidence" not in text

    def test_hostile_words(self, page, folder):
        trace = sample_trace.trace()
        words = ["<b>x</b>", "\u202etxt", "w" * 500, "שלום", "日本語", "👩‍👩‍👧"]
        trace["assessments"][0].update(
            words=words, word_confidences=[0.25] * len(words)
        )
        page.set_viewport_size({"width": 360, "height": 800})
        page.goto(fake_page.write(folder, sample_trace.page([trace])))
        shown = [word for word, _ in words_of(page)]
        assert shown == ["<b>x</b>", "⟨U+202E⟩txt", *words[2:]]
        assert page.evaluate("document.documentElement.scrollWidth") <= 360

    def test_words_from_right_to_left(self, page, folder):
        trace = sample_trace.trace()
        trace["assessments"][0].update(
            words=["الحيوان", "لم", "يعبر"], word_confidences=[0.5] * 3
        )
        page.goto(fake_page.write(folder, sample_trace.page([trace])))
        items = page.get_by_role("list", name=NAME).get_by_role("listitem")
        boxes = [each.bounding_box()["x"] for each in items.all()]
        assert boxes == sorted(boxes, reverse=True)


class TestWithTheModel:
    @pytest.fixture(scope="class")
    def live(self):
        search = kt.search.BeamSearch(3, alpha=0.7)
        return translators.translator_that_ends(search, seed=1)

    @pytest.fixture
    def opened(self, page, folder, live):
        path = folder / "live.html"
        if not path.exists():
            assert explorer.save_page(
                path,
                live,
                translators.SENTENCES[1:2],
                calibration=calibrations.TWO_POINTS,
            )
        page.goto(path.as_uri())
        page.wait_for_selector("#attribution svg")
        return page

    def expected(self, live, text):
        best, *_ = live.hypotheses([text])[0]
        [assessed] = kt.translation.assess(
            live, calibrations.TWO_POINTS, [text], [best]
        )
        return assessed

    @pytest.mark.grid
    def test_what_the_reader_types(self, opened, live):
        field = opened.locator("#whole .sentence input").first
        assessed = [self.expected(live, text) for text in TYPED]
        for text, each in zip(TYPED, assessed, strict=True):
            field.fill(text)
            field.press("Enter")
            [best] = live.translate([text])
            opened.wait_for_function(
                "text => document.querySelector('#whole .target-text')"
                ".textContent === text",
                arg=best or "⟨empty⟩",
            )
            assert_shown(opened, each._asdict())
        assert len({each.confidence for each in assessed}) > 3

    @pytest.mark.grid
    def test_more_translations(self, opened, live):
        opened.goto(opened.url + "#?top_beams=3&hypothesis=2")
        opened.reload()
        text = translators.SENTENCES[1]
        search = kt.search.BeamSearch(3, 3, alpha=0.7)
        [translations] = live.with_search(search).hypotheses([text])
        expected = kt.translation.assess(
            live, calibrations.TWO_POINTS, [text] * 3, translations
        )
        assert_shown(opened, expected[2]._asdict())
        opened.locator("#confidence").get_by_role("button", name="2").click()
        assert_shown(opened, expected[1]._asdict())


# The tests of the engine compare the page with the model.
@pytest.mark.grid
@pytest.mark.parametrize("limit", costs.grid([64, 0], keep=[0]))
def test_a_page_is_what_python_recorded(page, tmp_path, limit):
    """A page with the model and a page with recorded traces show the same."""
    live = translators.translator(kt.search.BeamSearch(2, 2), seed=3)
    text = translators.SENTENCES[1]
    path = tmp_path / "page.html"
    is_live = explorer.save_page(
        path,
        live,
        [text],
        most_megabytes=limit,
        calibration=calibrations.OTHER,
    )
    assert is_live == bool(limit)
    page.goto(path.as_uri())
    page.wait_for_selector("#attribution svg")
    recorded = interpretation.trace(
        live, text, calibration=calibrations.OTHER
    ).assessments
    assert_shown(page, recorded[0]._asdict())
    page.locator("#confidence").get_by_role("button", name="2").click()
    assert_shown(page, recorded[1]._asdict())
