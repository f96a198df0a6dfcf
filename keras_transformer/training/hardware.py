"""Reads the devices of a run, and chooses a precision that is fast on them."""

import pathlib
from typing import NamedTuple

import tensorflow as tf

_FAST = "mixed_bfloat16"
# mixed_bfloat16 is chosen for GPUs of this compute capability or a higher one,
# because their tensor cores multiply bfloat16.
_GPU_CAPABILITY = (8, 0)
# mixed_bfloat16 is chosen for CPUs with one of these features. The names are
# Linux's names of the bfloat16 instructions of x86 CPUs. Some ARM CPUs have
# bfloat16 instructions too, but TensorFlow does not use these instructions,
# because it computes bfloat16 with oneDNN only on x86, and with Eigen on ARM.
_CPU_FEATURES = ("amx_bf16", "avx512_bf16")
_CPU_INFO = pathlib.Path("/proc/cpuinfo")


class Hardware(NamedTuple):
    """The devices of a run, as far as they are known.

    kind: `"TPU"`, `"GPU"` or `"CPU"`.
    capabilities: the compute capability of each GPU, such as `(8, 0)`; `None`
        for a GPU that does not report it.
    cpu_features: names of the features of an x86 CPU, such as `"avx2"`; `None`
        if they are not known.
    """

    kind: str
    capabilities: tuple[tuple[int, int] | None, ...] = ()
    cpu_features: frozenset[str] | None = None


class Precision(NamedTuple):
    """A precision, and the reason for it.

    policy: a Keras dtype policy.
    reason: the reason, as a clause for the log.
    """

    policy: str
    reason: str


def fast_precision(strategy: tf.distribute.Strategy | None = None) -> Precision:
    """Chooses mixed_bfloat16 if the devices compute fast in it, else float32.

    The precision is `"mixed_bfloat16"` on TPUs, on GPUs that all have compute
    capability 8.0 or higher, and on CPUs with bfloat16 instructions that
    TensorFlow uses: x86 CPUs with AVX-512 BF16 or AMX-BF16, on Linux. On all
    other devices, and if the features of a device are not known, it is
    `"float32"`.

    Args:
        strategy: the strategy whose devices train; `None` for the current
            strategy. If the strategy uses GPUs, all GPUs that TensorFlow sees
            are read, even those that the strategy does not use. If there are
            several workers, each worker reads only its own devices.

    Example:

    >>> fast_precision().policy in ("float32", "mixed_bfloat16")
    True
    """
    return choose_precision(read_hardware(strategy))


def precision_warning(
    policy: str, strategy: tf.distribute.Strategy | None = None
) -> str | None:
    """Returns a warning if bfloat16 is probably slow on this CPU.

    Args:
        policy: the Keras dtype policy that the user chose.
        strategy: as for `fast_precision`.

    Returns:
        A warning; `None` for policies without bfloat16, on TPUs and GPUs, and
        on CPUs with bfloat16 instructions that TensorFlow uses.

    Example:

    >>> precision_warning("float32") is None
    True
    """
    if "bfloat16" not in policy:
        return None
    hardware = read_hardware(strategy)
    choice = choose_precision(hardware)
    if hardware.kind != "CPU" or choice.policy == _FAST:
        return None
    return (
        f"{policy} is probably slower than float32 here: {choice.reason}. "
        "Without bfloat16 instructions it took about 3 times as long as "
        "float32, in training and in decoding. Use float32."
    )


def choose_precision(hardware: Hardware) -> Precision:
    """Returns the precision that suits the hardware; see `fast_precision`.

    Args:
        hardware: the devices.

    Example:

    >>> choose_precision(Hardware("GPU", ((8, 0), (7, 5))))
    Precision(policy='float32', reason='a GPU has compute capability 7.5')
    """
    if hardware.kind == "TPU":
        return Precision(_FAST, "TPUs compute in bfloat16")
    if hardware.kind == "GPU":
        return _precision_of_gpus(hardware.capabilities)
    if hardware.cpu_features is None:
        return Precision(
            "float32",
            "TensorFlow is not known to compute bfloat16 fast on this CPU",
        )
    for feature in _CPU_FEATURES:
        if feature in hardware.cpu_features:
            return Precision(_FAST, f"the CPU has {feature}")
    return Precision("float32", "the CPU has no bfloat16 instructions")


def read_hardware(strategy: tf.distribute.Strategy | None = None) -> Hardware:
    """Reads the kind and the features of a strategy's devices.

    If the strategy uses GPUs, the function reads all GPUs that TensorFlow sees
    on this machine.

    Args:
        strategy: the strategy; `None` for the current one.
    """
    strategy = strategy or tf.distribute.get_strategy()
    if isinstance(strategy, tf.distribute.TPUStrategy):
        return Hardware("TPU")
    if _has_gpus(strategy):
        return Hardware(
            "GPU",
            tuple(
                tf.config.experimental.get_device_details(gpu).get(
                    "compute_capability"
                )
                for gpu in tf.config.get_visible_devices("GPU")
            ),
        )
    try:
        cpu_info = _CPU_INFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        cpu_info = ""  # Only Linux has this file.
    return Hardware("CPU", cpu_features=cpu_features(cpu_info))


def cpu_features(cpu_info: str) -> frozenset[str] | None:
    """Returns the names of an x86 CPU's features, as Linux lists them.

    Args:
        cpu_info: the content of `/proc/cpuinfo`.

    Returns:
        The names of the features; `None` if there is no line `flags`, as for
        CPUs that are not x86.

    Example:

    >>> sorted(cpu_features("model: 17\\nflags : fpu avx2\\n"))
    ['avx2', 'fpu']
    >>> cpu_features("Features : fp asimd bf16") is None
    True
    """
    for line in cpu_info.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            return frozenset(value.split())
    return None


def _has_gpus(strategy):
    """Returns whether a strategy uses GPUs."""
    try:
        devices = strategy.extended.worker_devices
    except RuntimeError:
        # TensorFlow's default strategy has no list of devices. It uses a GPU
        # if there is one.
        return bool(tf.config.list_logical_devices("GPU"))
    return any(
        tf.DeviceSpec.from_string(device).device_type == "GPU"
        for device in devices
    )


def _precision_of_gpus(capabilities):
    if None in capabilities:
        return Precision(
            "float32", "a GPU does not report its compute capability"
        )
    major, minor = min(capabilities)
    capability = f"compute capability {major}.{minor}"
    if (major, minor) < _GPU_CAPABILITY:
        return Precision("float32", f"a GPU has {capability}")
    return Precision(_FAST, f"the GPUs have at least {capability}")
