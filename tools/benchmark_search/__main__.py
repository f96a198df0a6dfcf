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

import numpy as np
import tensorflow as tf
from absl import app, flags

import keras_transformer as kt
from tools.benchmark_search import peers
from trainers import program

_SUITE = flags.DEFINE_enum(
    "suite", "speed", ["speed", "latency", "lengths"], "What to measure."
)
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed turns.", lower_bound=1)
_PEERS_PYTHON = flags.DEFINE_string(
    "peers_python", sys.executable, "A Python that has the peers."
)
_THREADS = flags.DEFINE_integer("threads", 2, "Cores to use.", lower_bound=1)
_LAYERS = flags.DEFINE_integer("layers", 6, "Encoder and decoder blocks each.")
_MODEL_DIM = flags.DEFINE_integer("model_dim", 512, "d_model.")
_FEED_FORWARD_DIM = flags.DEFINE_integer("feed_forward_dim", 2048, "d_ff.")
_NUM_HEADS = flags.DEFINE_integer("num_heads", 8, "Heads.")
_VOCABULARY_SIZE = flags.DEFINE_integer("vocabulary_size", 32000, "Tokens.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Sentences.")
_SOURCE_LENGTH = flags.DEFINE_integer("source_length", 20, "Tokens.")
_TARGET_LENGTH = flags.DEFINE_integer("target_length", 32, "Tokens.")
_LENGTHS = flags.DEFINE_list(
    "lengths", ["32", "128", "512"], "Target lengths of --suite=lengths."
)
_PROFILE = flags.DEFINE_string(
    "profile", None, "Directory for a TensorBoard profile of our searches."
)
_WORK = flags.DEFINE_string(
    "work", None, "For the processes that this one starts: their job."
)
_START, _END, _PAD = 1, 2, 0
_PEERS = pathlib.Path(__file__).with_name("peers.py")


@dataclasses.dataclass(frozen=True)
class Job:
    """One search: its engine, its model and its work."""

    engine: str
    precision: str
    beam_size: int
    threads: int
    layers: int
    model_dim: int
    feed_forward_dim: int
    num_heads: int
    vocabulary_size: int
    batch_size: int
    source_length: int
    target_length: int

    def __post_init__(self):
        for field in dataclasses.fields(self):
            size = getattr(self, field.name)
            if field.type is int and not (isinstance(size, int) and size > 0):
                raise ValueError(
                    f"--{field.name} must be a number, at least 1. Received: "
                    f"{size}."
                )


# Engines of this package: a graph of unknown shapes, as it is served, and
# XLA, which compiles each shape.
GRAPH, XLA = "keras_transformer", "keras_transformer, XLA"
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


def job_of_flags(**changes) -> Job:
    """The work that the flags name."""
    return Job(
        **{
            "engine": GRAPH,
            "precision": "float32",
            "beam_size": 4,
            "threads": _THREADS.value,
            "layers": _LAYERS.value,
            "model_dim": _MODEL_DIM.value,
            "feed_forward_dim": _FEED_FORWARD_DIM.value,
            "num_heads": _NUM_HEADS.value,
            "vocabulary_size": _VOCABULARY_SIZE.value,
            "batch_size": _BATCH_SIZE.value,
            "source_length": _SOURCE_LENGTH.value,
            "target_length": _TARGET_LENGTH.value,
            **changes,
        }
    )


