"""The hosts of a multi-worker run: who they are, and whether they agree."""

import contextlib
import hashlib
import json
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

_EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


class Cluster(NamedTuple):
    """The workers of a run, and which of them this process is.

    workers: addresses, that of the chief first.
    index: of this process among them.
    """

    workers: tuple[str, ...]
    index: int


def read_cluster(text: str | None) -> Cluster:
    """Reads the value of the environment variable TF_CONFIG.

    Args:
        text: JSON; `None` if the variable is not set.

    Raises:
        ValueError: it does not describe workers, or not which this one is.

    Example:

    >>> read_cluster('{"cluster": {"worker": ["a:1", "b:1"]}, '
    ...     '"task": {"type": "worker", "index": 1}}').index
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
    """Whether this process writes what a run leaves.

    True but for all workers of a `MultiWorkerMirroredStrategy` except one:
    the chief, or the first worker if none is called so.

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


def check_agreement(strategy: tf.distribute.Strategy, values: dict) -> None:
    """Waits for all workers, and checks that they have the same values.

    Does nothing but under a `MultiWorkerMirroredStrategy`.

    Args:
        strategy: of the run.
        values: anything with a `repr`, by name; the same names on all workers.

    Raises:
        ValueError: on every worker, if they differ; it names which.

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

    # Whole numbers below 256 and their squares have exact means where all are
    # equal; where they are not, the mean's square is less than that of squares.
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
    """Makes something on the chief alone, and gives it to all workers.

    It goes over the connection that their gradients take, so that nothing of
    a disk must be shared. Every worker must call this, and waits.

    Args:
        strategy: of the run.
        make: makes it; called by the chief, or by a process that is alone.

    Returns:
        What the chief's `make` returned.

    Raises:
        ValueError: on every worker, if the chief's `make` raised one.

    Example:

    >>> from_chief(tf.distribute.get_strategy(), lambda: b"learned")
    b'learned'
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return make()
    message = b""
    if is_chief(strategy):
        # A mark, so that nobody waits for ever for what cannot be made.
        try:
            message = b"+" + make()
        except ValueError as error:
            message = b"-" + str(error).encode()
    message = _broadcast(strategy, message)
    if message[:1] == b"-":
        raise ValueError(message[1:].decode())
    return message[1:]


def _broadcast(strategy, message):
    """The chief's bytes, at least one, on every worker."""
    size = _of_first(strategy, len(message).to_bytes(8, "big"))
    size = int.from_bytes(size, "big")
    return _of_first(strategy, message.ljust(size, b"\0"))


def _of_first(strategy, message):
    """Bytes of the first replica, which is one of the chief's."""
    values = tf.constant(np.frombuffer(message, "uint8"), tf.float32)

    def mine():
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.where(tf.equal(replica, 0), values, 0.0)

    @tf.function
    def total():
        # Whole numbers below 256, and zeros of all others, have exact sums.
        return strategy.reduce("SUM", strategy.run(mine), axis=None)

    return total().numpy().astype("uint8").tobytes()


@contextlib.contextmanager
def lost_workers(strategy: tf.distribute.Strategy):
    """A context in which the loss of another worker has an error of its own.

    TensorFlow notices within seconds that a worker has gone, and ends whatever
    this one waits for with it.

    Raises:
        ConnectionError: another worker has gone.

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
        # The graph's trace comes first.
        reason = error.message[is_lost.start() :].strip()[:500]
        raise ConnectionError(
            "Another worker of this run has gone, so this one cannot go on. "
            f"TensorFlow says: {reason}\nSee what ended that worker, and start "
            "the same command on all of them again: it continues from the last "
            "checkpoint."
        ) from error


def _invalid(text, why):
    return ValueError(
        "TF_CONFIG must say who the workers are and which this one is. "
        f"Received: {text!r} ({why}). Expected such as {_EXAMPLE}, in each "
        "process with its own index."
    )
