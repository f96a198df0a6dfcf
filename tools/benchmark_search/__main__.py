"""Times the search, and compares it with CTranslate2 and Marian.

    python -m tools.benchmark_search --peers_python=peers/bin/python

The quality of translations is not measured, so all models have random weights.
An engine is one of our ways to search, or a peer: the search of another
library. Two engines run in alternate rounds, each in its own process, with the
same number of threads; both write the same number of tokens. Each comparison
prints a line of JSON with the median time of each engine and the ratio of the
medians. The ratio is above 1 if our search is faster. `--peers_python` is a
Python interpreter with ctranslate2, torch and transformers. The Marian model is
that of transformers. If a peer is not installed, the line says what is missing,
and has no ratio.

    python -m tools.benchmark_search --suite=lengths

prints the time of a step of our search, and the peak memory of its process, at
growing lengths. `--suite=latency` compares our search with CTranslate2 on one
sentence, with a small model. `--suite=shortlist` compares two searches of ours:
one has a shortlist, and the other has none.
"""

import dataclasses
import json
import statistics
import sys

from tools.benchmark_search import ours
from tools.benchmark_search.jobs import GRAPH, OURS, SHORTLIST, XLA, Job
from tools.engines import process
from trainers import program
from trainers.settings_flags import setting

_PEERS = "tools.benchmark_search.peers"


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """The flags: what to time, and which Python interpreter has the peers."""

    suite: str = setting(
        "What to measure.",
        "speed",
        choices=["speed", "latency", "lengths", "shortlist"],
    )
    rounds: int = setting("Timed rounds.", 5, least=1)
    peers_python: str = setting(
        "Python interpreter with the peers.", sys.executable
    )
    lengths: list[str] = setting(
        "Target lengths of --suite=lengths.", ["32", "128", "512"]
    )
    profile: str | None = setting(
        "Directory for a TensorBoard profile of our searches.", None
    )
    work: str | None = setting(
        "Used by the processes that this one starts: their job.", None
    )


# The comparisons of each suite except `lengths`: our engine and its precision,
# the peer and its precision, and the beam size. In the suite `shortlist`, the
# peer is our own search without a shortlist.
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
    "shortlist": (
        (SHORTLIST, "float32", GRAPH, "float32", 4),
        (SHORTLIST, "float32", GRAPH, "float32", 1),
    ),
}
# The sizes of --suite=latency, which times one sentence with a small model.
# These sizes replace the values of the flags.
LATENCY = {
    "layers": 3,
    "model_dim": 256,
    "feed_forward_dim": 1024,
    "batch_size": 1,
}


def start(job: Job, benchmark: Benchmark) -> process.Engine:
    """Starts the process that runs the search of a job, see `jobs.Job`."""
    work = json.dumps(dataclasses.asdict(job))
    if job.engine not in OURS:
        return process.Engine(benchmark.peers_python, _PEERS, [work])
    arguments = [f"--work={work}"]
    if benchmark.profile:
        arguments.append(f"--profile={benchmark.profile}")
    return process.Engine(sys.executable, "tools.benchmark_search", arguments)


def compare(our_job: Job, peer_job: Job, benchmark: Benchmark) -> dict:
    """Runs two engines in alternate rounds.

    Args:
        our_job: the job of our engine.
        peer_job: the job of the engine to compare with.
        benchmark: the flags of the rounds and of the peers.

    Returns:
        Dict of the settings that both jobs share, the times of both engines,
        and the ratio of the times. The ratio is above 1 if `our_job` is faster.
        If an engine is not installed, its times and the ratio are left out.
    """
    jobs = (our_job, peer_job)
    engines = [start(job, benchmark) for job in jobs]
    seconds = [[], []]
    for _ in range(benchmark.rounds):
        for engine, times in zip(engines, seconds, strict=True):
            if not engine.is_missing:
                times.append(engine.ask())
    result = {
        "work": {
            name: value
            for name, value in dataclasses.asdict(our_job).items()
            if name not in ("engine", "precision")
        },
    }
    for job, engine, times in zip(jobs, engines, seconds, strict=True):
        result[f"{job.engine} {job.precision}"] = {
            **engine.greeting,
            **_describe(job, times),
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


def compare_lengths(job: Job, benchmark: Benchmark) -> dict:
    """Measures the time of a step, and the memory, at growing lengths.

    There is one search for each target length. To get the time of a step, the
    times of two neighbouring searches are subtracted, and the difference is
    divided by the difference of their target lengths.

    Args:
        job: the search. The lengths of `benchmark` replace its target length.
        benchmark: the flags of the rounds and of the lengths. Each length must
            be larger than the one before it.

    Returns:
        Dict of the job of the last search, and a list with a dict of results
        for each length.
    """
    rows, previous = [], None
    jobs = [
        dataclasses.replace(job, target_length=int(n) if n.isdecimal() else n)
        for n in benchmark.lengths
    ]
    for job in jobs:
        length, engine = job.target_length, start(job, benchmark)
        seconds = [engine.ask() for _ in range(benchmark.rounds)]
        median = statistics.median(seconds)
        # The size of the cached keys and values of the self-attention, in
        # bytes. For each position of a hypothesis, each decoder block caches a
        # key and a value in float32.
        cached = 2 * 4 * job.layers * job.model_dim
        cached *= job.batch_size * job.beam_size * length
        row = {
            "length": length,
            **_describe(job, seconds),
            "cached_mb": round(cached / 1e6, 1),
            "peak_mb": round(engine.ask("memory") / 1e6, 1),
        }
        if previous is not None:
            step = (median - previous[1]) / (length - previous[0])
            row["ms_a_step_since"] = round(1e3 * step, 2)
        rows.append(row)
        previous = length, median
        engine.close()
    return {"work": dataclasses.asdict(job), "lengths": rows}


@program.main(Job, Benchmark)
def main(job, benchmark):
    if benchmark.work:
        ours.serve(Job(**json.loads(benchmark.work)), benchmark.profile)
    elif benchmark.suite == "lengths":
        print(json.dumps(compare_lengths(job, benchmark)))
    else:
        sizes = LATENCY if benchmark.suite == "latency" else {}
        for engine, precision, peer, peer_precision, beam in COMPARISONS[
            benchmark.suite
        ]:
            our_job = dataclasses.replace(
                job,
                engine=engine,
                precision=precision,
                beam_size=beam,
                **sizes,
            )
            peer_job = dataclasses.replace(
                our_job, engine=peer, precision=peer_precision
            )
            print(json.dumps(compare(our_job, peer_job, benchmark)), flush=True)


if __name__ == "__main__":
    main.run()
