"""Makes the `tf.distribute.Strategy` of a training."""

import glob
import logging
import os

import tensorflow as tf

from keras_transformer.training import cluster

_LOG = logging.getLogger(__name__)
NAMES = ("auto", "none", "mirrored", "multi_worker", "tpu")


def strategy(
    name: str = "auto",
    devices: list[str] | None = None,
    tpu: str | None = None,
) -> tf.distribute.Strategy:
    """Makes the strategy in whose scope a model is built and compiled.

    Args:
        name: `"none"` for one device; `"mirrored"` for `devices`; `"tpu"` for a
            TPU; `"multi_worker"` for the workers in the variable TF_CONFIG, on
            their GPUs, or CPUs if they have no GPU; `"auto"` for a TPU if there
            is one, else all GPUs if there are several, else one device.
        devices: devices for `"mirrored"`, such as `["GPU:0", "GPU:1"]`. `None`
            for all GPUs of this machine, or its CPUs if it has no GPU.
        tpu: the name or address of a TPU, for `"tpu"` or `"auto"`. `None` for
            the address in the variable TPU_NAME, else the TPU of this machine.

    Returns:
        The strategy, which is also logged. Make only one strategy in a process.
        With `"multi_worker"`, call this function before any other function of
        TensorFlow. The function waits until all workers are connected.

    Raises:
        ValueError: the name is unknown; `devices` is one string, contains a
            device that does not exist, or is given without `"mirrored"`; there
            is no TPU for `"tpu"`; or TF_CONFIG does not describe workers.

    Example:

    >>> strategy("none").num_replicas_in_sync
    1
    """
    if name not in NAMES:
        raise ValueError(
            f"Unknown strategy. Received: {name!r}. Expected one of {NAMES}."
        )
    if isinstance(devices, str):
        raise ValueError(
            "`devices` must be a list of names. Received: the one string "
            f"{devices!r}. Put it into a list."
        )
    if devices and name != "mirrored":
        raise ValueError(
            f"Only a mirrored strategy takes `devices`. Received: {name!r} "
            f"with devices={devices}. Use 'mirrored', or leave them out."
        )
    if name == "tpu" or (name == "auto" and (tpu or _has_tpu())):
        return _tpu_strategy(tpu)
    if name == "multi_worker":
        return _multi_worker_strategy()
    gpus = tf.config.list_logical_devices("GPU")
    if name == "mirrored" or (name == "auto" and len(gpus) > 1):
        _check_devices(devices or [])
        chosen = tf.distribute.MirroredStrategy(devices)
    else:
        chosen = tf.distribute.get_strategy()
    _log_choice(name, chosen)
    if os.environ.get("TF_CONFIG"):
        _LOG.info("TF_CONFIG is set, but only 'multi_worker' reads it.")
    return chosen


def _log_choice(name, chosen):
    is_default = chosen is tf.distribute.get_strategy()
    _LOG.info(
        "Strategy %s: %d replica(s), %s.",
        name,
        chosen.num_replicas_in_sync,
        "one device" if is_default else type(chosen).__name__,
    )


def _check_devices(devices):
    known = [device.name for device in tf.config.list_logical_devices()]
    known = [name.removeprefix("/device:") for name in known]
    missing = [d for d in devices if d.removeprefix("/device:") not in known]
    if missing:
        raise ValueError(
            f"A device does not exist. Received: {', '.join(missing)}. "
            f"Expected devices among {', '.join(known)}."
        )


def _has_tpu():
    # TensorFlow's own search for a TPU is not used, because it can take minutes
    # if there is no TPU.
    return "TPU_NAME" in os.environ or bool(glob.glob("/dev/accel*"))


def _tpu_strategy(tpu):
    if not (tpu or _has_tpu()):
        raise ValueError(
            "There is no TPU on this machine. Received: strategy='tpu' "
            "without an address. Give the TPU's name or address, or use "
            "'auto' or 'none'."
        )
    address = tpu or os.environ.get("TPU_NAME", "local")
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(address)
    tf.config.experimental_connect_to_cluster(resolver)
    tf.tpu.experimental.initialize_tpu_system(resolver)
    chosen = tf.distribute.TPUStrategy(resolver)
    _log_choice("tpu", chosen)
    return chosen


def _multi_worker_strategy():
    workers, task_index = cluster.read_cluster(os.environ.get("TF_CONFIG"))
    _LOG.info(
        "Waiting for %d workers; this process has index %d: %s.",
        len(workers),
        task_index,
        ", ".join(workers),
    )
    chosen = tf.distribute.MultiWorkerMirroredStrategy()
    _log_choice("multi_worker", chosen)
    return chosen
