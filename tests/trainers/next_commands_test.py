"""The commands that a run prints at its end can be executed."""

import pathlib
import re
import shlex
import sys
import types

import keras_transformer as kt
from trainers import next_commands

SCORES = {
    "bleu": 12.345,
    "bleu_signature": "nrefs:1",
    "chrf": 54.321,
    "exact_match": 0.25,
}


def test_scores_and_commands(capsys):
    directory = kt.runs.RunDirectory("run")
    corpora = types.SimpleNamespace(contrast=[])
    next_commands.print_summary(directory, {"dev": SCORES}, corpora)
    printed = capsys.readouterr().out
    assert "dev: BLEU 12.35 (nrefs:1), chrF 54.32, exact match 0.250" in printed
    assert "test:" not in printed and "referent" not in printed
    assert "Your sentence." in printed
    modules = re.findall(r"-m (\S+)", printed)
    assert len(modules) == 6
    root = pathlib.Path(__file__).parents[2]
    for module in modules:
        if not module.startswith("tensorboard"):
            assert (root / f"{module.replace('.', '/')}.py").is_file()


def test_a_path_with_a_space_is_one_argument(capsys, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/opt/my python/bin/python")
    next_commands.print_summary(
        kt.runs.RunDirectory("my runs/it's"),
        {},
        types.SimpleNamespace(contrast=[]),
    )
    printed = capsys.readouterr().out.replace("\\\n", " ")
    commands = [
        shlex.split(line.partition("|")[2] or line)
        for line in printed.splitlines()
        if " -m " in line
    ]
    assert len(commands) == 6
    assert {command[0] for command in commands} == {sys.executable}
    flags = [flag for command in commands for flag in command[3:]]
    assert flags.count("--model=my runs/it's") == 4
    assert flags.count("--logdir=my runs/it's/logs") == 1
    assert all(flag.startswith("--") for flag in flags)


def test_what_the_built_in_corpus_has(capsys):
    pair = types.SimpleNamespace(source="The cat sat.")
    next_commands.print_summary(
        kt.runs.RunDirectory("run"),
        {"dev": SCORES, "test": SCORES, "referent_accuracy": 0.5},
        types.SimpleNamespace(contrast=[pair]),
    )
    printed = capsys.readouterr().out
    assert "test: BLEU 12.35" in printed
    assert "referent accuracy: 0.500" in printed
    for text in ("I am a student.", "The cat sat."):
        command = r'" \| \\\n +\S+ -m tools\.translate --model=run\n'
        assert re.search(f'\n  echo "{re.escape(text)}{command}', printed)


def test_the_page_of_a_run_is_named_first(capsys, tmp_path):
    directory = kt.runs.RunDirectory(tmp_path)
    directory.page.touch()
    corpora = types.SimpleNamespace(contrast=[])
    next_commands.print_summary(directory, {}, corpora)
    _, _, after = capsys.readouterr().out.partition("Next:\n\n")
    assert after.splitlines()[1] == f"  {directory.page}"
    assert "tools.explore" not in after


def test_the_interpreter_is_this_one(capsys, monkeypatch):
    corpora = types.SimpleNamespace(contrast=[])
    for folder, expected in (
        ("/home/ann/x", ".venv/bin/python"),
        ("/y", "/home/ann"),
    ):
        monkeypatch.setattr(sys, "executable", "/home/ann/x/.venv/bin/python")
        monkeypatch.setattr("os.getcwd", lambda folder=folder: folder)
        monkeypatch.setattr(
            "os.path.relpath", lambda path: path.removeprefix("/home/ann/x/")
        )
        next_commands.print_summary(kt.runs.RunDirectory("run"), {}, corpora)
        assert f"  {expected}" in capsys.readouterr().out
