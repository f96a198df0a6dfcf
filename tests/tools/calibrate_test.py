"""A calibration is learned from a run, measured, and read by other programs."""

from unittest import mock

import numpy as np
import pytest

import keras_transformer as kt
from tests.tools import in_process
from tests.translation import toy
from tools import calibrate
from tools.inspect_saved_model import checks, probe


@pytest.fixture(scope="module")
def development(tmp_path_factory):
    """Writes a run, and pairs of which a fifth has a wrong target word."""
    folder = tmp_path_factory.mktemp("calibrate")
    run = toy.write_run(folder / "run")
    generator = np.random.default_rng(0)
    pairs = []
    for source, target in toy.random_pairs(101, seed=5):
        words = target.split()
        if generator.random() < 0.2:
            words[generator.integers(len(words))] = "OTHER"
        pairs.append((source, " ".join(words)))
    for name, side in (("source", 0), ("reference", 1)):
        (folder / name).write_text("".join(f"{pair[side]}\n" for pair in pairs))
    return folder, run


@pytest.fixture(scope="module")
def output(development):
    folder, run = development
    # The shared translator of the run has its graphs already.
    with mock.patch.object(
        kt.runs, "load_translator", return_value=toy.translator()
    ) as load:
        result = in_process.call(
            "calibrate",
            f"--model={run}",
            f"--source={folder}/source",
            f"--reference={folder}/reference",
        )
    assert result.returncode == 0, result.stderr
    load.assert_called_once_with(str(run))
    return result.stdout.decode().splitlines()


def test_prints_what_it_measured(development, output):
    assert output[0] == "50 sentences that were not learned from"
    assert output[1].startswith("confidence    count")
    [error] = [line for line in output if line.startswith("expected calibr")]
    assert 0 <= float(error.split()[-1]) < 0.2
    parts = [
        line.split() for line in output if "sentences of confidence" in line
    ]
    assert sum(int(part[0]) for part in parts) == 50
    # The most confident sentences come first.
    bounds = [float(part[i].rstrip(":")) for part in parts for i in (6, 4)]
    assert bounds == sorted(bounds, reverse=True)
    assert output[-1] == str(development[1] / "confidence.json")


@pytest.mark.grid
def test_translate_prints_confidences(development, output):
    _, run = development
    lines = b"ba de fi\n\nra\n"
    plain = in_process.call("translate", f"--model={run}", text=lines)
    result = in_process.call(
        "translate", f"--model={run}", "--confidence", "--repair", text=lines
    )
    assert result.returncode == 0, result.stderr
    rows = [line.split("\t") for line in result.stdout.decode().splitlines()]
    assert [row[-1] for row in rows] == plain.stdout.decode().splitlines()
    assert rows[1] == ["1.000", "", "-", ""]
    for sentence, words, marks, text in (rows[0], rows[2]):
        assert 0 <= float(sentence) <= 1
        assert len(words.split()) == len(text.split())
        assert all(0 <= float(word) <= 1 for word in words.split())
        assert marks == "-"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--confidence", "--n_best=2"], "for the best translation of a line"),
        (["--repair", "--sample"], "Translations are repaired by a beam"),
    ],
)
def test_translate_refuses(development, output, flags, message):
    result = in_process.call("translate", f"--model={development[1]}", *flags)
    assert result.returncode == 1
    assert message in result.stderr.decode()


def test_a_run_without_a_calibration(tmp_path):
    run = toy.write_run(tmp_path / "run")
    result = in_process.call("translate", f"--model={run}", "--confidence")
    assert result.returncode == 1
    assert f"{run} has no calibration" in result.stderr.decode()

    result = in_process.call(
        "export_saved_model",
        f"--model={run}",
        f"--output_dir={tmp_path}/out",
        "--repair",
    )
    assert result.returncode == 1
    assert f"{run} has no calibration, which --repair needs" in (
        result.stderr.decode()
    )
    assert not (tmp_path / "out").exists()


def test_too_few_pairs(development):
    folder, run = development
    (folder / "few").write_text("ba\n" * 39)
    result = in_process.call(
        "calibrate",
        f"--model={run}",
        f"--source={folder}/few",
        f"--reference={folder}/few",
    )
    assert result.returncode == 1
    assert "at least 40 pairs" in result.stderr.decode()


def test_lengths_are_learned_without_end_tokens():
    live = toy.translator()
    pairs = toy.random_pairs(53, seed=7)
    best = [h[0] for h in live.hypotheses([pair.source for pair in pairs])]
    fitted = calibrate.fit(live, pairs, best)
    sources, targets = (
        [len(ids) for ids in live.tokenizer.encode(texts).to_list()]
        for texts in zip(*pairs, strict=True)
    )
    assert fitted.lengths.ratio == pytest.approx(sum(targets) / sum(sources))


def test_the_saved_model_of_a_calibrated_run(development, output, tmp_path):
    _, run = development
    result = in_process.call(
        "export_saved_model",
        f"--model={run}",
        f"--output_dir={tmp_path}",
        "--signatures=confidence,n_best",
        "--repair",
    )
    assert result.returncode == 0, result.stderr
    directory = result.stdout.decode().strip()
    calibration = kt.runs.read_calibration(run)
    described = kt.export.read_metadata(directory)
    assert (
        kt.translation.Calibration.from_json(described["calibration"])
        == calibration
    )
    assert described["repair"] == calibration.lengths._asdict()
    texts = ["ba de fi", "ra"]
    answer = probe.run(
        {
            "directory": directory,
            "texts": texts,
            "calls": checks.calls_of(texts),
            "batch_sizes": [],
            "threads": [],
            "requests": 0,
        }
    )
    assert set(answer["signatures"]) == {
        "serving_default",
        "confidence",
        "n_best",
    }
    assert checks.problems(answer, texts) == []
    assert "confidences" in answer["calls"]["n_best"][0]["outputs"]
    outputs = answer["calls"]["confidence"][0]["outputs"]
    live = toy.translator()
    best = [hypotheses[0] for hypotheses in live.hypotheses(texts)]
    for row, assessed in enumerate(
        kt.translation.assess(live, calibration, texts, best)
    ):
        assert outputs["confidence"][row] == pytest.approx(
            assessed.confidence, abs=1e-4
        )
