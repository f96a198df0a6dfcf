"""Makes a model with one library, and trains it when the benchmark asks.

    python -m tools.benchmark_step.engine '{"engine": "keras_hub", ...}'

The library is keras_transformer, or a library that is compared with it, which
is called a peer. An engine is the process of one library. Since the libraries
conflict, each engine can have its own Python. The Python of a peer does not
need `keras_transformer`.
"""

import importlib
import json
import sys

from tools.benchmark_step import jobs
from tools.engines import serving

_MODULES = {
    jobs.OURS: "ours",
    jobs.KERAS_HUB: "keras_hub_peer",
    jobs.TORCH: "torch_peers",
    jobs.MARIAN: "torch_peers",
}


def main(work: str) -> None:
    """Makes the model of a job, and trains it at each request.

    A request is a line of standard input, see `serving.serve`. The response is
    `[seconds, target_tokens]`: the time and the number of target tokens of the
    timed steps. The response to the line "memory" is the peak memory in bytes.
    If a package is not installed, the program only prints which one is missing,
    and ends.

    Args:
        work: the `Job`, as JSON.
    """
    job = jobs.Job(**json.loads(work))
    try:
        module = importlib.import_module(
            f"tools.benchmark_step.{_MODULES[job.engine]}"
        )
        imported = serving.peak_memory()
        train, facts = module.make_training(job)
    except ImportError as error:
        serving.serve_missing(error)
        return
    serving.serve(train, {**facts, "imported": imported})


if __name__ == "__main__":
    main(sys.argv[1])
