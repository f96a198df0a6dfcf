"""Computes attention rollout from the self-attention of all blocks.

T target or query length   S source or key length   H heads
"""

from typing import NamedTuple

import numpy as np

from keras_transformer.interpretation import record


class Rollout(NamedTuple):
    """The share of each input token in each output position of a stack.

    Both fields are matrices. A row of a matrix belongs to an output position,
    and a column to an input token. The numbers of a row sum to 1.

    encoder: float32 `(S, S)`.
    decoder: float32 `(T, T)`; the input tokens are those that the decoder
        reads. Encoder-decoder attention is left out.
    """

    encoder: np.ndarray
    decoder: np.ndarray


def attention_rollout(trace: record.Trace) -> Rollout:
    """Computes the attention rollout of a trace (Abnar and Zuidema 2020).

    In each block, the weights of self-attention are averaged over the heads.
    The result is averaged with the identity matrix, which stands for the
    residual connection. The matrices of all blocks of a stack are multiplied,
    with the matrix of the first block on the right. The product says how much
    of each input token is mixed into each output.

    Rollout treats all heads as equal, and ignores values, feed-forward networks
    and norms.

    Args:
        trace: the result of `kt.interpretation.trace`.

    Example:

    >>> import keras_transformer as kt
    >>> tokenizer = kt.Tokenizer(
    ...     kt.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True))
    >>> config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 16)
    >>> translator = kt.Translator(kt.build_transformer(config), tokenizer)
    >>> traced = kt.interpretation.trace(translator, "a cat", "un chat")
    >>> attention_rollout(traced).encoder.sum(axis=1).round(4).tolist()
    [1.0, 1.0, 1.0]
    """
    return Rollout(
        _rolled_out(
            trace, "encoder", "attention", trace.model["num_encoder_layers"]
        ),
        _rolled_out(
            trace,
            "decoder",
            "self_attention",
            trace.model["num_decoder_layers"],
        ),
    )


def _rolled_out(trace, stack, kind, num_layers):
    product = np.eye(1)
    for number in range(1, num_layers + 1):
        weights_HTS = trace.arrays[f"{stack}/block_{number}/{kind}/weights"]
        mixed = weights_HTS.astype("float64").mean(axis=0)
        mixed = (mixed + np.eye(len(mixed))) / 2
        product = mixed if number == 1 else mixed @ product
    return product.astype("float32")
