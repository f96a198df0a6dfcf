"""The names of topologies, and the numbers of their chips."""

import pytest

from tools.tpu_preflight import chips


@pytest.mark.parametrize(
    ("name", "replicas"),
    [
        ("v5e:1x1", 1),
        ("v5e:2x2", 4),
        ("v5e:4x4", 16),
        ("v6e:2x4", 8),
        ("v4:1x1x1", 1),
        ("v4:2x2x1", 4),
        ("v4:2x2x3", 12),
    ],
)
def test_replicas(name, replicas):
    found = chips.topology(name)
    assert found.name == name
    assert found.num_replicas == replicas
    # Only a topology of one chip sets the option for the chips of a host.
    is_one = "chips_per_host_bounds" in found.options
    assert is_one == (name in ("v5e:1x1", "v4:1x1x1"))


@pytest.mark.parametrize(
    "name",
    [
        "v5e",
        "v9:2x2",
        "v5e:2x2x1",
        "v4:2x2",
        "v5e:3x3",
        "v5e:0x2",
        "v6e:2x1",
        "v5e:",
        "nonsense",
        "",
    ],
)
def test_unknown_topology(name):
    with pytest.raises(
        ValueError, match=f"Unknown topology. Received: '{name}'.*v4:2x2x1"
    ):
        chips.topology(name)


@pytest.mark.parametrize(
    ("name", "teraflops", "gibibytes", "gigabytes_per_second"),
    [("v4", 275, 32, 1200), ("v5e", 197, 16, 819), ("v6e", 918, 32, 1638)],
)
def test_whole_chips(name, teraflops, gibibytes, gigabytes_per_second):
    chip = chips.CHIPS[name]
    assert chip.matrix_flops == teraflops * 1e12
    assert chip.memory == gibibytes * 2**30
    assert chip.bandwidth == gigabytes_per_second * 1e9
    assert 0.9 * chip.memory < chip.available < chip.memory
