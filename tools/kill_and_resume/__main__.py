"""Kills training runs again and again, and compares their results.

    python -m tools.kill_and_resume --kills=20

The trainer first makes a short, undisturbed run on a small share of the
built-in corpus. Then the trainer makes the same run again, but SIGKILL ends the
trainer at random moments, or soon after it writes a file. After each kill the
trainer continues the run. When the run ends, the next run begins. Each run must
have the weights, optimizer state, configuration and metrics of the undisturbed
run, bit for bit, except measured times. Otherwise the exit code is 1.
"""

import dataclasses
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import keras_transformer as kt
from tools.kill_and_resume import run_differences
from trainers import program
from trainers.settings_flags import setting

_ROOT = pathlib.Path(__file__).parents[2]
_INTERVAL = 2
_VOCABULARY_SIZE = 331
_MAX_LENGTH = 64
# `kill` waits at most this multiple of the time of the undisturbed run.
_MAX_SLOWDOWN = 10


@dataclasses.dataclass(frozen=True)
class Plan:
    """The flags of the runs and of the kills."""

    kills: int = setting("Number of kills.", 20, least=0)
    seed: int = setting("Seed of the moments of the kills.", 0)
    steps: int = setting("Steps of a run.", 8, least=4)
    shards: bool = setting("Train on a shard directory, not on text.", False)
    output_dir: str | None = setting(
        "Directory of the runs. Default: a temporary directory, which stays if "
        "runs differ.",
        None,
    )


@dataclasses.dataclass(frozen=True)
class Aim:
    """The moment of a kill: soon after a file changes, or at any time.

    name: a description of the moment, to be printed.
    files: glob of the files, in the run directory; `None` for any time.
    seconds: the longest time from a new or changed file to the kill.
    """

    name: str
    files: str | None = None
    seconds: float = 0.0


_MOMENT = Aim("any moment")
_FILES = kt.runs.RunDirectory("")
_CHECKPOINT = Aim("a checkpoint", f"{_FILES.checkpoints}/.ckpt-*", 0.05)
_EVALUATION = Aim("an evaluation", f"{_FILES.checkpoints}/ckpt-*.index", 0.3)
_MODEL = Aim(str(_FILES.model), str(_FILES.unfinished_model), 0.1)
_EXPORT = Aim("the export", f"{_FILES.saved_model.parent}/.saving-*", 2.0)
# The aims are used in this order, repeatedly. The first kill comes after a
# checkpoint, so that even one kill makes a run continue from a checkpoint.
_AIMS = (
    _EVALUATION,
    _CHECKPOINT,
    _MODEL,
    _MOMENT,
    _MOMENT,
    _CHECKPOINT,
    _MOMENT,
    _MOMENT,
    _EXPORT,
    _MOMENT,
)


class Trainer:
    """The trainer's command, with the same flags for every run.

    Args:
        directory: the directory of the runs and their data; made if missing.
        steps: the number of steps of a run.
        shards: whether to train on shards. `directory` must not have any yet.
    """

    def __init__(self, directory, steps: int, shards: bool = False):
        self._directory = pathlib.Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        corpus = kt.data.illustrated_corpus(train_size=199, dev_size=13)
        for name, pairs in (("train", corpus.train), ("dev", corpus.dev)):
            (self._directory / f"{name}.tsv").write_text(
                "".join(f"{p.source}\t{p.target}\n" for p in pairs),
                encoding="utf-8",
            )
        train = f"--train_tsv={self._directory}/train.tsv"
        if shards:
            train = f"--train_shards={self._write_shards(corpus.train)}"
        self._flags = [
            train,
            f"--dev_tsv={self._directory}/dev.tsv",
            "--preset=demo",
            "--num_encoder_layers=1",
            "--num_decoder_layers=1",
            "--model_dim=16",
            "--num_heads=2",
            "--feed_forward_dim=32",
            *(() if shards else (f"--vocabulary_size={_VOCABULARY_SIZE}",)),
            f"--max_length={_MAX_LENGTH}",
            "--tokens_per_batch=512",
            f"--steps={steps}",
            f"--evaluation_interval={_INTERVAL}",
            "--average_checkpoints=2",
            "--beam_size=2",
            "--seed=7",
        ]

    def _write_shards(self, pairs):
        """Writes several small shards and returns their directory."""
        tokenizer = kt.Tokenizer(
            kt.learn_vocabulary(
                [text for pair in pairs for text in pair], _VOCABULARY_SIZE
            )
        )
        directory = self._directory / "train_shards"
        kt.data.shard_pairs(
            pairs, directory, tokenizer, None, _MAX_LENGTH, pairs_per_shard=37
        )
        return directory

    def run(self, name) -> pathlib.Path:
        """Returns the directory of a run."""
        return self._directory / name

    def log(self, name) -> pathlib.Path:
        """Returns the file with the output of the last process of a run."""
        return self._directory / f"{name}.log"

    def start(self, name) -> subprocess.Popen:
        """Starts or continues a run; returns the process of the trainer."""
        with open(self.log(name), "wb") as log:
            return subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "trainers.train_translation",
                    f"--output_dir={self.run(name)}",
                    *self._flags,
                ],
                cwd=_ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def finish(self, name) -> float:
        """Starts or continues a run; returns the seconds until the run ends."""
        started = time.monotonic()
        process = self.start(name)
        try:
            process.wait()
        finally:
            process.kill()
        self.check(name, process)
        return time.monotonic() - started

    def check(self, name, process):
        """Raises ChildProcessError if a process ended with an error."""
        if process.returncode:
            log = self.log(name).read_text(encoding="utf-8", errors="replace")
            raise ChildProcessError(f"The trainer failed: {log[-2000:]}")


