"""A program that loads a SavedModel in its own process, and calls it.

Like a server, it imports tensorflow and tensorflow_text, and nothing of this
package. It reads a job as JSON from standard input. The last line of standard
output is the answer as JSON, in which tensors are nested lists.
"""

import json
import math
import sys
import threading
import time
from typing import Any

import tensorflow as tf
import tensorflow_text  # noqa: F401  SavedModels contain its operations.

# `run` translates the texts of a job in batches of at most this size.
BATCH = 64


def run(job: dict) -> dict:
    """Loads a SavedModel, and calls it as a job says.

    Args:
        job: dict of `directory`; `texts`, the texts to translate; `calls`, a
            dict from signature names to lists of calls, where a call is a dict
            from input names to lists of strings; `batch_sizes` and `threads`,
            whose combinations are measured; and `requests`, see `measure`.

    Returns:
        Dict of `versions`; `imported`, the modules that loading imported;
        `load_seconds`; `graph`, see `_graph`; `signatures`, see `describe`;
        `calls`, a dict from signature names to lists of results, where a result
        is a dict of `outputs` or of `error`; `translations` and `scores` of the
        texts; and `speed`, a list of results of `measure`. Signatures that the
        SavedModel lacks are not called. If the default signature does not give
        `translation` and `score` for `text`, the dict has only `signatures`.
    """
    before = set(sys.modules)
    start = time.perf_counter()
    model = tf.saved_model.load(job["directory"])
    seconds = time.perf_counter() - start
    signatures = model.signatures
    described = {
        name: describe(signature) for name, signature in signatures.items()
    }
    default = described.get("serving_default", {"inputs": {}, "outputs": {}})
    if set(default["inputs"]) != {"text"} or not (
        {"translation", "score"} <= set(default["outputs"])
    ):
        return {"signatures": described}
    serve = signatures["serving_default"]
    answer = {
        "versions": {"tensorflow": tf.__version__},
        "imported": sorted(set(sys.modules) - before),
        "load_seconds": seconds,
        "graph": _graph(signatures),
        "signatures": described,
        "calls": {
            name: [_called(signatures[name], inputs) for inputs in batches]
            for name, batches in job["calls"].items()
            if name in signatures
        },
    }
    translations, scores = [], []
    for first in range(0, len(job["texts"]), BATCH):
        outputs = serve(text=tf.constant(job["texts"][first : first + BATCH]))
        translations += as_lists(outputs["translation"])
        scores += as_lists(outputs["score"])
    speed = [
        measure(serve, job["texts"], size, threads, job["requests"])
        for size in job["batch_sizes"]
        for threads in job["threads"]
    ]
    return {
        **answer,
        "translations": translations,
        "scores": scores,
        "speed": speed,
    }


def measure(
    serve, texts: list[str], batch_size: int, threads: int, requests: int
) -> dict:
    """Times calls of a signature from several threads.

    Args:
        serve: the signature, with the input `text`.
        texts: the texts to translate. After the last text, the calls begin
            again with the first text.
        batch_size: the number of texts of a call.
        threads: how many threads call at the same time.
        requests: the number of calls of each thread, at least 1.

    Returns:
        Dict of `batch_size`; `threads`; `p50` and `p99`, the median and the
        99th percentile of the seconds of a call; and `sentences_per_second`.
    """
    count = threads * requests
    batches = [
        tf.constant(
            [
                texts[(number * batch_size + row) % len(texts)]
                for row in range(batch_size)
            ]
        )
        for number in range(count)
    ]
    serve(text=batches[0])  # The first call is slow, so it is not timed.
    seconds = [0.0] * count

    def call(thread):
        for number in range(thread, count, threads):
            start = time.perf_counter()
            serve(text=batches[number])["translation"].numpy()
            seconds[number] = time.perf_counter() - start

    callers = [
        threading.Thread(target=call, args=[thread])
        for thread in range(threads)
    ]
    start = time.perf_counter()
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    total = time.perf_counter() - start
    return {
        "batch_size": batch_size,
        "threads": threads,
        "p50": percentile(seconds, 50),
        "p99": percentile(seconds, 99),
        "sentences_per_second": count * batch_size / total,
    }


def percentile(values: list[float], percent: int) -> float:
    """Returns a percentile of values.

    At least `percent` % of the values are equal to the percentile or below it.
    The percentile is the smallest of the values with this property.

    Args:
        values: at least one value.
        percent: the percentage, above 0 and at most 100.

    Example:

    >>> percentile([5.0, 1.0, 2.0], 50), percentile([5.0, 1.0, 2.0], 99)
    (2.0, 5.0)
    """
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def _graph(signatures):
    """Counts functions and nodes, and the bytes of SentencePiece models."""
    functions = {}
    for signature in signatures.values():
        graph = signature.graph.as_graph_def()
        functions.update((f.signature.name, f) for f in graph.library.function)
    nodes = [node for f in functions.values() for node in f.node_def]
    return {
        "functions": len(functions),
        "nodes": len(nodes),
        "vocabulary_bytes": sum(
            len(node.attr["model"].s)
            for node in nodes
            if node.op == "SentencepieceOp"
        ),
    }


def describe(signature: Any) -> dict[str, dict[str, list]]:
    """Returns the types and shapes of the inputs and outputs of a signature.

    Args:
        signature: a signature of a loaded SavedModel.

    Returns:
        Dict of `inputs` and `outputs`. Each is a dict from a name to a list of
        two items, the type and the shape. A shape is `None` if its rank is
        unknown, and a size in a shape is `None` if this size is not fixed.
    """
    _, inputs = signature.structured_input_signature
    return {
        part: {
            name: [spec.dtype.name, _sizes(spec.shape)]
            for name, spec in specs.items()
        }
        for part, specs in (
            ("inputs", inputs),
            ("outputs", signature.structured_outputs),
        )
    }


def _sizes(shape):
    return None if shape.rank is None else shape.as_list()


def _called(signature, inputs):
    """Returns the outputs of a call, or its error."""
    try:
        outputs = signature(
            **{
                name: tf.constant(texts, tf.string)
                for name, texts in inputs.items()
            }
        )
    except (tf.errors.OpError, TypeError, ValueError) as error:
        return {"error": str(error)}
    return {"outputs": {name: as_lists(x) for name, x in outputs.items()}}


def as_lists(tensor: tf.Tensor) -> list:
    """Returns a tensor as nested lists, with bytes decoded as UTF-8.

    Bytes that are not UTF-8 become lone surrogates.
    """
    return _as_text(tensor.numpy().tolist())


def _as_text(value):
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return value


if __name__ == "__main__":
    print(json.dumps(run(json.load(sys.stdin))))
