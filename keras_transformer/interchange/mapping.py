"""Maps the arrays of another system to our weights, and back.

A mapping is a list of `Entry`s. The import from a system and the export to it
use the same list.
"""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np


@dataclasses.dataclass(frozen=True)
class Entry:
    """An array of another system that holds one or several of our weights.

    theirs: the name of the array in the other system.
    ours: the paths of our weights. The array is their concatenation along the
        last axis.
    is_transposed: whether the array is the transpose of the concatenation.
    is_optional: whether the array or our weights may be missing. If the array
        is missing, `to_ours` sets our weights to zero. If our weights are
        missing, `to_theirs` makes no array.

    Example:

    >>> Entry("layer_0/linear_0/weight", ("query_kernel",), True).ours
    ('query_kernel',)
    """

    theirs: str
    ours: tuple[str, ...]
    is_transposed: bool = False
    is_optional: bool = False


def to_ours(
    entries: Iterable[Entry],
    theirs: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]],
    where: str,
) -> dict[str, np.ndarray]:
    """Turns the arrays of another system into our weights.

    Args:
        entries: the mapping.
        theirs: the arrays of the other system, by name.
        shapes: the shapes of our weights by their paths, see `weight_shapes`.
        where: the file of the arrays, for messages.

    Returns:
        The weights as float32, by their paths.

    Raises:
        ValueError: an array that is not optional is missing, or an array does
            not have the shape that follows from `shapes`.
    """
    ours: dict[str, np.ndarray] = {}
    for entry in entries:
        expected = _their_shape(entry, shapes)
        values = theirs.get(entry.theirs)
        if values is None and entry.is_optional:
            values = np.zeros(expected, "float32")
        if values is None:
            raise ValueError(
                f"{where} has no array {entry.theirs!r}. Expected one of the "
                f"shape {expected}. The file is incomplete, or of another "
                "architecture than its configuration says."
            )
        if values.shape != expected:
            raise ValueError(
                f"{where}: the array {entry.theirs!r} does not fit the "
                f"configuration. Received: shape {values.shape}. Expected: "
                f"{expected}. Take both files from the same model."
            )
        values = values.T if entry.is_transposed else values
        ends = np.cumsum([shapes[name][-1] for name in entry.ours])
        for name, each in zip(
            entry.ours, np.split(values, ends[:-1], axis=-1), strict=True
        ):
            ours[name] = np.ascontiguousarray(each, "float32")
    return ours


def to_theirs(
    entries: Iterable[Entry], ours: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Turns our weights into the arrays of another system.

    Args:
        entries: the mapping. Optional entries are left out if our model does
            not have their weights.
        ours: our weights by their paths.

    Returns:
        The arrays by their names in the other system.

    Example:

    >>> entry = Entry("linear/weight", ("query", "key"), is_transposed=True)
    >>> weights = {"query": np.zeros([2, 3]), "key": np.ones([2, 5])}
    >>> to_theirs([entry], weights)["linear/weight"].shape
    (8, 2)
    """
    theirs = {}
    for entry in entries:
        if entry.is_optional and entry.ours[0] not in ours:
            continue
        values = np.concatenate([ours[name] for name in entry.ours], axis=-1)
        theirs[entry.theirs] = values.T if entry.is_transposed else values
    return theirs


def check_all_read(
    entries: Iterable[Entry],
    theirs: Iterable[str],
    others: Iterable[str],
    where: str,
) -> None:
    """Raises ValueError if a file has an array with an unknown name.

    Args:
        entries: the mapping. The names of its arrays are known.
        theirs: the names of all arrays of the file.
        others: further known names, such as those of copies of a tied matrix.
        where: the file, for messages.
    """
    known = {entry.theirs for entry in entries} | set(others)
    unknown = sorted(set(theirs) - known)
    if unknown:
        raise ValueError(
            f"{where} has arrays of an architecture that is not supported. "
            f"Received: {', '.join(map(repr, unknown[:3]))}"
            f"{' and others' if len(unknown) > 3 else ''}. See the table of "
            "docs/interchange.md for what is supported."
        )


def _their_shape(entry, shapes):
    size = sum(shapes[name][-1] for name in entry.ours)
    shape = (*shapes[entry.ours[0]][:-1], size)
    return shape[::-1] if entry.is_transposed else shape
