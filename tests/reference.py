"""Slow answers to compare with, written from the paper alone.

NumPy in float64, one number at a time where that is the plainest. Nothing
here imports the package.

T query/target length   S key/source length   D model_dim   K head_dim
V vocabulary_size
"""

import itertools
import math

import numpy as np


def softmax(logits):
    """Probabilities, zero where a logit is -inf; all zero if all are."""
    if np.all(np.isneginf(logits)):
        return np.zeros(len(logits))
    powers = [math.exp(logit - np.max(logits)) for logit in logits]
    return np.array(powers) / sum(powers)


def attention(query, key, value, allowed):
    """Equation 1 for one head of one sentence.

    Args:
        query: `(T, K)`.
        key: `(S, K)`.
        value: `(S, K)`.
        allowed: booleans `(T, S)`.

    Returns:
        The pair (output `(T, K)`, weights `(T, S)`).
    """
    weights = np.zeros((len(query), len(key)))
    for t, s in np.ndindex(weights.shape):
        product = sum(
            query[t][k] * key[s][k] for k in range(len(query[t]))
        ) / math.sqrt(len(query[t]))
        weights[t, s] = product if allowed[t][s] else -math.inf
    for t in range(len(query)):
        weights[t] = softmax(weights[t])
    output = np.zeros((len(query), len(value[0])))
    for t, s in np.ndindex(weights.shape):
        output[t] += weights[t, s] * np.asarray(value[s])
    return output, weights


def multi_head(inputs, memory, allowed, weights, num_heads):
    """Section 3.2.2 for one sentence: heads are slices of the columns.

    Args:
        inputs: `(T, D)`.
        memory: `(S, D)`.
        allowed: booleans `(T, S)`.
        weights: dict of `query`, `key`, `value` and `output`, each `(D, D)`.
        num_heads: h.

    Returns:
        The pair (output `(T, D)`, list of h weights `(T, S)`).
    """
    head_dim = inputs.shape[1] // num_heads
    heads, scores = [], []
    for head in range(num_heads):
        columns = slice(head * head_dim, (head + 1) * head_dim)
        output, head_scores = attention(
            inputs @ weights["query"][:, columns],
            memory @ weights["key"][:, columns],
            memory @ weights["value"][:, columns],
            allowed,
        )
        heads.append(output)
        scores.append(head_scores)
    return np.concatenate(heads, axis=1) @ weights["output"], scores


def feed_forward(inputs, weights):
    """Section 3.3: max(0, x W1 + b1) W2 + b2."""
    hidden = inputs @ weights["expand/kernel"] + weights["expand/bias"]
    hidden = np.where(hidden > 0, hidden, 0)
    return hidden @ weights["contract/kernel"] + weights["contract/bias"]


def layer_norm(inputs, weights):
    """Ba et al. 2016, epsilon 1e-6."""
    outputs = np.zeros(inputs.shape)
    for t, row in enumerate(inputs):
        mean = sum(row) / len(row)
        variance = sum((x - mean) ** 2 for x in row) / len(row)
        outputs[t] = (row - mean) / math.sqrt(variance + 1e-6)
    return outputs * weights["gamma"] + weights["beta"]


def below(weights, name):
    """The weights whose names start with `name/`, without that start."""
    return {
        key.removeprefix(f"{name}/"): value
        for key, value in weights.items()
        if key.startswith(f"{name}/")
    }


def weights_of(layer):
    """Weights of a Keras layer, by their paths without the layer's name."""
    return {
        variable.path.split("/", 1)[1]: variable.numpy().astype("float64")
        for variable in layer.weights
    }


def kernels(weights):
    """The four matrices of an attention, as `multi_head` takes them."""
    return {
        name: weights[f"{name}_kernel"]
        for name in ("query", "key", "value", "output")
    }


def encoder_block(inputs, is_real, weights, num_heads, normalization):
    """Figure 1, left, for one sentence (S, D): output and scores."""
    allowed = np.tile(is_real, (len(inputs), 1))
    attend = kernels(below(weights, "attention"))
    norm_1 = below(weights, "attention_residual/norm")
    norm_2 = below(weights, "feed_forward_residual/norm")
    network = below(weights, "feed_forward")
    x = inputs
    if normalization == "post":
        attended, scores = multi_head(x, x, allowed, attend, num_heads)
        x = layer_norm(x + attended, norm_1)
        x = layer_norm(x + feed_forward(x, network), norm_2)
    else:
        normed = layer_norm(x, norm_1)
        attended, scores = multi_head(
            normed, normed, allowed, attend, num_heads
        )
        x = x + attended
        x = x + feed_forward(layer_norm(x, norm_2), network)
    return x, scores


def decoder_block(
    inputs, memory, is_real, memory_is_real, weights, num_heads, normalization
):
    """Figure 1, right, for one sentence: output and both kinds of scores."""
    causal = np.zeros((len(inputs), len(inputs)), bool)
    for t, s in np.ndindex(causal.shape):
        causal[t, s] = s <= t and is_real[s]
    across = np.tile(memory_is_real, (len(inputs), 1))
    attend = kernels(below(weights, "self_attention"))
    attend_memory = kernels(below(weights, "cross_attention"))
    norm_1 = below(weights, "self_attention_residual/norm")
    norm_2 = below(weights, "cross_attention_residual/norm")
    norm_3 = below(weights, "feed_forward_residual/norm")
    network = below(weights, "feed_forward")
    x = inputs
    if normalization == "post":
        attended, scores = multi_head(x, x, causal, attend, num_heads)
        x = layer_norm(x + attended, norm_1)
        attended, cross_scores = multi_head(
            x, memory, across, attend_memory, num_heads
        )
        x = layer_norm(x + attended, norm_2)
        x = layer_norm(x + feed_forward(x, network), norm_3)
    else:
        normed = layer_norm(x, norm_1)
        attended, scores = multi_head(normed, normed, causal, attend, num_heads)
        x = x + attended
        attended, cross_scores = multi_head(
            layer_norm(x, norm_2), memory, across, attend_memory, num_heads
        )
        x = x + attended
        x = x + feed_forward(layer_norm(x, norm_3), network)
    return x, scores, cross_scores


