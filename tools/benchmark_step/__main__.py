"""Times the training step of our model and of models of other libraries.

    python -m tools.benchmark_step --keras_hub_python=hub/bin/python \\
        --torch_python=torch/bin/python

Our model is compared with its peers: a model of KerasHub's layers,
`torch.nn.Transformer`, and the Marian model of transformers. All have the same
sizes. Each is trained in its own process, which is called an engine. In each
round, one engine after the other trains for some steps. For each peer there is
a line of JSON: medians and ranges of the milliseconds of a step, the ratio of
the medians, and the median of the rounds' ratios. A ratio above 1 means that
our model is faster. If a peer is not installed, its line says what is missing,
and has no ratio.

    python -m tools.benchmark_step --suite=epoch --source=FILE --target=FILE

compares our model with KerasHub's on a parallel corpus. Both models have the
same vocabulary, which source and target share. The results are target tokens
per second; padding is not counted. Pairs with a sentence of more than 64 tokens
are left out. In our batches, several pairs share a row. In the batches of
KerasHub, all sources are padded to the longest source of all batches, and all
targets to the longest target of all batches.

    python -m tools.benchmark_step --suite=memory

compares the memory that our model and `torch.nn.Transformer` need for their
first steps, without the memory of the imports. The sizes are those of the
paper's base model.
"""

import dataclasses
import json
import pathlib
import statistics
import sys
import tempfile

import keras_transformer as kt
from tools.benchmark_step import jobs
from tools.engines import process
from tools.model_flags import training_sizes
from trainers import program
from trainers.settings_flags import setting


@dataclasses.dataclass(frozen=True)
class Sizes(training_sizes.StepSizes):
    """The flags of the model and the batches."""

    precision: str = setting(
        "A Keras policy.", "float32", choices=["float32", "mixed_bfloat16"]
    )


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """The flags of the measurement, and of the peers."""

    suite: str = setting(
        "What to measure.", "step", choices=["step", "epoch", "memory"]
    )
    rounds: int = setting("Timed rounds.", 9, least=1)
    steps: int = setting("Steps of a round.", 5, least=1)
    threads: int = setting("Cores to use.", 2, least=1)
    keras_hub_python: str = setting(
        "Python interpreter with keras-hub and sentencepiece.", sys.executable
    )
    torch_python: str = setting(
        "Python interpreter with torch and transformers.", sys.executable
    )
    source: str | None = setting("Source sentences of --suite=epoch.", None)
    target: str | None = setting("Target sentences of --suite=epoch.", None)


PEERS = {
    "step": (jobs.KERAS_HUB, jobs.TORCH, jobs.MARIAN),
    "epoch": (jobs.KERAS_HUB,),
    "memory": (jobs.TORCH,),
}
# The sizes of --suite=memory: the base model of the paper with a vocabulary of
# 32,000 tokens, and batches of 4,096 target tokens. These sizes replace the
# flags' values.
BASE = {
    "layers": 6,
    "model_dim": 512,
    "feed_forward_dim": 2048,
    "num_heads": 8,
    "vocabulary_size": 32000,
    "batch_size": 128,
    "length": 32,
}


def start(job: jobs.Job, benchmark: Benchmark) -> process.Engine:
    """Starts the process of an engine.

    Args:
        job: the job of the engine.
        benchmark: the flags, with the Python interpreters of the peers.
    """
    pythons = {
        jobs.OURS: sys.executable,
        jobs.KERAS_HUB: benchmark.keras_hub_python,
    }
    return process.Engine(
        pythons.get(job.engine, benchmark.torch_python),
        "tools.benchmark_step.engine",
        [json.dumps(dataclasses.asdict(job))],
    )


def by_turns(job: jobs.Job, benchmark: Benchmark) -> list[dict]:
    """Lets all engines train, one after the other, in each round.

    Args:
        job: the job of our engine. The peers get the same job.
        benchmark: the flags of the rounds and of the peers.

    Returns:
        A dict for each peer: the results of our engine and of the peer, and
        their ratios if both have results.
    """
    names = (jobs.OURS, *PEERS[benchmark.suite])
    engines = {
        name: start(dataclasses.replace(job, engine=name), benchmark)
        for name in names
    }
    answers = {name: [] for name in names}
    for _ in range(benchmark.rounds):
        for name, engine in engines.items():
            if not engine.is_missing:
                answers[name].append(engine.ask())
    for engine in engines.values():
        engine.close()
    describe = _tokens_per_second if job.corpus else _milliseconds
    values, results = {}, {}
    for name in names:
        values[name], results[name] = describe(job, answers[name])
        results[name] = {**_facts(engines[name]), **results[name]}
    return [
        {
            jobs.OURS: results[jobs.OURS],
            peer: results[peer],
            **_ratios(values[jobs.OURS], values[peer], higher=bool(job.corpus)),
        }
        for peer in names[1:]
    ]


