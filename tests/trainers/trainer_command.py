"""Runs the trainer's command in tests, on a part of the corpus."""

import os
import pathlib
import subprocess
import sys

from absl import flags as absl_flags

import keras_transformer as kt
from trainers import settings, settings_flags, staged_run, train_translation

ROOT = pathlib.Path(__file__).parent.parent.parent


def start(output_dir, *flags, tf_config=None):
    """Starts the command; `finish` reads what it prints."""
    environment = {k: v for k, v in os.environ.items() if k != "TF_CONFIG"}
    environment["PYTHONPATH"] = str(ROOT)
    if tf_config is not None:
        environment["TF_CONFIG"] = tf_config
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "trainers.train_translation",
            f"--output_dir={output_dir}",
            *flags,
        ],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def train_here(output_dir, *flags):
    """Trains in this process as the command does in its own."""
    values = absl_flags.FlagValues()
    train_translation.main.define_flags(values)
    values(["train_translation", f"--output_dir={output_dir}", *flags])
    staged_run.train(
        settings_flags.read(settings.TrainingSettings, values),
        settings_flags.specified(
            settings_flags.read(settings.Overrides, values)
        ),
        settings_flags.read(settings_flags.Given, values).names,
        output_dir,
    )


def finish(process, timeout=400):
    """Waits for a process; returns its code and what it printed."""
    output, _ = process.communicate(timeout=timeout)
    return process.returncode, output


def write_pairs(folder, train_size, dev_size):
    """Writes sentence pairs of the corpus; returns the flags that read them."""
    corpus = kt.data.illustrated_corpus(
        train_size=train_size, dev_size=dev_size
    )
    for name, pairs in (("train", corpus.train), ("dev", corpus.dev)):
        (folder / f"{name}.tsv").write_text(
            "".join(f"{p.source}\t{p.target}\n" for p in pairs)
        )
    return [
        f"--train_tsv={folder}/train.tsv",
        f"--dev_tsv={folder}/dev.tsv",
    ]
