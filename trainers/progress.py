"""Shows how many items a program has read, in a terminal or in a log.

The items are pairs or sentences, for example.
"""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import tqdm

_LOG = logging.getLogger(__name__)
# `track` reads the clock at every item whose number is a multiple of `_ITEMS`.
# To read the clock at every item would take too much time.
_ITEMS = 1000

Item = TypeVar("Item")


def track(
    items: Iterable[Item], seconds: float = 60, unit: str = "pairs"
) -> Iterator[Item]:
    """Yields items, and shows how many it has yielded.

    If standard error is a terminal, a bar shows the number. Otherwise lines of
    the log show it.

    Args:
        items: the items, such as pairs.
        seconds: the minimum time between two lines of the log.
        unit: the name of the items, in the plural.

    Example:

    >>> list(track("ab"))
    ['a', 'b']
    """
    if sys.stderr.isatty():
        yield from tqdm.tqdm(items, unit=f" {unit}", unit_scale=True)
        return
    started = said = time.monotonic()
    for number, item in enumerate(items):
        if number % _ITEMS == 0 and time.monotonic() - said >= seconds:
            said = time.monotonic()
            _LOG.info(
                "%s %s, %s a minute.",
                f"{number:,}",
                unit,
                f"{60 * number / (said - started):,.0f}",
            )
        yield item
