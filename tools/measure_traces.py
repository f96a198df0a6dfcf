"""Measures the time that traces and gradient norms add to a training.

    python -m tools.measure_traces --model=runs/demo

A trace is the record of what a model computes for one sentence; TensorBoard
shows it. The program writes the traces of four sentences, as the trainer does
at each evaluation. It prints a line of JSON: the seconds of the first
evaluation, in which TensorFlow makes the graph; the median seconds of the later
evaluations; and the kilobytes that the traces of an evaluation add to the event
file. Then, unless --steps is 0, it trains two models with the sizes of the demo
in alternate rounds. One of them has the callback `GradientNorms`, which
computes the norm of the gradients in the first of every 16 steps. The program
prints a line of JSON: the milliseconds of a step of each model, their ratio,
and the losses. The time of other summaries is not measured.
"""

import dataclasses
import json
import pathlib
import statistics
import tempfile
import time

import tensorflow as tf

import keras_transformer as kt
from tools import benchmark_fit
from tools.model_flags import loading, training_sizes
from tools.model_flags import settings as model_settings
from trainers import dashboards, program
from trainers.settings_flags import only, setting

_BATCH_SIZE, _LENGTH = 32, 128


@dataclasses.dataclass(frozen=True)
class Measuring:
    """The flags of the measurement."""

    evaluations: int = setting("Evaluations.", 7, least=2)
    rounds: int = setting("Rounds of each model.", 9, least=3)
    steps: int = setting("Steps of a round; 0 trains nothing.", 32, least=0)


def traces(translator: kt.Translator, evaluations: int) -> dict:
    """Measures the time and the file size of an evaluation's traces.

    Args:
        translator: a `Translator`. The traces use greedy search, as in the
            trainer, and not the search of `translator`.
        evaluations: the number of evaluations, at least 2.

    Returns:
        Dict of `sentences`, the number of sentences; `first_seconds`, the time
        of the first evaluation; `seconds`, the median time of the others; and
        `kilobytes`, the size of an evaluation in the event file.
    """
    texts = dashboards.ILLUSTRATED_SENTENCES
    tracer = kt.interpretation.Tracer(
        translator.with_search(kt.search.GreedySearch())
    )
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        writer = tf.summary.create_file_writer(folder)
        for step in range(evaluations):
            began = time.perf_counter()
            with writer.as_default(step):
                for number, trace in enumerate(tracer(texts)):
                    kt.summaries.write_trace(f"traces/{number}", trace)
            seconds.append(time.perf_counter() - began)
        writer.close()
        size = sum(
            path.stat().st_size for path in pathlib.Path(folder).iterdir()
        )
    return {
        "sentences": len(texts),
        "first_seconds": round(seconds[0], 2),
        "seconds": round(statistics.median(seconds[1:]), 3),
        "kilobytes": round(size / evaluations / 1e3, 1),
    }


def gradient_norms(rounds: int, steps: int) -> dict:
    """Compares training with and without the callback `GradientNorms`.

    Args:
        rounds: the number of timed rounds of each model.
        steps: the number of steps of a round.

    Returns:
        A dict. It has the median and the range of the milliseconds of a step of
        each model. It has the median and the range of the ratio, which is the
        time with the callback divided by the time without the callback. It also
        has the loss of each model in the first round.
    """
    preset = kt.PRESETS["demo"]
    vocabulary_size = 1500
    models = {
        name: benchmark_fit.compile_model(
            kt.build_transformer(
                dataclasses.replace(preset, vocabulary_size=vocabulary_size)
            ),
            preset.model_dim,
            jit_compile=False,
        )
        for name in ("with", "without")
    }
    times, losses = benchmark_fit.by_turns(
        models,
        training_sizes.endless_batches(_BATCH_SIZE, _LENGTH, vocabulary_size),
        steps,
        rounds,
        {"with": [kt.training.GradientNorms()]},
    )
    return benchmark_fit.compare(times, losses, "with", "without")


@program.main(only(model_settings.ModelSettings, "model"), Measuring)
def main(models, measuring):
    translator = loading.load_translator(
        models, model_settings.SearchSettings()
    )
    result = traces(translator, measuring.evaluations)
    print(json.dumps({"what": "traces", **result}), flush=True)
    if measuring.steps:
        result = gradient_norms(measuring.rounds, measuring.steps)
        print(json.dumps({"what": "gradient_norms", **result}))


if __name__ == "__main__":
    main.run()
