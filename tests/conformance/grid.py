"""Chooses the cells of the table that only `make test-all` tests.

A block calls attention and a feed-forward network, a stack calls blocks, and a
transformer calls stacks. Each layer has its own row, and a composed layer fails
if its layers fail. So in columns that take long, one or two of the composed
rows represent all of them. Each class has its own config, so the column
`config` has a row of each class.
"""

import pytest

from keras_transformer import layers, models
from tests.conformance import rows

COMPOSED = (
    *(layers.EncoderBlock, layers.CausalBlock, layers.DecoderBlock),
    *(layers.Encoder, layers.Decoder, models.Transformer),
)
# The composed rows that represent all of them, by column. `DecoderBlock` has
# causal attention, cross-attention and relative positions.
STAND_FOR_ALL = {
    "adapted": ("DecoderBlock", "Transformer_marian"),
    "bfloat16": ("DecoderBlock", "Transformer_modern"),
    "compiled": ("DecoderBlock",),
    "config": (
        *("EncoderBlock", "CausalBlock", "DecoderBlock", "Encoder_modern"),
        *("Decoder_sinusoidal", "Transformer_marian", "Transformer_modern"),
    ),
    "float16": ("DecoderBlock",),
    "frozen": ("DecoderBlock", "Transformer_modern"),
    "functional": ("EncoderBlock", "Decoder_modern", "Transformer_marian"),
    "graph": ("DecoderBlock", "Transformer_paper"),
    "output_shapes": (
        *("EncoderBlock", "CausalBlock", "DecoderBlock", "Encoder_modern"),
        *("Decoder_modern", "Transformer_paper"),
    ),
    "replicas": ("DecoderBlock", "Transformer_marian"),
    "unknown_sizes": ("CausalBlock", "Decoder_modern", "Transformer_modern"),
}


def is_in_grid(row, column):
    if row.kind not in COMPOSED:
        return False
    return row.name not in STAND_FOR_ALL.get(column, (row.name,))


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
