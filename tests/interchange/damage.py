"""Reads damaged copies of a small real file."""

import tracemalloc

import numpy as np


def check(read, data, path, count, first=400, most=100, named=None):
    """Reads copies with changed bytes. Only a ValueError may be raised.

    Args:
        read: the reader, a function of a path.
        data: the bytes of the file.
        path: the path of the copies.
        count: the number of copies.
        first: half of all changes are within this number of bytes from the
            start or the end, where names and sizes are.
        most: memory may grow to this number of times the size of the file.
        named: the name that messages have instead of the path.

    Returns:
        The number of copies that were refused.
    """
    generator = np.random.default_rng(11)
    refused = 0
    for number in range(count):
        if number == 9 * count // 10:
            # Memory is measured only from here, because it takes long.
            tracemalloc.start()
        mutated = bytearray(data)
        if number % 2:
            del mutated[generator.integers(1, len(data)) :]
        for _ in range(generator.integers(1, 7)):
            end = len(mutated) if generator.integers(2) else first
            place = generator.integers(min(end, len(mutated)))
            if generator.integers(2):
                place = -1 - place
            mutated[place] = generator.choice([0, 1, 127, 128, 255])
        path.write_bytes(bytes(mutated))
        try:
            read(path)
        except ValueError as error:
            refused += 1
            assert str(named or path) in str(error)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < most * len(data)
    return refused
