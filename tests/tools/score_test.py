"""Translations scored again get the scores that the search gave them."""

import functools

import numpy as np
import pytest

import keras_transformer as kt
from tests.tools import commands, in_process
from tests.translation import toy
from tools import score as program


def call(*flags):
    return commands.run("score", *flags)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return toy.write_run(
        tmp_path_factory.mktemp("runs") / "toy",
        {"length_penalty": 0.9, "length_penalty_form": "average"},
    )


@pytest.mark.grid
@pytest.mark.process
@pytest.mark.parametrize(
    ("score", "flags"),
    [
        (functools.partial(in_process.call, "score"), []),
        pytest.param(call, [], marks=pytest.mark.grid),
        pytest.param(
            functools.partial(in_process.call, "score"),
            ["--coverage_penalty=0.2"],
            marks=pytest.mark.grid,
        ),
    ],
    ids=["as_the_run_says", "in_a_process", "with_coverage"],
)
def test_an_n_best_list_scored_again(run, tmp_path, score, flags):
    sources = [pair.source for pair in toy.random_pairs(17, seed=5)] + [""]
    text = "".join(f"{source}\n" for source in sources)
    found = in_process.call(
        "translate",
        f"--model={run}",
        "--n_best=3",
        "--scores",
        *flags,
        text=text.encode(),
    )
    assert found.returncode == 0, found.stderr
    lines = [line.split("\t") for line in found.stdout.decode().splitlines()]
    (tmp_path / "source").write_text(text)
    (tmp_path / "target").write_text("".join(f"{t}\n" for _, t in lines))
    scored = score(
        f"--model={run}",
        f"--source={tmp_path}/source",
        f"--target={tmp_path}/target",
        "--n_best=3",
        "--tokens",
        "--batch_size=5",
        *flags,
    )
    assert scored.returncode == 0, scored.stderr
    rows = [line.split("\t") for line in scored.stdout.decode().splitlines()]
    assert len(rows) == len(lines) == 54
    translator = kt.load_translator(
        run,
        kt.runs.run_search(run, top_beams=3, coverage=0.2 if flags else None),
    )
    pieces = [
        hypothesis.tokens
        for hypotheses in translator.hypotheses(sources[:-1])
        for hypothesis in hypotheses
    ]
    compared = 0
    for (score, _), tokens, (again, split, log_probs) in zip(
        lines, pieces, rows, strict=False
    ):
        assert len(split.split(" ")) == len(log_probs.split(" "))
        # The search may have used other pieces for the same text.
        if split.split(" ") == tokens:
            assert abs(float(score) - float(again)) <= 1.001e-4
            compared += 1
    assert compared > 37
    assert rows[51] == ["0.0000", "", ""]


def pairs(tmp_path, source, target):
    (tmp_path / "source").write_text(source)
    (tmp_path / "target").write_text(target)
    return str(tmp_path / "source"), str(tmp_path / "target")


def test_each_source_with_its_targets(tmp_path):
    files = pairs(tmp_path, "a\nb\n", "A\nB\nC\nD\n")
    assert program.read_pairs(*files, 2) == (
        ["a", "a", "b", "b"],
        ["A", "B", "C", "D"],
    )
    with pytest.raises(
        ValueError, match="needs 1 target lines.*with 2 lines.*with 4 lines"
    ):
        program.read_pairs(*files, 1)


def test_lines_are_those_of_the_translator():
    sources = [pair.source for pair in toy.random_pairs(23, seed=7)]
    targets = [pair.target for pair in toy.random_pairs(23, seed=7)]
    found = list(
        program.score_lines(toy.translator(), sources, targets, batch_size=3)
    )
    expected = toy.translator().score(sources, targets)
    np.testing.assert_allclose(
        [float(line) for line in found],
        [hypothesis.score for hypothesis in expected],
        atol=1.001e-4,
    )
    [line] = program.score_lines(
        toy.translator(), sources[:1], targets[:1], tokens=True
    )
    score, tokens, log_probs = line.split("\t")
    assert tokens.split(" ") == expected[0].tokens
    total = sum(float(number) for number in log_probs.split(" "))
    np.testing.assert_allclose(total, expected[0].log_probs.sum(), atol=1e-3)
    assert float(score) > total


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--n_best=0", "--n_best must be at least 1. Received: 0."),
        ("--n_best=2", "Every source line needs 2 target lines"),
        ("--source=/nowhere", "No such file: /nowhere"),
    ],
)
def test_errors_are_one_line(run, tmp_path, flags, message):
    source, target = pairs(tmp_path, "a\n", "A\n")
    result = in_process.call(
        "score",
        f"--model={run}",
        f"--source={source}",
        f"--target={target}",
        flags,
    )
    assert (result.returncode, result.stdout) == (1, b"")
    [line] = result.stderr.decode().splitlines()
    assert line.startswith(f"error: {message}")
