"""What the TPU chips can do at most, and how the compiler names them.

The numbers are those of the chips' pages, one chip each:
https://docs.cloud.google.com/tpu/docs/v4, .../v5e and .../v6e.
"""

import math
import re
from typing import NamedTuple

_GIB = 2**30


class Chip(NamedTuple):
    """What one chip, which is one replica, can do at most.

    name: as in a topology.
    matrix_flops: peak of bfloat16 products, operations a second. Products of
        float32 are computed from bfloat16 too, unless asked otherwise.
    memory: bytes of HBM.
    available: those that the compiler gives to a program.
    bandwidth: of HBM, bytes a second.
    sizes: how many sizes a topology has.
    accelerator: a machine with this chip, as libtpu calls it.
    options: what else the compiler must be told of it.
    """

    name: str
    matrix_flops: float
    memory: float
    available: float
    bandwidth: float
    sizes: int
    accelerator: str
    options: dict

    def seconds(self, flops: float, num_bytes: float) -> float:
        """The least time: of the products, or of the bytes moved.

        Example:

        >>> CHIPS["v5e"].seconds(197e12, 0), CHIPS["v5e"].seconds(0, 819e9)
        (1.0, 1.0)
        """
        return max(flops / self.matrix_flops, num_bytes / self.bandwidth)


CHIPS = {
    chip.name: chip
    for chip in (
        Chip(
            "v4",
            matrix_flops=275e12,
            memory=32 * _GIB,
            available=30.75 * _GIB,
            bandwidth=1200e9,
            sizes=3,
            accelerator="v4-8",
            # Its two cores work as one.
            options={"chip_config_name": "megacore"},
        ),
        Chip(
            "v5e",
            matrix_flops=197e12,
            memory=16 * _GIB,
            available=15.75 * _GIB,
            bandwidth=819e9,
            sizes=2,
            accelerator="v5litepod-4",
            options={},
        ),
        Chip(
            "v6e",
            matrix_flops=918e12,
            memory=32 * _GIB,
            available=31.25 * _GIB,
            bandwidth=1638e9,
            sizes=2,
            accelerator="v6e-4",
            options={},
        ),
    )
}


class Topology(NamedTuple):
    """Chips that are connected: a slice of a pod.

    name: as the compiler wants it, such as `v5e:2x2`.
    chip: of which it is made.
    num_replicas: chips, each of which trains on its share of a batch.
    """

    name: str
    chip: Chip
    num_replicas: int

    @property
    def options(self) -> dict:
        """What the compiler must be told beside the name."""
        if self.num_replicas > 1:
            return self.chip.options
        # A host has four chips unless it is said that it has one.
        return {**self.chip.options, "chips_per_host_bounds": (1, 1, 1)}

    @property
    def environment(self) -> dict[str, str]:
        """Variables without which libtpu asks a cloud where it is."""
        return {
            "JAX_PLATFORMS": "cpu",
            "TPU_SKIP_MDS_QUERY": "1",
            "TPU_ACCELERATOR_TYPE": self.chip.accelerator,
            "TPU_WORKER_HOSTNAMES": "localhost",
            "TPU_WORKER_ID": "0",
            # It drives no chip, so that several of it may run.
            "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
        }


def topology(name: str) -> Topology:
    """The topology that a name such as `v5e:2x2` or `v4:2x2x1` means.

    Raises:
        ValueError: no such chip, or sizes that no slice of it has.

    Example:

    >>> topology("v5e:2x4").num_replicas
    8
    """
    found = re.fullmatch(r"(\w+):(\d+(?:x\d+)*)", name)
    chip = CHIPS.get(found[1]) if found else None
    sizes = [int(size) for size in found[2].split("x")] if found else []
    # Hosts have 2 x 2 chips; a host of one chip stands alone.
    is_slice = len(sizes) >= 2 and sizes[0] % 2 == 0 and sizes[1] % 2 == 0
    num_chips = math.prod(sizes)
    if (
        chip is None
        or len(sizes) != chip.sizes
        or not (num_chips == 1 or (num_chips and is_slice))
    ):
        raise ValueError(
            f"Unknown topology. Received: {name!r}. Expected a chip, "
            f"{', '.join(CHIPS)}, and its sizes, one chip or even by even: "
            "v4:2x2x1, v5e:1x1, v5e:2x2, v5e:2x4, v6e:2x2."
        )
    return Topology(name, chip, num_chips)
