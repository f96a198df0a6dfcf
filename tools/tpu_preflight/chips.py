"""The speed and the memory of TPU chips, and their names in the compiler.

The numbers are for a single chip. The peak FLOP/s, the bandwidth and the size
of the memory come from
https://docs.cloud.google.com/tpu/docs/v4, .../v5e and .../v6e.
"""

import math
import re
from typing import NamedTuple

_GIB = 2**30


class Chip(NamedTuple):
    """The speed, the memory and the compiler settings of one kind of TPU chip.

    Each chip is one replica.

    name: the chip's name in the name of a topology: `v5e` in `v5e:2x2`.
    matrix_flops: the peak FLOP/s of matrix products in bfloat16. By default
        products of float32 matrices are also computed in bfloat16.
    memory: the number of bytes of HBM.
    available: the number of bytes of HBM that a program can use.
    bandwidth: the number of bytes that HBM transfers per second.
    sizes: the number of sizes in the name of a topology: 2 for `2x2`.
    accelerator: libtpu's name of a machine with this chip.
    options: options that the compiler needs for this chip, besides the name of
        the topology.
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
        """Returns the shortest time of a program in seconds (roofline model).

        Args:
            flops: the number of floating-point operations.
            num_bytes: the number of bytes that are read and written.

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
            # The two cores of this chip work together as one device.
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
    """A slice of a TPU pod: one chip, or several connected chips of one kind.

    name: the compiler's name of the slice, such as `v5e:2x2`.
    chip: the kind of the chips.
    num_replicas: the number of chips; each is one replica.
    """

    name: str
    chip: Chip
    num_replicas: int

    @property
    def options(self) -> dict:
        """The options of the compiler besides the name of the topology."""
        if self.num_replicas > 1:
            return self.chip.options
        # The host has one chip, but by default the compiler expects four.
        return {**self.chip.options, "chips_per_host_bounds": (1, 1, 1)}

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of the process that compiles.

        libtpu reads the variables that begin with `TPU_`. On a machine with a
        TPU, libtpu asks the metadata server of Google Cloud for a description
        of the machine. `TPU_SKIP_MDS_QUERY` tells libtpu not to ask. The other
        `TPU_` variables contain the description of a machine with this chip.
        """
        return {
            "JAX_PLATFORMS": "cpu",
            "TPU_SKIP_MDS_QUERY": "1",
            "TPU_ACCELERATOR_TYPE": self.chip.accelerator,
            "TPU_WORKER_HOSTNAMES": "localhost",
            "TPU_WORKER_ID": "0",
            # Without this variable, libtpu allows only one process at a time.
            # Here several processes compile together, and none uses a chip.
            "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
        }


def topology(name: str) -> Topology:
    """Returns the topology with a name such as `v5e:2x2` or `v4:2x2x1`.

    Args:
        name: a chip in `CHIPS`, and the sizes of the slice: three for v4, two
            for the other chips. Either all sizes are 1, or the first two sizes
            are even, because each host of the slice has 2 x 2 chips. This
            function does not check whether a slice of this size exists.

    Raises:
        ValueError: there is no such chip, or the sizes are not as above.

    Example:

    >>> topology("v5e:2x4").num_replicas
    8
    """
    match = re.fullmatch(r"(\w+):(\d+(?:x\d+)*)", name)
    chip = CHIPS.get(match[1]) if match else None
    sizes = [int(size) for size in match[2].split("x")] if match else []
    is_slice = len(sizes) >= 2 and sizes[0] % 2 == 0 and sizes[1] % 2 == 0
    num_chips = math.prod(sizes)
    if (
        chip is None
        or len(sizes) != chip.sizes
        or not (num_chips == 1 or (num_chips and is_slice))
    ):
        raise ValueError(
            f"Unknown topology. Received: {name!r}. Expected a chip, "
            f"{', '.join(CHIPS)}, and its sizes: one chip, or two even sizes, "
            "such as v4:2x2x1, v5e:1x1, v5e:2x2, v5e:2x4, v6e:2x2."
        )
    return Topology(name, chip, num_chips)