def position(p, model_dim, form):
    """The encoding of one position p, by either of the two formulas."""
    encoding = np.zeros(model_dim)
    half = model_dim // 2
    for i in range(half):
        if form == "paper":
            angle = p / 10000 ** (2 * i / model_dim)
            encoding[2 * i] = math.sin(angle)
            encoding[2 * i + 1] = math.cos(angle)
        else:
            angle = p / 10000 ** (i / (half - 1))
            encoding[i] = math.sin(angle)
            encoding[half + i] = math.cos(angle)
    return encoding


def embed(ids, weights, form):
    """Section 3.4 and 3.5: embeddings times sqrt(D), plus positions."""
    table = weights["embedding/embeddings"]
    model_dim = table.shape[1]
    return np.array(
        [
            table[token] * math.sqrt(model_dim) + position(p, model_dim, form)
            for p, token in enumerate(ids)
        ]
    )


def transformer(
    source_ids, target_ids, weights, num_layers, num_heads, normalization, form
):
    """Figure 1 for one pair of sentences, pad id 0.

    Returns:
        Logits `(T, V)` and the scores of the encoder, of the decoder and
        across, each a list (layers) of lists (heads) of matrices.
    """
    source_is_real = [token != 0 for token in source_ids]
    target_is_real = [token != 0 for token in target_ids]
    encoder_scores, decoder_scores, cross_scores = [], [], []

    x = embed(source_ids, weights, form)
    for layer in range(num_layers):
        x, scores = encoder_block(
            x,
            source_is_real,
            below(weights, f"encoder/block_{layer + 1}"),
            num_heads,
            normalization,
        )
        encoder_scores.append(scores)
    if normalization == "pre":
        x = layer_norm(x, below(weights, "encoder/final_norm"))
    memory = x

    x = embed(target_ids, weights, form)
    for layer in range(num_layers):
        x, scores, across = decoder_block(
            x,
            memory,
            target_is_real,
            source_is_real,
            below(weights, f"decoder/block_{layer + 1}"),
            num_heads,
            normalization,
        )
        decoder_scores.append(scores)
        cross_scores.append(across)
    if normalization == "pre":
        x = layer_norm(x, below(weights, "decoder/final_norm"))
    logits = x @ weights["embedding/embeddings"].T
    return logits, encoder_scores, decoder_scores, cross_scores


def log_softmax(logits):
    logits = np.asarray(logits, "float64")
    return (
        logits - np.max(logits) - np.log(np.sum(np.exp(logits - max(logits))))
    )


def length_penalty(length, alpha):
    """Wu et al. 2016, equation 14, without the coverage term."""
    return (5 + length) ** alpha / (5 + 1) ** alpha


def log_probability(ids, logits_after):
    """The sum over the tokens of `ids`; `logits_after(prefix)` gives V."""
    return sum(
        log_softmax(logits_after(ids[:n]))[token] for n, token in enumerate(ids)
    )


def ranked(hypotheses, end_id, alpha):
    """Pairs (ids, log-probability) as (ids, score), finished ones first."""
    scored = [
        (ids, log_prob / length_penalty(len(ids), alpha))
        for ids, log_prob in hypotheses
    ]
    return sorted(scored, key=lambda pair: (end_id not in pair[0], -pair[1]))


def exhaustive_search(logits_after, *, vocabulary_size, limit, end_id, alpha):
    """Every sequence there is, best first, as pairs (ids, score).

    A sequence ends with the end token, or is cut at the limit.
    """
    others = [token for token in range(vocabulary_size) if token != end_id]
    sequences = [
        (*start, end_id)
        for length in range(limit)
        for start in itertools.product(others, repeat=length)
    ]
    sequences += itertools.product(others, repeat=limit)
    return ranked(
        [(ids, log_probability(ids, logits_after)) for ids in sequences],
        end_id,
        alpha,
    )


def beam_search(logits_after, *, limit, end_id, alpha, beam_size):
    """Keeps the `beam_size` best prefixes and never stops before the limit.

    Of the 2 W best extensions of each length, those that end are finished
    and the W best of the others live on; the W best finished are kept.
    """
    prefixes, finished = [((), 0.0)], []
    for _ in range(limit):
        extensions = [
            ((*ids, token), log_prob + token_log_prob)
            for ids, log_prob in prefixes
            for token, token_log_prob in enumerate(
                log_softmax(logits_after(ids))
            )
        ]
        extensions.sort(key=lambda pair: -pair[1])
        best = extensions[: 2 * beam_size]
        finished += [pair for pair in best if pair[0][-1] == end_id]
        prefixes = [pair for pair in best if pair[0][-1] != end_id]
        prefixes = prefixes[:beam_size]
    best = ranked(finished, end_id, alpha)[:beam_size]
    return (best + ranked(prefixes, end_id, alpha))[:beam_size]
