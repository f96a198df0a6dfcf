"""A valid SavedModel keeps the contract; a broken one does not."""

import copy

import numpy as np
import pytest

from tests.tools.inspect_saved_model import served
from tests.translation import toy  # noqa: F401  The tests use its translator.
from tools.inspect_saved_model import checks

_STRINGS = ["string", [None]]


def test_every_signature_keeps_the_contract():
    answer = served.answer()
    # Each signature is called with a batch, its five rows, and no text.
    assert {name: len(calls) for name, calls in answer["calls"].items()} == {
        "serving_default": 7,
        "n_best": 7,
        "score": 7,
        "attention": 7,
    }
    assert checks.problems(answer, served.TEXTS) == []


def edit(path, value):
    """Returns a function that puts a value into an answer."""

    def change(answer):
        *keys, last = path
        for key in keys:
            answer = answer[key]
        answer[last] = value(answer[last]) if callable(value) else value

    return change


def of_call(name, output, row, value, call=0):
    return edit(["calls", name, call, "outputs", output, row], value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            edit(["signatures", "beams"], {"inputs": {}, "outputs": {}}),
            "beams: not a signature of the contract.",
        ),
        (
            edit(["signatures", "score", "inputs"], {"text": _STRINGS}),
            "score: inputs are text. Expected text, target.",
        ),
        (
            edit(["signatures", "n_best", "outputs", "scores", 0], "float64"),
            "n_best: scores is float64 [None, 4]. Expected float32 (B, W)",
        ),
        (
            edit(["signatures", "n_best", "outputs", "scores", 1], [7, 4]),
            "n_best: scores is float32 [7, 4]. Expected float32 (B, W)",
        ),
        (
            edit(["calls", "score", 2], {"error": "no\nroom"}),
            "score: a call failed: no room",
        ),
        (
            of_call("serving_default", "translation", 1, "other"),
            "serving_default: translation of 'ra' differs if the text",
        ),
        (
            of_call("serving_default", "score", 1, lambda score: score + 0.1),
            "serving_default: score of 'ra' differs if the text is",
        ),
        (
            edit(["calls", "score", 1, "outputs", "log_probability"], []),
            "score: log_probability has 0 rows for one text, 'ba de fi'.",
        ),
        (
            of_call("n_best", "scores", 0, lambda row: [*row, -9.0], call=1),
            "n_best: scores of 'ba de fi' differs if the text is alone.",
        ),
        (
            edit(["calls", "n_best", 6, "outputs", "scores"], [[0.0]]),
            "n_best: scores has 5 rows for 5 texts, and 1 for none.",
        ),
        (
            # The signature of such an output has no shape.
            edit(
                ["calls", "n_best", 0, "outputs", "translations"],
                lambda rows: [row[0] for row in rows],
            ),
            "n_best: translations has the shape (5,). Expected (B, W).",
        ),
        (
            of_call("score", "log_probability", 0, np.nan),
            "score: log_probability is not a number (NaN).",
        ),
        (
            edit(
                ["calls", "attention", 0, "outputs", "cross_attention"],
                lambda scores: (1.1 * np.array(scores)).tolist(),
            ),
            "attention: rows of cross_attention do not sum to 1 for tokens",
        ),
        (
            edit(["imported"], ["keras_transformer.text"]),
            "Loading imports keras_transformer.text.",
        ),
    ],
)
def test_names_what_is_wrong(change, message):
    answer = copy.deepcopy(served.answer())
    change(answer)
    found = checks.problems(answer, served.TEXTS)
    assert any(problem.startswith(message) for problem in found), found


def test_a_blank_text_must_stay_blank():
    answer = copy.deepcopy(served.answer())
    for call in (0, 5):
        row = -1 if call == 0 else 0
        of_call("serving_default", "translation", row, "x", call)(answer)
    [problem] = checks.problems(answer, served.TEXTS)
    assert problem.startswith("serving_default: translation of a blank text")


def test_n_best_must_have_a_translation():
    answer = copy.deepcopy(served.answer())
    for call in answer["calls"]["n_best"]:
        for rows in call["outputs"].values():
            rows[:] = [[] for _ in rows]
    problems = checks.problems(answer, served.TEXTS)
    assert problems[0].startswith("n_best: the first translation is None, but")


def test_the_two_signatures_must_agree():
    answer = copy.deepcopy(served.answer())
    for call in (0, 1):
        of_call("n_best", "translations", 0, list("abcd"), call)(answer)
    [problem] = checks.problems(answer, served.TEXTS)
    assert problem.startswith("n_best: the first translation is 'a', but that")
