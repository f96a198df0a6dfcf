"""Serves a SavedModel on Ray Serve, over TensorFlow Serving's REST interface.

    python -m tools.serve_ray --model=runs/demo/saved_model/1 --name=demo
    curl -d '{"instances": ["The dog is small."]}' \\
        http://localhost:8501/v1/models/demo:predict

The program needs the package ray[serve]. After SIGTERM or Ctrl-C, the program
refuses new requests for translations, waits at most `--drain_seconds` until it
has answered the requests that it has accepted, and stops. docs/serving.md
explains more.
"""

import dataclasses
import importlib
import signal
import threading
import time

from tools.inspect_saved_model import loading
from trainers import program
from trainers.settings_flags import setting

# The program waits this time between the last answer and the end of Ray, so
# that Ray's HTTP proxy can send the last responses.
_LAST_BYTES_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class Server:
    """The flags of the server."""

    model: str = setting("Directory of the SavedModel.")
    name: str = setting("Name of the model in URLs.")
    host: str = setting("Address to listen at.", "127.0.0.1")
    port: int = setting("Port to listen at.", 8501, least=1)
    address: str | None = setting(
        "Address of a cluster of Ray, or `auto`. Default: Ray is started on "
        "this machine.",
        None,
    )
    replicas: int = setting(
        "Processes that translate, each with a copy of the model.", 1, least=1
    )
    threads: int | None = setting(
        "Threads of each replica. Default: its share of this machine's cores.",
        None,
        least=1,
    )
    max_batch_size: int = setting(
        "Texts that a replica translates together, and of a request.",
        32,
        least=1,
    )
    batch_wait_seconds: float = setting(
        "How long a request waits for others.", 0.005, least=0
    )
    max_queued_requests: int = setting(
        "Requests that may wait for a replica. Others get status 429.",
        256,
        least=1,
    )
    max_text_bytes: int = setting(
        "Size of a text in UTF-8. Longer ones get status 413.", 8192, least=1
    )
    drain_seconds: float = setting(
        "How long it waits for the last answers before it stops.", 60, least=0
    )


@program.main(Server)
def main(server):
    loading.check_directory(server.model)
    deployment = load_deployment()
    end = threading.Event()
    with deployment.running(server) as front:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: end.set())
        print(f"Metrics: {deployment.metrics_url()}")
        print(
            f"Serving {server.model} at "
            f"http://{server.host}:{server.port}/v1/models/{server.name}",
            flush=True,
        )
        end.wait()
        left = front.drain.remote(server.drain_seconds).result()
        time.sleep(_LAST_BYTES_SECONDS)
    if left:
        raise TimeoutError(
            f"{left} requests were not answered within "
            f"{server.drain_seconds} seconds. Give more --drain_seconds."
        )


def load_deployment():
    """Returns the module `tools.serve_ray.deployment`, which needs Ray.

    Raises:
        ValueError: Ray Serve is not installed.
    """
    try:
        return importlib.import_module("tools.serve_ray.deployment")
    except ModuleNotFoundError as error:
        raise ValueError(
            f"Ray Serve is not installed: there is no module {error.name}. "
            "Install it with `pip install -e .[serving]`."
        ) from error


if __name__ == "__main__":
    main.run()