def make_search(job: Job):
    """A function without arguments that searches once."""
    config = kt.TransformerConfig(
        vocabulary_size=job.vocabulary_size,
        num_encoder_layers=job.layers,
        num_decoder_layers=job.layers,
        model_dim=job.model_dim,
        num_heads=job.num_heads,
        feed_forward_dim=job.feed_forward_dim,
        # As the peers' models are.
        normalization="post",
        biases="all",
    )
    model = kt.build_transformer(config, dtype=job.precision)
    sources = tf.constant(
        np.random.default_rng(1).integers(
            _END + 1,
            job.vocabulary_size,
            (job.batch_size, job.source_length),
            dtype="int32",
        )
    )
    is_compiled = job.engine == XLA

    def search(source_ids):
        settings = {
            "batch_size": source_ids.shape[0] or tf.shape(source_ids)[0],
            "max_lengths": job.target_length,
            "start_id": _START,
            "end_id": _END,
            "pad_id": _PAD,
            "constraints": kt.search.Constraints(job.target_length),
            "states": model,
        }
        # The state of a compiled search must have its room from the start.
        room = job.target_length if is_compiled else None
        state = model.start(source_ids, max_length=room)
        if job.beam_size == 1:
            return kt.search.greedy_search(model.stepper(), state, **settings)
        return kt.search.beam_search(
            model.stepper(), state, beam_size=job.beam_size, **settings
        )

    if is_compiled:
        graph = tf.function(search, jit_compile=True)
    else:
        graph = tf.function(
            search, input_signature=[tf.TensorSpec([None, None], tf.int32)]
        )

    def run():
        result = graph(sources)
        if int(tf.reduce_min(result.lengths)) != job.target_length:
            raise ValueError("The search wrote fewer tokens than it must.")

    return run


class Engine:
    """A process that searches once each time it is asked to."""

    def __init__(self, job: Job):
        self.job = job
        work = json.dumps(dataclasses.asdict(job))
        command = [_PEERS_PYTHON.value, str(_PEERS), work]
        if job.engine in (GRAPH, XLA):
            command = [sys.executable, "-m", "tools.benchmark_search"]
            command += [f"--work={work}"]
            if _PROFILE.value:
                command.append(f"--profile={_PROFILE.value}")
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


def work(job: Job):
    """What a process of ours does; see `peers.serve`."""
    tf.config.threading.set_intra_op_parallelism_threads(job.threads)
    tf.config.threading.set_inter_op_parallelism_threads(job.threads)
    search = make_search(job)
    search()  # The first traces the graph, and compiles it.
    search()
    if _PROFILE.value:
        with tf.profiler.experimental.Profile(_PROFILE.value):
            search()
    peers.serve(search, {"version": kt.__version__})


def compare(ours: Job, theirs: Job) -> dict:
    """Runs two engines by turns; the ratio is above 1 where ours is faster."""
    engines = [Engine(ours), Engine(theirs)]
    seconds = [[], []]
    for _ in range(_ROUNDS.value):
        for engine, times in zip(engines, seconds, strict=True):
            if "missing" not in engine.greeting:
                times.append(engine.ask())
    result = {
        "work": {
            name: value
            for name, value in dataclasses.asdict(ours).items()
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


def compare_lengths(lengths) -> dict:
    """What tokens cost, and what memory is needed, at growing lengths.

    A token at a position costs what a longer search takes more, over the
    tokens that it writes more.
    """
    rows, before = [], None
    jobs = [
        job_of_flags(target_length=int(n) if n.isdecimal() else n)
        for n in lengths
    ]
    for job in jobs:
        length, engine = job.target_length, Engine(job)
        seconds = [engine.ask() for _ in range(_ROUNDS.value)]
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


@program.main
def main():
    if _WORK.value:
        work(Job(**json.loads(_WORK.value)))
    elif _SUITE.value == "lengths":
        print(json.dumps(compare_lengths(_LENGTHS.value)))
    else:
        sizes = LATENCY if _SUITE.value == "latency" else {}
        for ours, precision, peer, peer_precision, beam in COMPARISONS[
            _SUITE.value
        ]:
            result = compare(
                job_of_flags(
                    engine=ours, precision=precision, beam_size=beam, **sizes
                ),
                job_of_flags(
                    engine=peer,
                    precision=peer_precision,
                    beam_size=beam,
                    **sizes,
                ),
            )
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    app.run(main)
