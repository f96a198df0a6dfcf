"""Runs a translation server on Ray, in several processes.

One process, the `Front`, reads requests and writes responses. Each replica of
the `Model` is a process that translates with its own copy of the SavedModel.
"""

import contextlib
import logging
import os
import pathlib
import socket
from collections.abc import Iterator
from typing import Any

import ray
from ray import serve

from tools.inspect_saved_model import loading
from tools.serve_ray.front import Front
from tools.serve_ray.model import Model
from tools.serve_ray.rows import Limits

# The size in bytes of Ray's store of large objects. The store is small, because
# requests are too small to be put into it.
_STORE_BYTES = 100 * 2**20
# The `Front` handles at most this number of requests at a time, including those
# that wait for the model. Ray queues the same number of further requests, and
# refuses all others with status 503. The number is large, so that usually the
# `Front` refuses a request before Ray does. The client then gets the message of
# the `Front`.
_MOST_REQUESTS = 8192
_QUIET = {"log_level": "WARNING", "enable_access_log": False}


@contextlib.contextmanager
def running(server: Any) -> Iterator[Any]:
    """Runs a server on Ray while the context lasts.

    Args:
        server: the flags of the program, a `Server`.

    Yields:
        The handle of the `Front`.

    Raises:
        OSError: the server cannot listen at the port, or Ray does not start.
        ValueError: the model does not start.
    """
    threads = server.threads or max((os.cpu_count() or 1) // server.replicas, 1)
    # By default, Ray sends usage statistics to its developers. Here the default
    # is not to send them. A value that the user has set is kept.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    for name in ("ray", "ray.serve"):
        logging.getLogger(name).setLevel(logging.WARNING)
    local = {}
    if server.address is None:
        check_port(server.host, server.port)
        local = {
            "num_cpus": server.replicas * threads,
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
        }
    ray.init(
        address=server.address or "local",
        log_to_driver=False,
        logging_level="WARNING",
        **local,
    )
    try:
        _start(server)
        yield _deploy(server, threads)
    finally:
        if server.address is not None:
            # The cluster at `server.address` ran before this program, and
            # continues to run, perhaps with other models. So only this model is
            # deleted.
            serve.delete(server.name)
        ray.shutdown()


def metrics_url() -> str:
    """Returns the URL where Prometheus can read the metrics of Ray.

    They are those of the first node of Ray's cluster.
    """
    node = ray.nodes()[0]
    return (
        f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}"
        "/metrics"
    )


def check_port(host: str, port: int) -> None:
    """Raises OSError if this program cannot listen at `host` and `port`."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise OSError(
                f"Cannot listen at {host}:{port}: {error.strerror}. Give "
                "another --port or --host."
            ) from error


def _start(server):
    try:
        serve.start(
            http_options={"host": server.host, "port": server.port},
            logging_config=_QUIET,
        )
    except ray.exceptions.RayError as error:
        raise OSError(
            "Ray Serve did not start its proxy in time "
            f"({type(error).__name__}). Ray runs its processes at a low "
            "priority: set RAY_worker_niceness=0, or end other programs."
        ) from error


def _deploy(server, threads):
    path = pathlib.Path(server.model).absolute()
    model = serve.deployment(
        Model,
        num_replicas=server.replicas,
        ray_actor_options={
            "num_cpus": threads,
            # TensorFlow reads these environment variables only once, before
            # its first operation. Ray sets them when it starts a replica.
            "runtime_env": {
                "env_vars": {
                    "TF_NUM_INTRAOP_THREADS": str(threads),
                    "TF_NUM_INTEROP_THREADS": str(threads),
                }
            },
        },
        # One batch is translated while the texts of the next batch arrive.
        max_ongoing_requests=2 * server.max_batch_size,
        max_queued_requests=server.max_queued_requests,
    )
    front = serve.deployment(
        Front,
        ray_actor_options={"num_cpus": 0},
        max_ongoing_requests=_MOST_REQUESTS,
        max_queued_requests=_MOST_REQUESTS,
    )
    try:
        return serve.run(
            front.bind(
                model.bind(
                    str(path),
                    loading.texts_of(path),
                    server.max_batch_size,
                    server.batch_wait_seconds,
                ),
                server.name,
                path.name if path.name.isdigit() else "1",
                Limits(server.max_batch_size, server.max_text_bytes),
            ),
            name=server.name,
            logging_config=_QUIET,
        )
    except RuntimeError as error:
        lines = str(error).strip().splitlines()
        raise ValueError(
            f"{server.model} does not start on Ray Serve: {lines[-1]} Check "
            "it with tools.inspect_saved_model."
        ) from error
