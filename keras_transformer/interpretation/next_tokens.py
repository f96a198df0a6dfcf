"""Finds the most probable next tokens at each step of the decoder.

They are found from the logits of the model, and from the output of each decoder
block.

B batch   T target length   V vocabulary_size   L layers
C candidates of a step
"""

from collections.abc import Mapping

import numpy as np
from keras import ops

from keras_transformer.interpretation import record
from keras_transformer.layers.typing import Tensor
from keras_transformer.models import transformer
from keras_transformer.text import TextTokenizer

# For each step, a trace has by default `OF_A_STEP` candidates from the logits
# of the model. For each step and each decoder block, it also has `OF_A_BLOCK`
# candidates from the output of the block, see `tracing.logit_lens`.
OF_A_STEP = 50
OF_A_BLOCK = 5


def candidates(
    logits: Tensor, tokenizer: TextTokenizer, count: int
) -> list[record.Candidates]:
    """Returns the most probable tokens of each step.

    Args:
        logits: float32 `(T, V)`.
        tokenizer: the tokenizer of translations.
        count: how many tokens to return for each step. C is `count`, but at
            most V.

    Returns:
        A list of the `Candidates` of each of the T steps. Among equal logits,
        the lower id is first.
    """
    logits_TV = np.asarray(logits, "float64")
    largest = logits_TV.max(axis=1, keepdims=True)
    normalizers = (
        np.log(np.exp(logits_TV - largest).sum(axis=1)) + largest[:, 0]
    )
    best_TC = np.argsort(-logits_TV, axis=1, kind="stable")[:, :count]
    return [
        record.Candidates(
            float(normalizer),
            ids.tolist(),
            tokenizer.pieces(ids),
            row[ids].tolist(),
        )
        for normalizer, ids, row in zip(
            normalizers, best_TC, logits_TV, strict=True
        )
    ]


def lens_logits(
    model: transformer.Transformer, values: Mapping[str, Tensor]
) -> Tensor:
    """Returns the logits that the output of each decoder block gives.

    The final norm and the output layer are applied to the output of each block.

    Args:
        model: the model.
        values: the result of `forward.forward`.

    Returns:
        Logits, float32 `(B, L, T, V)`. The logits of the last block are those
        of the model.
    """
    return ops.stack(
        [
            model.projection.logits(
                model.decoder.final_norm(
                    values[f"decoder/block_{number}/feed_forward_residual"]
                )
            )
            for number in range(1, len(model.decoder.blocks) + 1)
        ],
        axis=1,
    )
