"""Reads the settings of attentions in a `model.bin` of CTranslate2.

The settings say whether positions are rotary, and how many key-value heads an
attention has.
"""

import re
from collections.abc import Mapping

import numpy as np

# `read` reads these settings of each attention. Each setting may be missing.
SETTINGS = ("rotary_dim", "rotary_interleave", "rotary_base", "num_heads_kv")
_ATTENTION = re.compile(
    r"(encoder|decoder)/layer_\d+/(self_attention|attention)/(\w+)"
)
# The default `base` of `layers.RotaryPositions`. `read` refuses other bases.
ROTARY_BASE = 10000.0


def is_setting(name: str) -> bool:
    """Returns whether a variable is a setting of an attention, see `SETTINGS`.

    Example:

    >>> is_setting("encoder/layer_0/self_attention/rotary_dim")
    True
    """
    match = _ATTENTION.fullmatch(name)
    return match is not None and match[3] in SETTINGS


def read(
    settings: Mapping[str, np.ndarray], num_heads: int, head_dim: int
) -> tuple[bool, int | None]:
    """Reads the settings of all attentions.

    A setting must have the same value in all attentions that have the setting.

    Args:
        settings: variables by their names. Only the variables that are settings
            of attentions are read.
        num_heads: H, the number of query heads.
        head_dim: K, the size of a head.

    Returns:
        Whether positions are rotary, and the number N of key-value heads. This
        number is `None` if N is H, or if no attention has `num_heads_kv`.

    Raises:
        ValueError: a setting is not one finite number or differs between
            attentions, N is not in [1, H], or rotary positions differ from
            `layers.RotaryPositions()`, which rotates all K numbers of a head.
    """
    values: dict[str, set[float]] = {name: set() for name in SETTINGS}
    for name, array in settings.items():
        if is_setting(name):
            if array.size != 1 or not np.all(np.isfinite(array)):
                raise ValueError(
                    f"The setting {name} must be one number. Received: an "
                    f"array of the shape {array.shape}. Copy the file again "
                    "from the original."
                )
            values[name.split("/")[-1]].add(float(array.ravel()[0]))
    # In CTranslate2, a `rotary_dim` of 0 also means that all K numbers rotate.
    allowed: dict[str, tuple[float, ...]] = {
        "rotary_dim": (0, head_dim),
        "rotary_interleave": (0,),
        "rotary_base": (ROTARY_BASE,),
        "num_heads_kv": tuple(n for n in range(1, num_heads + 1)),
    }
    for name, received in values.items():
        if len(received) > 1 or not received <= set(allowed[name]):
            raise ValueError(
                "An architecture that is not supported. Received: "
                f"{name} = {sorted(received)}. Supported: one of "
                f"{allowed[name]}, the same in all attentions. See "
                "docs/interchange.md."
            )
    heads = (
        int(values["num_heads_kv"].pop()) if values["num_heads_kv"] else None
    )
    return bool(values["rotary_dim"]), None if heads == num_heads else heads