def kill(trainer: Trainer, name: str, aim: Aim, seconds: float, generator):
    """Starts or continues a run, and kills it.

    Args:
        trainer: the trainer, which starts the run.
        name: the name of the run.
        aim: the moment of the kill.
        seconds: the seconds that an undisturbed run takes.
        generator: the random generator that draws the moment.

    Returns:
        The seconds until the kill, or `None` if the run ended first.

    Raises:
        ChildProcessError: the run takes too long, or the trainer fails.
    """
    run = trainer.run(name)
    old_times = {} if aim.files is None else _times(run, aim.files)
    started = time.monotonic()
    moment = started + generator.uniform(0, seconds)
    delay = generator.uniform(0, aim.seconds)
    is_ready = aim.files is None
    process = trainer.start(name)
    try:
        while process.poll() is None:
            now = time.monotonic()
            if (
                not is_ready
                and _times(run, aim.files).items() - old_times.items()
            ):
                is_ready, moment = True, now + delay
            if is_ready and now >= moment:
                process.send_signal(signal.SIGKILL)
                process.wait()
                break
            if now - started > _MAX_SLOWDOWN * seconds:
                raise ChildProcessError(f"The run {run} takes too long to end.")
            time.sleep(0.001)
    finally:
        process.kill()
    if process.returncode == -signal.SIGKILL:
        return time.monotonic() - started
    trainer.check(name, process)
    return None


def _times(run, pattern):
    """Returns the time when each file was written, by its path."""
    times = {}
    for path in run.glob(pattern):
        try:
            times[path] = path.stat().st_mtime_ns
        except FileNotFoundError:
            continue
    return times


def phase(run: pathlib.Path, log: str) -> str:
    """Describes what a run did when it was killed.

    Args:
        run: the run directory.
        log: the output of the last process of the run.
    """
    directory = kt.runs.RunDirectory(run)
    folder = directory.checkpoints
    step = kt.training.newest_step(folder) or 0
    for suffix, doing in (
        ("writing", "writing checkpoint"),
        ("written", "moving checkpoint"),
        ("removing", "removing checkpoint"),
    ):
        for path in folder.glob(f".ckpt-*.{suffix}"):
            return f"step {step}, {doing} {path.stem.split('-')[1]}"
    ends = re.findall(
        r"^(?:Step|Continuing at step) ([\d,]+)(?: of [\d,]+ done)?\.",
        log,
        re.MULTILINE,
    )
    # The step in the last line of the log that matches, or 0 if none matches.
    ended = int(ends[-1].replace(",", "")) if ends else 0
    if "Averaged the last" in log:
        doing = f"writing {directory.model.name} or scoring"
        if directory.unfinished_model.exists():
            doing = f"writing {directory.model.name}"
        elif any(
            path.name.endswith("fresh")
            for path in directory.unfinished_saved_models()
        ):
            doing = "checking the SavedModel"
        elif directory.unfinished_saved_models():
            doing = "exporting"
    elif step > ended:
        doing = "evaluating"
    elif "target tokens each" in log:
        doing = "training or validating"
    elif "Strategy" in log:
        doing = "reading data, building the model"
    else:
        doing = "starting Python"
    return f"step {step}, {doing}"


def check(directory, plan: Plan) -> bool:
    """Makes the runs, kills them and prints the comparison.

    Args:
        directory: the directory of the runs.
        plan: the flags.

    Returns:
        Whether all runs have the results of the undisturbed run.
    """
    generator, kills = random.Random(plan.seed), plan.kills
    trainer = Trainer(directory, plan.steps, plan.shards)
    seconds = trainer.finish("undisturbed")
    print(f"undisturbed run: {plan.steps} steps, {seconds:.1f} s", flush=True)
    num_kills, runs, num_different = 0, 0, 0
    while num_kills < kills or not runs:
        runs += 1
        name = f"killed-{runs}"
        while num_kills < kills:
            aim = _AIMS[num_kills % len(_AIMS)]
            after = kill(trainer, name, aim, seconds, generator)
            if after is None:
                break
            num_kills += 1
            print(
                f"kill {num_kills:2d}, run {runs}, aimed at {aim.name}: after "
                f"{after:.1f} s at "
                f"{phase(trainer.run(name), trainer.log(name).read_text())}",
                flush=True,
            )
        else:
            trainer.finish(name)
        differences = run_differences.differences(
            trainer.run(name), trainer.run("undisturbed")
        )
        num_different += bool(differences)
        print(
            f"run {runs} differs in {'; '.join(differences)}"
            if differences
            else f"run {runs} is as the undisturbed one",
            flush=True,
        )
    print(
        f"{num_kills} kills, {runs} runs: "
        + (f"{num_different} DIFFER" if num_different else "no bit differs"),
        flush=True,
    )
    return not num_different


@program.main(Plan)
def main(plan):
    if plan.output_dir:
        program.check_output_dir(plan.output_dir)
    directory = plan.output_dir or tempfile.mkdtemp(prefix="killed-")
    if not check(directory, plan):
        sys.exit(f"error: runs differ; they are in {directory}.")
    if not plan.output_dir:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main.run()