def _facts(engine):
    return {k: v for k, v in engine.greeting.items() if k != "imported"}


def _milliseconds(job, answers):
    values = [1e3 * seconds / job.steps for seconds, _ in answers]
    return values, _describe("step_ms", values, digits=1)


def _tokens_per_second(job, answers):
    values = [tokens / seconds for seconds, tokens in answers]
    return values, _describe("target_tokens_per_second", values, digits=None)


def _describe(name, values, digits):
    if not values:
        return {}
    return {
        name: round(statistics.median(values), digits),
        f"{name}_range": [
            round(min(values), digits),
            round(max(values), digits),
        ],
    }


def _ratios(ours, theirs, higher):
    """Returns a dict of ratios, which are above 1 if our values are better.

    If `higher` is true, higher values are better. If `higher` is false, lower
    values are better. The dict is empty if `ours` or `theirs` is empty.
    """
    if not (ours and theirs):
        return {}
    best, other = (ours, theirs) if higher else (theirs, ours)
    rounds = [a / b for a, b in zip(best, other, strict=True)]
    return {
        "ratio": round(statistics.median(best) / statistics.median(other), 3),
        "median_of_ratios": round(statistics.median(rounds), 3),
    }


def compare_memory(job: jobs.Job, benchmark: Benchmark) -> dict:
    """Compares the memory of the first steps, one process at a time.

    The memory of the steps is the peak memory of the process minus the peak
    memory after the imports. The memory of the model is included. The ratio is
    above 1 if our model needs less memory.

    Args:
        job: the job of our engine. The peers get the same job.
        benchmark: the flags of the peers.

    Returns:
        A dict of the results of each engine, and the ratio if torch is
        installed.
    """
    result, steps = {}, {}
    for name in (jobs.OURS, *PEERS["memory"]):
        engine = start(dataclasses.replace(job, engine=name), benchmark)
        result[name] = _facts(engine)
        if not engine.is_missing:
            imported, peak = engine.greeting["imported"], engine.ask("memory")
            steps[name] = peak - imported
            result[name] |= {
                "peak_mb": round(peak / 1e6),
                "after_imports_mb": round(imported / 1e6),
                "steps_mb": round(steps[name] / 1e6),
            }
        engine.close()
    if jobs.TORCH in steps:
        result["ratio"] = round(steps[jobs.TORCH] / steps[jobs.OURS], 3)
    return result


def write_corpus(benchmark: Benchmark, size: int, directory: str) -> None:
    """Writes the files of `jobs.Corpus`: a vocabulary, and sentence pairs.

    Pairs with a blank source or target are left out.

    Args:
        benchmark: the flags, with the files of sentence pairs.
        size: the size of the vocabulary to learn.
        directory: the directory to write to.

    Raises:
        ValueError: a file is not given, or the data are invalid.
        OSError: a file cannot be read.
    """
    if benchmark.source is None or benchmark.target is None:
        raise ValueError(
            "--suite=epoch needs sentence pairs. Received: --source="
            f"{benchmark.source}, --target={benchmark.target}. Give both files."
        )
    pairs = [
        pair
        for pair in kt.data.read_parallel(
            [benchmark.source], [benchmark.target]
        )
        if not pair.has_blank_side()
    ]
    texts = [text for pair in pairs for text in pair]
    corpus = jobs.Corpus(directory)
    kt.Tokenizer(kt.learn_vocabulary(texts, size)).save(corpus.vocabulary)
    for path, lines in zip(
        (corpus.source, corpus.target), zip(*pairs, strict=True), strict=True
    ):
        pathlib.Path(path).write_text("\n".join(lines), encoding="utf-8")


@program.main(Sizes, Benchmark)
def main(sizes, benchmark):
    sizes = dataclasses.asdict(sizes)
    if benchmark.suite == "memory":
        sizes |= BASE
    job = jobs.Job(
        engine=jobs.OURS,
        threads=benchmark.threads,
        steps=benchmark.steps,
        **sizes,
    )
    shown = {"suite": benchmark.suite, "work": sizes}
    if benchmark.suite == "memory":
        print(json.dumps({**shown, **compare_memory(job, benchmark)}))
        return
    with tempfile.TemporaryDirectory() as directory:
        if benchmark.suite == "epoch":
            write_corpus(benchmark, job.vocabulary_size, directory)
            job = dataclasses.replace(job, corpus=directory)
        for comparison in by_turns(job, benchmark):
            print(json.dumps({**shown, **comparison}), flush=True)


if __name__ == "__main__":
    main.run()
