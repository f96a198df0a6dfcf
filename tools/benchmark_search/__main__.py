"""Times the search beside CTranslate2 and transformers' Marian.

    python -m tools.benchmark_search --peers_python=peers/bin/python

Every search writes as many tokens as it must, with random weights: what is
measured is the cost. Ours and theirs run by turns, in processes of their own,
on the same cores; printed, one line of JSON a comparison, are the medians and
their ratio, how many times as fast as the peer ours is. `--peers_python` is a
Python that has ctranslate2, torch and transformers; peers that it does not
have are left out.

    python -m tools.benchmark_search --suite=lengths

shows what a token costs, and how much memory a search needs, at growing
lengths.
"""

import contextlib
import dataclasses
import json
import pathlib
import statistics
import subprocess
import sys

from tools.benchmark_search import ours
from tools.benchmark_search.jobs import GRAPH, XLA, Job
from trainers import program
from trainers.settings_flags import setting

_PEERS = pathlib.Path(__file__).with_name("peers.py")


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """What to measure, and by what."""

    suite: str = setting(
        "What to measure.", "speed", choices=["speed", "latency", "lengths"]
    )
    rounds: int = setting("Timed turns.", 5, least=1)
    peers_python: str = setting("A Python that has the peers.", sys.executable)
    lengths: list[str] = setting(
        "Target lengths of --suite=lengths.", ["32", "128", "512"]
    )
    profile: str | None = setting(
        "Directory for a TensorBoard profile of our searches.", None
    )
    work: str | None = setting(
        "For the processes that this one starts: their job.", None
    )


# Of each suite: our engine and precision, the peer's, and the beam.
COMPARISONS = {
    "speed": (
        (GRAPH, "float32", "ctranslate2", "float32", 4),
        (GRAPH, "float32", "marian", "float32", 4),
        (GRAPH, "bfloat16", "ctranslate2", "int8", 4),
        (GRAPH, "bfloat16", "marian", "bfloat16", 4),
        (GRAPH, "float32", "ctranslate2", "float32", 1),
    ),
    "latency": (
        (GRAPH, "float32", "ctranslate2", "float32", 4),
        (XLA, "float32", "ctranslate2", "float32", 4),
    ),
}
# One sentence alone, of a small model.
LATENCY = {
    "layers": 3,
    "model_dim": 256,
    "feed_forward_dim": 1024,
    "batch_size": 1,
}


class Engine:
    """A process that searches once each time it is asked to."""

    def __init__(self, job: Job, asked: Benchmark):
        self.job = job
        work = json.dumps(dataclasses.asdict(job))
        command = [asked.peers_python, str(_PEERS), work]
        if job.engine in (GRAPH, XLA):
            command = [sys.executable, "-m", "tools.benchmark_search"]
            command += [f"--work={work}"]
            if asked.profile:
                command.append(f"--profile={asked.profile}")
        self._process = subprocess.Popen(
            command,
            cwd=_PEERS.parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.greeting = self._read()

    def ask(self, question: str = ""):
        """Seconds of one search, or what else `peers.serve` answers."""
        # If it has ended, `_read` says so.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{question}\n")
            self._process.stdin.flush()
        return self._read()

    def close(self):
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()

    def _read(self):
        for line in self._process.stdout:
            if line.startswith("@"):
                return json.loads(line[1:])
        raise ChildProcessError(f"A process ended early. Its work: {self.job}")


def compare(one: Job, other: Job, asked: Benchmark) -> dict:
    """Runs two engines by turns; the ratio is above 1 if `one` is faster."""
    engines = [Engine(job, asked) for job in (one, other)]
    seconds = [[], []]
    for _ in range(asked.rounds):
        for engine, times in zip(engines, seconds, strict=True):
            if "missing" not in engine.greeting:
                times.append(engine.ask())
    result = {
        "work": {
            name: value
            for name, value in dataclasses.asdict(one).items()
            if name not in ("engine", "precision")
        },
    }
    for engine, times in zip(engines, seconds, strict=True):
        result[f"{engine.job.engine} {engine.job.precision}"] = {
            **engine.greeting,
            **_describe(engine.job, times),
        }
        engine.close()
    if all(seconds):
        medians = [statistics.median(times) for times in seconds]
        result["ratio"] = round(medians[1] / medians[0], 3)
    return result


def _describe(job, seconds):
    if not seconds:
        return {}
    median = statistics.median(seconds)
    return {
        "ms": round(1e3 * median, 1),
        "ms_range": [
            round(1e3 * min(seconds), 1),
            round(1e3 * max(seconds), 1),
        ],
        "tokens_per_second": round(
            job.batch_size * job.target_length / median, 1
        ),
    }


def compare_lengths(job: Job, asked: Benchmark) -> dict:
    """What tokens cost, and what memory is needed, at growing lengths.

    A token at a position costs what a longer search takes more, over the
    tokens that it writes more.
    """
    rows, before = [], None
    jobs = [
        dataclasses.replace(job, target_length=int(n) if n.isdecimal() else n)
        for n in asked.lengths
    ]
    for job in jobs:
        length, engine = job.target_length, Engine(job, asked)
        seconds = [engine.ask() for _ in range(asked.rounds)]
        median = statistics.median(seconds)
        # Keys and values of all blocks, in float32.
        kept = 2 * 4 * job.layers * job.model_dim
        kept *= job.batch_size * job.beam_size * length
        row = {
            "length": length,
            **_describe(job, seconds),
            "kept_mb": round(kept / 1e6, 1),
            "peak_mb": round(engine.ask("memory") / 1e6, 1),
        }
        if before is not None:
            more = (median - before[1]) / (length - before[0])
            row["ms_a_step_between"] = round(1e3 * more, 2)
        rows.append(row)
        before = length, median
        engine.close()
    return {"work": dataclasses.asdict(job), "lengths": rows}


@program.main(Job, Benchmark)
def main(job, asked):
    if asked.work:
        ours.serve(Job(**json.loads(asked.work)), asked.profile)
    elif asked.suite == "lengths":
        print(json.dumps(compare_lengths(job, asked)))
    else:
        sizes = LATENCY if asked.suite == "latency" else {}
        for engine, precision, peer, peer_precision, beam in COMPARISONS[
            asked.suite
        ]:
            one = dataclasses.replace(
                job,
                engine=engine,
                precision=precision,
                beam_size=beam,
                **sizes,
            )
            other = dataclasses.replace(
                one, engine=peer, precision=peer_precision
            )
            print(json.dumps(compare(one, other, asked)), flush=True)


if __name__ == "__main__":
    main.run()
