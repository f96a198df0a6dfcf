"""A development set shows the quality that a smaller SavedModel loses."""

import pytest
import tensorflow as tf

import keras_transformer as kt
from tests.tools import in_process
from tests.translation import toy
from tools.inspect_saved_model import losses


def test_weights_of_half_the_size():
    model = toy.translator().model
    count = model.count_params()
    states = losses.weight_bytes(model) - 4 * count
    half = kt.models.in_precision(model, "bfloat16")
    assert losses.weight_bytes(half) - 2 * count == states


def test_the_first_call_is_not_timed():
    calls = []

    def signature(text):
        calls.append(text.shape[0])
        return {"translation": text, "score": tf.zeros(text.shape)}

    answer, seconds = losses.timed(signature, ["a"] * 67)
    assert calls == [2, 64, 3]
    assert answer["translations"] == ["a"] * 67
    assert seconds > 0


@pytest.mark.grid
@pytest.mark.process
@pytest.mark.parametrize(
    ("flag", "dtype"),
    [
        ("--weights=int8", "int8"),
        pytest.param(
            "--precision=bfloat16", "bfloat16", marks=pytest.mark.grid
        ),
    ],
)
def test_the_exporter_prints_them(flag, dtype, tmp_path):
    run = toy.write_run(tmp_path / "run")
    pairs = toy.random_pairs(23, seed=11)
    for name, side in (("source", 0), ("reference", 1)):
        lines = "".join(f"{pair[side]}\n" for pair in pairs)
        (tmp_path / name).write_text(lines)
    result = in_process.call(
        "export_saved_model",
        f"--model={run}",
        f"--output_dir={tmp_path}/out",
        "--signatures=",
        f"--source={tmp_path}/source",
        f"--reference={tmp_path}/reference",
        flag,
    )
    assert result.returncode == 0, result.stderr
    live, served, differ, directory = result.stdout.decode().splitlines()
    assert live.startswith("the run: weights ")
    assert served.startswith("SavedModel: weights ")
    assert " of 23 translations differ; the SavedModel has " in differ
    scores = [float(line.split("BLEU ")[1]) for line in (live, served)]
    assert scores[0] > 50 and abs(scores[0] - scores[1]) < 10
    assert dtype in kt.export.read_metadata(directory)["parameters"]


def test_references_are_needed(tmp_path):
    result = in_process.call(
        "export_saved_model",
        f"--model={tmp_path}",
        f"--output_dir={tmp_path}/out",
        "--source=a",
    )
    assert result.returncode == 1
    assert "--source=a --reference=. Give both" in result.stderr.decode()
