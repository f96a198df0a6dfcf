"""The precision follows the features of devices that the tests simulate."""

from unittest import mock

import pytest
import tensorflow as tf

from keras_transformer.training import hardware

# `/proc/cpuinfo` of an x86 CPU with a feature, and of an ARM CPU.
X86 = """processor\t: 0
model name\t: Some CPU
flags\t\t: fpu avx2 avx512f {flag} fsrm
bugs\t\t: spectre_v1

processor\t: 1
flags\t\t: fpu avx2 avx512f {flag} fsrm
"""
ARM = """processor\t: 0
BogoMIPS\t: 50.00
Features\t: fp asimd i8mm bf16 dgh
"""
GPUS = [tf.config.PhysicalDevice(f"GPU:{i}", "GPU") for i in range(2)]


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Returns a function that simulates a CPU, and GPUs with given details."""

    def pretend(cpu_info=None, *gpus):
        path = tmp_path / "cpuinfo"
        if cpu_info is not None:
            path.write_text(cpu_info)
        monkeypatch.setattr(hardware, "_CPU_INFO", path)
        devices = GPUS[: len(gpus)]
        real = tf.config.list_logical_devices
        monkeypatch.setattr(
            tf.config,
            "list_logical_devices",
            lambda kind=None: devices if kind == "GPU" else real(kind),
        )
        monkeypatch.setattr(
            tf.config, "get_visible_devices", {"GPU": devices}.__getitem__
        )
        details = dict(zip(devices, gpus, strict=True))
        monkeypatch.setattr(
            tf.config.experimental, "get_device_details", details.__getitem__
        )

    return pretend


@pytest.mark.parametrize(
    "cpu_info, policy, reason",
    [
        (X86.format(flag="avx512_bf16"), "mixed_bfloat16", "has avx512_bf16"),
        (X86.format(flag="amx_bf16"), "mixed_bfloat16", "has amx_bf16"),
        (X86.format(flag="avx512_vnni"), "float32", "no bfloat16 instr"),
        # A longer name that contains the feature is another feature.
        (X86.format(flag="xavx512_bf16x"), "float32", "no bfloat16 instr"),
        (ARM, "float32", "not known to compute bfloat16 fast"),
        (None, "float32", "not known to compute bfloat16 fast"),
    ],
)
def test_a_cpu(machine, cpu_info, policy, reason):
    machine(cpu_info)
    found = hardware.fast_precision()
    assert found.policy == policy
    assert reason in found.reason


@pytest.mark.parametrize(
    "capabilities, policy, reason",
    [
        ([(8, 0)], "mixed_bfloat16", "at least compute capability 8.0"),
        ([(9, 0), (8, 6)], "mixed_bfloat16", "at least compute capability 8.6"),
        ([(12, 0)], "mixed_bfloat16", "at least compute capability 12.0"),
        ([(7, 5)], "float32", "a GPU has compute capability 7.5"),
        ([(8, 0), (7, 0)], "float32", "a GPU has compute capability 7.0"),
        ([None, (8, 0)], "float32", "does not report its compute capability"),
    ],
)
def test_gpus(machine, capabilities, policy, reason):
    # The CPU alone would have the other precision: the GPUs decide.
    other = {"float32": "avx512_bf16", "mixed_bfloat16": "sse2"}[policy]
    machine(
        X86.format(flag=other),
        *({"compute_capability": c} if c else {} for c in capabilities),
    )
    found = hardware.fast_precision()
    assert found.policy == policy
    assert reason in found.reason


def test_a_tpu(machine, monkeypatch):
    machine(X86.format(flag="sse2"))

    class TPUStrategy:
        pass

    monkeypatch.setattr(tf.distribute, "TPUStrategy", TPUStrategy)
    found = hardware.fast_precision(TPUStrategy())
    assert found == ("mixed_bfloat16", "TPUs compute in bfloat16")


def test_the_devices_of_the_strategy_count(machine):
    machine(X86.format(flag="avx512_bf16"), {"compute_capability": (7, 5)})
    on_cpu = tf.distribute.MirroredStrategy(["CPU:0"])
    assert hardware.fast_precision(on_cpu).policy == "mixed_bfloat16"
    with on_cpu.scope():
        assert hardware.fast_precision().policy == "mixed_bfloat16"
    extended = mock.Mock(worker_devices=("/job:worker/task:1/device:GPU:0",))
    on_gpu = mock.Mock(extended=extended)
    assert hardware.fast_precision(on_gpu).policy == "float32"


@pytest.mark.parametrize("policy", ["bfloat16", "mixed_bfloat16"])
def test_bfloat16_is_slow_on_a_cpu_without_it(machine, policy):
    machine(X86.format(flag="avx512_vnni"))
    assert hardware.precision_warning(policy) == (
        f"{policy} is probably slower than float32 here: the CPU has no "
        "bfloat16 instructions. Without bfloat16 instructions it took about 3 "
        "times as long as float32, in training and in decoding. Use float32."
    )
    assert hardware.precision_warning("float32") is None
    assert hardware.precision_warning("mixed_float16") is None
    machine(ARM)
    assert "not known to compute" in hardware.precision_warning(policy)


def test_bfloat16_is_not_slow_elsewhere(machine):
    machine(X86.format(flag="amx_bf16"))
    assert hardware.precision_warning("bfloat16") is None
    # There is no warning on old GPUs, where bfloat16 was not measured.
    machine(X86.format(flag="sse2"), {"compute_capability": (7, 5)})
    assert hardware.precision_warning("bfloat16") is None


def test_this_machine():
    found = hardware.read_hardware()
    assert found.kind in ("CPU", "GPU")
    assert hardware.choose_precision(found) == hardware.fast_precision()
