"""Which cells of the table only `make test-all` has.

A block calls attention and a feed-forward network, a stack calls blocks, and a
transformer calls stacks. Each layer has its own row, and what is composed of
layers fails where they fail. So one or two of the composed rows stand for all
of them in the columns that take long. What has a config of its own has a row
for each class.
"""

import pytest

from keras_transformer import layers, models
from tests.conformance import rows

COMPOSED = (
    *(layers.EncoderBlock, layers.CausalBlock, layers.DecoderBlock),
    *(layers.Encoder, layers.Decoder, models.Transformer),
)
# Of the composed rows, those that stand for all. A decoder block has causal and
# cross-attention, and relative positions.
STAND_FOR_ALL = {
    "adapted": ("DecoderBlock", "Decoder_sinusoidal", "Transformer_marian"),
    "bfloat16": ("DecoderBlock", "Transformer_modern"),
    "compiled": ("DecoderBlock", "Transformer_modern"),
    "config": (
        *("EncoderBlock", "CausalBlock", "DecoderBlock", "Encoder_modern"),
        *("Decoder_sinusoidal", "Transformer_marian", "Transformer_modern"),
    ),
    "float16": ("DecoderBlock", "Transformer_paper"),
    "frozen": ("DecoderBlock", "Decoder_sinusoidal", "Transformer_modern"),
    "functional": ("EncoderBlock", "Decoder_modern", "Transformer_marian"),
    "graph": ("DecoderBlock", "Transformer_paper"),
    "keras_file": (
        *("EncoderBlock", "CausalBlock", "DecoderBlock", "Encoder_modern"),
        *("Decoder_sinusoidal", "Transformer_marian"),
    ),
    "output_shapes": (
        *("EncoderBlock", "CausalBlock", "DecoderBlock", "Encoder_modern"),
        *("Decoder_modern", "Transformer_paper"),
    ),
    "replicas": ("DecoderBlock", "Transformer_marian"),
    "saved_model": ("DecoderBlock", "Transformer_modern"),
    "unknown_sizes": ("CausalBlock", "Decoder_modern", "Transformer_modern"),
}
# The others are traced to a SavedModel as in `unknown_sizes`, which has them.
SAVED_LAYERS = (
    *("LearnedPositions", "TokenEmbedding_logits", "GatedFeedForward"),
    *("MultiHeadAttention_modern", "MultiHeadAttention_relative"),
)


def is_in_grid(row, column):
    if row.kind in COMPOSED:
        return row.name not in STAND_FOR_ALL.get(column, (row.name,))
    return column == "saved_model" and row.name not in SAVED_LAYERS


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
