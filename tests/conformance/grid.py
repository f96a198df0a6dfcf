"""Which cells of the table only `make test-all` has.

A transformer calls its encoder and decoder. So it fails where they fail: when
XLA compiles it, in 16 bits, and on replicas. What they are in a config and in a
file is compared for themselves, with the plain layers if it takes long.
"""

import pytest

from keras_transformer import layers
from tests.conformance import rows

STACKS = (layers.Encoder, layers.Decoder)
OF_THE_WHOLE = {"bfloat16", "compiled", "float16", "replicas"}
OF_PLAIN_LAYERS = {"frozen", "adapted"}


def is_in_grid(row, column):
    if row.kind not in STACKS:
        return False
    is_modern = row.name.endswith("modern")
    return column in OF_THE_WHOLE or (is_modern and column in OF_PLAIN_LAYERS)


def cells(columns):
    """Parametrizes a test by each row and each of these columns.

    Args:
        columns: the marks of each column, by its name.
    """
    grid = [pytest.mark.grid]
    return pytest.mark.parametrize(
        ("row", "column"),
        [
            pytest.param(
                row,
                column,
                marks=marks + grid * is_in_grid(row, column),
                id=f"{row.name}-{column}",
            )
            for row in rows.ROWS
            for column, marks in columns.items()
        ],
    )
