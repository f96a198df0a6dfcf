"""Times the page that tools.explore writes, in a headless browser.

    python -m tools.benchmark_page --page=runs/demo/page.html

The program prints JSON: the size of the file in megabytes; the seconds until
the page is drawn; the seconds from a new sentence to the drawing of its
translation, which the page computes in the browser; and the milliseconds from a
move of the slider that chooses a step of the search, until the browser has
computed the new layout of the page. Each time is a list of the median, the
smallest and the largest value.
The program needs Debian's chromium and the package playwright.
"""

import dataclasses
import json
import os
import pathlib
import shutil
import statistics
import time

from trainers import program
from trainers.settings_flags import setting

# The page translates these sentences of the built-in corpus. Each has 14 tokens
# in the vocabulary of the demo, without special ids.
_SENTENCES = (
    "The frog didn't cross the field because it was too sick.",
    "The cow didn't enter the tunnel because it was too narrow.",
    "The animal didn't cross the street because it was too wide.",
    "The frog didn't cross the field because it was too wide.",
    "The cow didn't enter the tunnel because it was too frightened.",
)
# JavaScript that returns whether the page has drawn its last section and shows
# a translation that differs from `text`.
_DRAWN = """text => {
  const target = document.querySelector("#whole .translation");
  const last = document.querySelector("#attribution");
  return target && last && target.textContent !== text;
}"""
# JavaScript that moves the slider that chooses a step of the search. It returns
# the milliseconds until the browser has computed the new layout of the page.
_CHANGE = """async value => {
  const slider = document.querySelector("#decoding .slider input");
  await new Promise(requestAnimationFrame);
  const start = performance.now();
  slider.value = value;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  await new Promise((resolve) => setTimeout(resolve, 0));
  document.body.offsetHeight;
  return performance.now() - start;
}"""


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """The flags of the benchmark."""

    page: str = setting("The page of tools.explore, with the model in it.")
    repeats: int = setting("Times to open the page.", 5, least=1)


@program.main(Benchmark)
def main(settings):
    if not os.path.isfile(settings.page):
        raise FileNotFoundError(
            f"There is no page {settings.page}. Write it with tools.explore."
        )
    print(json.dumps(measured(settings.page, settings.repeats), indent=1))


def measured(path: str, repeats: int) -> dict:
    """Times a page in Chromium.

    Args:
        path: the file of the page.
        repeats: how often the page is opened, at least 1.

    Returns:
        Dict of `megabytes`, the size of the file; and of `opened_seconds`,
        `translated_seconds` and `slider_milliseconds`, each a list of the
        median, the smallest and the largest value.

    Raises:
        FileNotFoundError: chromium is not installed.
    """
    # Only this function imports playwright. So --help and the tests without a
    # browser run even if playwright is not installed.
    from playwright import sync_api

    browser_path = shutil.which("chromium")
    if browser_path is None:
        raise FileNotFoundError(
            "There is no chromium. Install it: apt-get install chromium."
        )
    address = pathlib.Path(path).absolute().as_uri()
    opened = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox"]
        )
        for _ in range(repeats):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            begin = time.perf_counter()
            page.goto(address)
            page.wait_for_function(_DRAWN, arg="")
            opened.append(time.perf_counter() - begin)
        translated = [_translate(page, text) for text in _SENTENCES]
        changed = [page.evaluate(_CHANGE, step) for step in range(2, 13)]
        browser.close()
    return {
        "megabytes": round(os.path.getsize(path) / 1e6, 2),
        "opened_seconds": _summary(opened),
        "translated_seconds": _summary(translated),
        "slider_milliseconds": _summary(changed),
    }


def _translate(page, text):
    """Translates a sentence; returns the seconds from Enter to the drawing."""
    before = page.text_content("#whole .translation")
    field = page.locator("#whole .sentence input").first
    field.fill(text)
    begin = time.perf_counter()
    field.press("Enter")
    page.wait_for_function(_DRAWN, arg=before)
    return time.perf_counter() - begin


def _summary(values):
    """Returns the median, the smallest and the largest value, rounded."""
    return [round(f(values), 3) for f in (statistics.median, min, max)]


if __name__ == "__main__":
    main.run()
