"""A slow Transformer to compare with, written only from the papers.

Its layers are in `layers`, searches in `search`. Nothing here imports the
package.

T target length   S source length   D model_dim   V vocabulary_size
"""

import math

import numpy as np

from tests.references.layers import (
    PAPER,
    add_positions,
    below,
    feed_forward,
    multi_head,
    normalize,
)


def sublayer(function, x, norm_weights, kinds):
    """Computes section 5.4 without dropout; `function` returns a pair."""
    if kinds["normalization"] == "post":
        change, extra = function(x)
        return normalize(x + change, norm_weights, kinds), extra
    change, extra = function(normalize(x, norm_weights, kinds))
    return x + change, extra


def weights_of(layer):
    """Returns the weights of a Keras layer by paths without its name."""
    return {
        variable.path.removeprefix(f"{layer.name}/"): (
            variable.numpy().astype("float64")
        )
        for variable in layer.weights
    }


def encoder_block(inputs, is_real, weights, kinds):
    """Computes figure 1, left, for one sentence (S, D): output and scores."""
    allowed = np.tile(is_real, (len(inputs), 1))
    return self_attending_block("attention", inputs, allowed, weights, kinds)


def causal_block(inputs, is_real, weights, kinds):
    """Computes figure 1, right, without memory: output and scores."""
    allowed = causal(is_real)
    return self_attending_block(
        "self_attention", inputs, allowed, weights, kinds
    )


def causal(is_real):
    """Returns a mask: a position may attend to real keys up to itself."""
    allowed = np.zeros((len(is_real), len(is_real)), bool)
    for t, s in np.ndindex(allowed.shape):
        allowed[t, s] = s <= t and is_real[s]
    return allowed


def self_attending_block(name, inputs, allowed, weights, kinds):
    kinds = {**PAPER, **kinds}
    attend, network = (below(weights, n) for n in (name, "feed_forward"))
    x, scores = sublayer(
        lambda x: multi_head(x, x, allowed, attend, kinds),
        inputs,
        below(weights, f"{name}_residual/norm"),
        kinds,
    )
    x, _ = sublayer(
        lambda x: (feed_forward(x, network, kinds["activation"]), None),
        x,
        below(weights, "feed_forward_residual/norm"),
        kinds,
    )
    return x, scores


def decoder_block(inputs, memory, is_real, memory_is_real, weights, kinds):
    """Computes figure 1, right, for one sentence: output and both scores."""
    kinds = {**PAPER, **kinds}
    allowed = causal(is_real)
    across = np.tile(memory_is_real, (len(inputs), 1))
    attend, attend_memory, network = (
        below(weights, name)
        for name in ("self_attention", "cross_attention", "feed_forward")
    )
    x, scores = sublayer(
        lambda x: multi_head(x, x, allowed, attend, kinds),
        inputs,
        below(weights, "self_attention_residual/norm"),
        kinds,
    )
    # Cross-attention has no positions.
    across_kinds = {**kinds, "positions": None}
    x, cross_scores = sublayer(
        lambda x: multi_head(x, memory, across, attend_memory, across_kinds),
        x,
        below(weights, "cross_attention_residual/norm"),
        kinds,
    )
    x, _ = sublayer(
        lambda x: (feed_forward(x, network, kinds["activation"]), None),
        x,
        below(weights, "feed_forward_residual/norm"),
        kinds,
    )
    return x, scores, cross_scores


def encoder(inputs, is_real, weights, kinds):
    """Returns memory (S, D) of embeddings (S, D), and scores of each layer."""
    kinds = {**PAPER, **kinds}
    x, scores = add_positions(inputs, is_real, weights, kinds), []
    for layer in range(kinds["num_encoder_layers"]):
        block = below(weights, f"block_{layer + 1}")
        x, block_scores = encoder_block(x, is_real, block, kinds)
        scores.append(block_scores)
    if kinds["normalization"] == "pre":
        x = normalize(x, below(weights, "final_norm"), kinds)
    return x, scores


def decoder(inputs, memory, is_real, memory_is_real, weights, kinds):
    """Returns outputs (T, D) of embeddings (T, D), and two lists of scores."""
    kinds = {**PAPER, **kinds}
    x, scores, across = add_positions(inputs, is_real, weights, kinds), [], []
    for layer in range(kinds["num_decoder_layers"]):
        block = below(weights, f"block_{layer + 1}")
        x, block_scores, block_across = decoder_block(
            x, memory, is_real, memory_is_real, block, kinds
        )
        scores.append(block_scores)
        across.append(block_across)
    if kinds["normalization"] == "pre":
        x = normalize(x, below(weights, "final_norm"), kinds)
    return x, scores, across


def embed(ids, table, kinds):
    """Returns rows times sqrt(D), section 3.4."""
    kinds = {**PAPER, **kinds}
    is_sqrt = kinds["embedding_scale"] == "sqrt_dim"
    scale = math.sqrt(table.shape[1]) if is_sqrt else 1.0
    zero_id = kinds["pad_id"] if kinds["start_id"] == kinds["pad_id"] else None
    return np.array([table[i] * (0 if i == zero_id else scale) for i in ids])


def transformer(source_ids, target_ids, weights, kinds):
    """Computes figure 1 for one pair of sentences.

    Args:
        source_ids: S integers.
        target_ids: T integers; the first is the start id.
        weights: the result of `weights_of`. The matrices are `embedding` or
            `source_embedding`, `target_embedding` and `projection`. A missing
            matrix equals the one before it.
        kinds: dict, see `PAPER`.

    Returns:
        Logits `(T, V)`, and the scores of the encoder, of the decoder and of
        cross-attention, each a list (layers) of lists (heads) of matrices.
    """
    kinds = {**PAPER, **kinds}
    source_is_real = [i != kinds["pad_id"] for i in source_ids]
    target_is_real = [i != kinds["pad_id"] for i in target_ids]
    if kinds["start_id"] == kinds["pad_id"]:
        # The start is the last padding id before other tokens.
        first = target_is_real.index(True) if any(target_is_real) else 0
        target_is_real[max(first - 1, 0)] = True
    found = [below(weights, "embedding")]
    for name in ("source_embedding", "target_embedding", "projection"):
        found.append(below(weights, name) or found[-1])
    _, source, target, projection = found

    memory, encoder_scores = encoder(
        embed(source_ids, source["embeddings"], kinds),
        source_is_real,
        below(weights, "encoder"),
        kinds,
    )
    x, decoder_scores, cross_scores = decoder(
        embed(target_ids, target["embeddings"], kinds),
        memory,
        target_is_real,
        source_is_real,
        below(weights, "decoder"),
        kinds,
    )
    logits = x @ projection["embeddings"].T + projection.get("bias", 0)
    return logits, encoder_scores, decoder_scores, cross_scores
