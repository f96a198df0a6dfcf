"""Answers are as TensorFlow Serving writes them."""

import json

import pytest

from tools.serve_ray import answers


def test_rows_of_several_outputs():
    outputs = {"words": [["a"], ["b", "\u00e9"]], "score": [-0.5, -2.0]}
    assert json.loads(answers.write_answer(outputs)) == {
        "predictions": [
            {"words": ["a"], "score": -0.5},
            {"words": ["b", "\u00e9"], "score": -2.0},
        ]
    }


def test_one_output_is_the_value():
    body = answers.write_answer({"log_probability": [-0.5, -2.0]})
    assert json.loads(body) == {"predictions": [-0.5, -2.0]}


def test_error():
    body = answers.write_error("It is \u201cwrong\u201d.")
    assert json.loads(body) == {"error": "It is \u201cwrong\u201d."}


@pytest.mark.parametrize(
    ("is_available", "state"), [(True, "AVAILABLE"), (False, "UNLOADING")]
)
def test_status(is_available, state):
    [status] = json.loads(answers.write_status("7", is_available))[
        "model_version_status"
    ]
    assert status["version"] == "7"
    assert status["state"] == state
    assert status["status"] == {"error_code": "OK", "error_message": ""}


def test_metadata():
    body = answers.write_metadata(
        "toy",
        "7",
        {
            "n_best": {
                "inputs": {"text": ["string", [None]]},
                "outputs": {"scores": ["float32", [-1, 3]]},
            }
        },
    )
    answer = json.loads(body)
    assert answer["model_spec"]["version"] == "7"
    [described] = answer["metadata"]["signature_def"]["signature_def"].values()
    assert described["inputs"]["text"] == {
        "dtype": "DT_STRING",
        "tensor_shape": {"dim": [{"size": "-1"}], "unknown_rank": False},
    }
    assert described["outputs"]["scores"]["dtype"] == "DT_FLOAT"
    assert described["outputs"]["scores"]["tensor_shape"]["dim"] == [
        {"size": "-1"},
        {"size": "3"},
    ]
