"""Kills a training run again and again and compares what it ends with.

    python -m tools.kill_and_resume --kills=20

The trainer makes a short run on a part of the built-in corpus without being
disturbed. Then it makes the same run while SIGKILL hits it at random moments
and in the middle of what it writes, and is started again after each, as often
as asked for; a run that gets to its end is followed by another. The weights,
the optimizer's state and the metrics of every run must be those of the
undisturbed one bit for bit; if not, the exit code is 1.
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
# What a run may take, next to the undisturbed one.
_SLOWEST = 10


@dataclasses.dataclass(frozen=True)
class Plan:
    """How often to kill runs, and which."""

    kills: int = setting("How many.", 20, least=0)
    seed: int = setting("Of the moments.", 0)
    steps: int = setting("Updates of a run.", 8, least=4)
    output_dir: str | None = setting(
        "Where the runs go. Default: a temporary directory, which stays if a "
        "difference was found.",
        None,
    )


@dataclasses.dataclass(frozen=True)
class Aim:
    """When to kill: once files appear, or at any moment if none are named.

    Attributes:
        name: what is hit.
        files: glob in the run directory.
        seconds: from their appearance, as long as this at most.
    """

    name: str
    files: str | None = None
    seconds: float = 0.0


_MOMENT = Aim("any moment")
_FILES = kt.runs.RunDirectory("")
_CHECKPOINT = Aim("a checkpoint", f"{_FILES.checkpoints}/.ckpt-*", 0.05)
_EVALUATION = Aim("an evaluation", f"{_FILES.checkpoints}/ckpt-*.index", 3.0)
_MODEL = Aim(str(_FILES.model), str(_FILES.unfinished_model), 0.1)
_EXPORT = Aim("the export", f"{_FILES.saved_model.parent}/.saving-*", 2.0)
# In turns. A run that is killed at the first two was halfway when it was
# continued, twice.
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
    """Starts runs, each of which would be the same.

    Args:
        directory: where the runs and their data go.
        steps: updates of a run.
    """

    def __init__(self, directory, steps: int):
        self._directory = pathlib.Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        corpus = kt.data.illustrated_corpus(train_size=199, dev_size=13)
        for name, pairs in (("train", corpus.train), ("dev", corpus.dev)):
            (self._directory / f"{name}.tsv").write_text(
                "".join(f"{p.source}\t{p.target}\n" for p in pairs),
                encoding="utf-8",
            )
        self._flags = [
            f"--train_tsv={self._directory}/train.tsv",
            f"--dev_tsv={self._directory}/dev.tsv",
            "--preset=demo",
            "--num_encoder_layers=1",
            "--num_decoder_layers=1",
            "--model_dim=16",
            "--num_heads=2",
            "--feed_forward_dim=32",
            "--vocabulary_size=331",
            "--max_length=64",
            "--tokens_per_batch=512",
            f"--steps={steps}",
            f"--evaluation_interval={_INTERVAL}",
            "--average_checkpoints=2",
            "--beam_size=2",
            "--seed=7",
        ]

    def run(self, name) -> pathlib.Path:
        """The directory of the run of this name."""
        return self._directory / name

    def log(self, name) -> pathlib.Path:
        """What the last process of a run printed."""
        return self._directory / f"{name}.log"

    def start(self, name) -> subprocess.Popen:
        """Starts a run, or continues it."""
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
        """Starts a run, or continues it; returns the seconds to its end."""
        started = time.monotonic()
        process = self.start(name)
        try:
            process.wait()
        finally:
            process.kill()
        self.check(name, process)
        return time.monotonic() - started

    def check(self, name, process):
        """Raises ChildProcessError unless a process ended well."""
        if process.returncode:
            log = self.log(name).read_text(encoding="utf-8", errors="replace")
            raise ChildProcessError(f"The trainer failed: {log[-2000:]}")


def kill(trainer: Trainer, name: str, aim: Aim, seconds: float, generator):
    """Continues a run and kills it.

    Args:
        trainer: the `Trainer`.
        name: of the run.
        aim: when to kill.
        seconds: that an undisturbed run takes.
        generator: draws the moment.

    Returns:
        The seconds to the kill, or `None` if the run came to its end first.
    """
    run = trainer.run(name)
    before = {} if aim.files is None else _times(run, aim.files)
    started = time.monotonic()
    moment = started + generator.uniform(0, seconds)
    delay = generator.uniform(0, aim.seconds)
    is_seen = aim.files is None
    process = trainer.start(name)
    try:
        while process.poll() is None:
            now = time.monotonic()
            if not is_seen and _times(run, aim.files).items() - before.items():
                is_seen, moment = True, now + delay
            if is_seen and now >= moment:
                process.send_signal(signal.SIGKILL)
                process.wait()
                break
            if now - started > _SLOWEST * seconds:
                raise ChildProcessError(
                    f"The run {run} does not come to its end."
                )
            time.sleep(0.001)
    finally:
        process.kill()
    if process.returncode == -signal.SIGKILL:
        return time.monotonic() - started
    trainer.check(name, process)
    return None


def _times(run, pattern):
    """When the files of a pattern were written, by their paths."""
    times = {}
    for path in run.glob(pattern):
        try:
            times[path] = path.stat().st_mtime_ns
        except FileNotFoundError:
            continue
    return times


def phase(run: pathlib.Path, log: str) -> str:
    """Says what a run was at when it was killed.

    Args:
        run: its directory.
        log: what its last process had printed.
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
    epochs = re.findall(r"^Epoch (\d+)/", log, re.MULTILINE)
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
    elif epochs and step == _INTERVAL * int(epochs[-1]):
        doing = "evaluating"
    elif epochs:
        doing = "training or validating"
    elif "Strategy" in log:
        doing = "reading data, building the model"
    else:
        doing = "starting Python"
    return f"step {step}, {doing}"


