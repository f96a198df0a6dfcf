"""Chooses the cells of the table that only `make test-all` tests.

A block calls attention and a feed-forward network, a stack calls blocks, and a
transformer calls stacks. Each layer has its own row, and a composed layer fails
if its layers fail. So in columns that take long, a few of the composed rows
represent all of them. In the column `float16`, whose sequences are the longest,
the layers alone represent them. Each class has its own config, so the column
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
# causal attention, cross-attention and relative positions. A Transformer has
# stacks with blocks in them.
STAND_FOR_ALL = {
    "adapted": ("Transformer_marian",),
    "bfloat16": ("DecoderBlock",),
    "compiled": ("DecoderBlock",),
    "config": (
        *("EncoderBlock", "CausalBlock", "DecoderBlock", "Encoder_modern"),
        *("Decoder_sinusoidal", "Transformer_marian", "Transformer_modern"),
    ),
    "float16": (),
    "frozen": ("Transformer_modern",),
    "functional": ("EncoderBlock", "Decoder_modern", "Transformer_marian"),
    "graph": ("DecoderBlock", "Transformer_paper"),
    "output_shapes": (
        *("EncoderBlock", "CausalBlock", "DecoderBlock", "Encoder_modern"),
        *("Decoder_modern", "Transformer_paper"),
    ),
    "replicas": ("DecoderBlock", "Transformer_marian"),
    "unknown_sizes": ("CausalBlock", "Decoder_modern", "Transformer_modern"),
}
# Layers that another layer represents in a column, because it calls them.
# `MultiHeadAttention_relative` calls `RelativePositions`.
CALLED_BY_OTHERS = {"float16": ("RelativePositions",)}


def is_in_grid(row, column):
    if row.kind not in COMPOSED:
        return row.name in CALLED_BY_OTHERS.get(column, ())
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
