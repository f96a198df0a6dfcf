"""Describes the workers of a run, and sends messages between them."""

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

_EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


class Cluster(NamedTuple):
    """The workers of a run, and the position of this process among them.

    workers: the addresses of all workers, the chief's address first.
    task_index: the index of this process in `workers`.
    """

    workers: tuple[str, ...]
    task_index: int


def read_cluster(text: str | None) -> Cluster:
    """Parses the value of the environment variable TF_CONFIG.

    Args:
        text: the value, JSON; `None` if the variable is not set.

    Raises:
        ValueError: the variable is not set, or is not JSON of a cluster and a
            task; an address is not HOST:PORT, or occurs twice; there are
            several chiefs; a job is neither chief nor worker; or the task is
            not one of the workers.

    Example:

    >>> read_cluster('{"cluster": {"worker": ["a:1", "b:1"]}, '
    ...     '"task": {"type": "worker", "index": 1}}').task_index
    1
    """
    try:
        config = json.loads(text or "")
        jobs = {
            str(job): tuple(map(str, addresses))
            for job, addresses in config["cluster"].items()
        }
        job, index = config["task"]["type"], config["task"]["index"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _invalid(text, f"{type(error).__name__}: {error}") from None
    unknown = sorted(set(jobs) - {"chief", "worker"})
    if unknown:
        raise _invalid(text, f"jobs other than chief and worker: {unknown}")
    if len(jobs.get("chief", ())) > 1:
        raise _invalid(text, "more than one chief")
    workers = jobs.get("chief", ()) + jobs.get("worker", ())
    if len(set(workers)) < len(workers):
        raise _invalid(text, "an address occurs twice")
    for address in workers:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise _invalid(text, f"{address!r} is not HOST:PORT")
    if job not in jobs:
        raise _invalid(text, f"no job {job!r} in the cluster")
    if not isinstance(index, int) or not 0 <= index < len(jobs[job]):
        raise _invalid(
            text, f"no task {index!r} among the {len(jobs[job])} of {job!r}"
        )
    return Cluster(workers, workers.index(jobs[job][index]))


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Tells whether this process writes the files of a run.

    Under a `MultiWorkerMirroredStrategy` only the chief writes the files. If
    TF_CONFIG has no chief, the first worker writes them. The result is always
    True under another strategy, or if there is no TF_CONFIG.

    Args:
        strategy: the strategy of the run.

    Example:

    >>> is_chief(tf.distribute.get_strategy())
    True
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return True
    resolver = strategy.cluster_resolver
    jobs = resolver.cluster_spec().as_dict()
    if resolver.task_type is None or not jobs:
        return True
    first = "chief" if "chief" in jobs else "worker"
    return (resolver.task_type, resolver.task_id) == (first, 0)


def check_agreement(
    strategy: tf.distribute.Strategy, values: dict[str, Any]
) -> None:
    """Waits for all workers, and checks that they have the same values.

    Does nothing without a `MultiWorkerMirroredStrategy`.

    Args:
        strategy: the strategy of the run.
        values: a dict from names to values, which are compared by their
            `repr`. All workers must have the same names, in the same order.

    Raises:
        ValueError: values differ; the message lists their names and the values
            on this worker. All workers raise this error.

    Example:

    >>> check_agreement(tf.distribute.get_strategy(), {"seed": 7})
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return
    digests = [
        list(hashlib.sha256(repr(value).encode()).digest()[:6])
        for value in values.values()
    ]
    mine = tf.constant(digests, tf.float32)

    @tf.function
    def means():
        return strategy.reduce(
            tf.distribute.ReduceOp.MEAN,
            strategy.run(lambda: tf.stack([mine, mine**2])),
            axis=None,
        )

    # For each byte of a digest, the mean of the squares is compared with the
    # square of the mean. If the byte is the same on all workers, the two are
    # equal: float32 computes them exactly, because a byte is below 256. If the
    # byte differs between workers, the mean of the squares is larger.
    mean, square = means().numpy()
    differ = (mean**2 != square).any(axis=1)
    if differ.any():
        names = [
            f"{name}, here {value!r}"
            for (name, value), is_other in zip(
                values.items(), differ, strict=True
            )
            if is_other
        ]
        raise ValueError(
            f"The workers do not agree in {'; '.join(names)}. Start all with "
            "the same flags and data, the same checkout and, for --output_dir, "
            "a directory that they share."
        )


def from_chief(
    strategy: tf.distribute.Strategy, make: Callable[[], bytes]
) -> bytes:
    """Makes bytes on the chief, and sends them to all workers.

    The bytes are sent over the connection that the gradients use, so the
    workers need no common disk. Every worker must call this function, and then
    waits until the chief has made the bytes.

    Args:
        strategy: the strategy of the run.
        make: a function that makes the bytes. Only the chief calls it. If
            there is only one process, this process calls it.

    Returns:
        The bytes that the chief's `make` returned.

    Raises:
        ValueError: the chief's `make` raised a ValueError. All workers raise
            this error. Any other error of `make` is raised only on the chief.

    Example:

    >>> from_chief(tf.distribute.get_strategy(), lambda: b"learned")
    b'learned'
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return make()
    message = b""
    if is_chief(strategy):
        # An error is sent too. Otherwise the other workers would wait for ever.
        try:
            message = b"+" + make()
        except ValueError as error:
            message = b"-" + str(error).encode()
    message = _broadcast(strategy, message)
    if message[:1] == b"-":
        raise ValueError(message[1:].decode())
    return message[1:]


def _broadcast(strategy, message):
    """Returns the chief's message on every worker.

    The chief's message has at least one byte. The messages of other workers are
    empty.
    """
    size = _of_first(strategy, len(message).to_bytes(8, "big"))
    size = int.from_bytes(size, "big")
    return _of_first(strategy, message.ljust(size, b"\0"))


def _of_first(strategy, message):
    """Returns the chief's message; the chief has the first replica.

    The messages of all workers must have the same length.
    """
    values = tf.constant(np.frombuffer(message, "uint8"), tf.float32)

    def mask_others():
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.where(tf.equal(replica, 0), values, 0.0)

    @tf.function
    def total():
        # Each sum is a byte of the chief plus zeros, so float32 is exact.
        return strategy.reduce("SUM", strategy.run(mask_others), axis=None)

    return total().numpy().astype("uint8").tobytes()


@contextlib.contextmanager
def lost_workers(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Raises a clear error in a `with` block if another worker is lost.

    TensorFlow notices within seconds that another worker has ended. It then
    raises an error in the operation that waits for that worker. This function
    replaces that error. It changes no other error.

    Args:
        strategy: the strategy of the run. Under a strategy other than
            `MultiWorkerMirroredStrategy`, no error is replaced.

    Raises:
        ConnectionError: another worker has ended, or the connection to it is
            broken.

    Example:

    >>> with lost_workers(tf.distribute.get_strategy()):
    ...     print("trained")
    trained
    """
    try:
        yield
    except tf.errors.OpError as error:
        is_lost = re.search(
            "Collective ops is aborted by|heartbeat|Connection reset"
            "|failed to connect|Socket closed",
            error.message,
        )
        if not is_lost or not isinstance(
            strategy, tf.distribute.MultiWorkerMirroredStrategy
        ):
            raise
        # The message begins with a trace of the graph, which is left out.
        reason = error.message[is_lost.start() :].strip()[:500]
        raise ConnectionError(
            "Another worker of this run has gone, so this one cannot go on. "
            f"TensorFlow says: {reason}\nSee what ended that worker, and start "
            "the same command on all of them again: it continues from the last "
            "checkpoint."
        ) from error


def _invalid(text, why):
    return ValueError(
        "TF_CONFIG must list the workers and say which one this process is. "
        f"Received: {text!r} ({why}). Expected, for example: {_EXAMPLE}. "
        "Each process has its own index."
    )
