"""The trainer's command as its tests give it, on a part of the corpus."""

import os
import pathlib
import subprocess
import sys

import keras_transformer as kt

ROOT = pathlib.Path(__file__).parent.parent.parent


def start(output_dir, *flags, tf_config=None, folder=ROOT):
    """Starts the command in a folder; `finish` reads what it prints."""
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
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
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