def check(directory, kills: int, steps: int, seed: int) -> bool:
    """Makes the runs, kills them and prints what came of it.

    Args:
        directory: where the runs go.
        kills: how many.
        steps: updates of a run.
        seed: of the moments.

    Returns:
        Whether every run ended as the undisturbed one.
    """
    generator = random.Random(seed)
    trainer = Trainer(directory, steps)
    seconds = trainer.finish("undisturbed")
    print(f"undisturbed run: {steps} steps, {seconds:.1f} s", flush=True)
    done, runs, different = 0, 0, 0
    while done < kills or not runs:
        runs += 1
        name = f"killed-{runs}"
        while done < kills:
            aim = _AIMS[done % len(_AIMS)]
            after = kill(trainer, name, aim, seconds, generator)
            if after is None:
                break
            done += 1
            print(
                f"kill {done:2d}, run {runs}, aimed at {aim.name}: after "
                f"{after:.1f} s at "
                f"{phase(trainer.run(name), trainer.log(name).read_text())}",
                flush=True,
            )
        else:
            trainer.finish(name)
        found = run_differences.differences(
            trainer.run(name), trainer.run("undisturbed")
        )
        different += bool(found)
        print(
            f"run {runs} differs in {'; '.join(found)}"
            if found
            else f"run {runs} is as the undisturbed one",
            flush=True,
        )
    print(
        f"{done} kills, {runs} runs: "
        + (f"{different} DIFFER" if different else "no bit differs"),
        flush=True,
    )
    return not different


@program.main(Plan)
def main(plan):
    if plan.output_dir:
        program.check_output_dir(plan.output_dir)
    directory = plan.output_dir or tempfile.mkdtemp(prefix="killed-")
    if not check(directory, plan.kills, plan.steps, plan.seed):
        sys.exit(f"error: runs differ; they are in {directory}.")
    if not plan.output_dir:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main.run()
