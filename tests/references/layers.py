"""Slow layers of a Transformer, written only from the papers.

They use NumPy in float64, one sentence at a time, and often one number at a
time. Nothing here imports the package.

A dict `kinds` names the variants, see `PAPER`. A bias is added if the weights
have one.

T query length   S key length   D model_dim   K head_dim   H heads
N key-value heads
"""

import math

import numpy as np

# The variants of the paper. Other dicts name only variants that differ, and may
# have other keys, such as all fields of a config.
PAPER = {
    "num_heads": 8,
    "num_encoder_layers": 6,
    "num_decoder_layers": 6,
    # None means as many as query heads.
    "num_key_value_heads": None,
    # The place of the norm: pre, post. The kind of norm: layer, rms.
    "normalization": "post",
    "norm": "layer",
    "epsilon": 1e-6,
    # A form of `sinusoid`; learned, learned_normalized; rotary,
    # rotary_interleaved; relative; None.
    "positions": "paper",
    # relu, gelu, silu; with a gate: reglu, geglu, swiglu.
    "activation": "relu",
    # sqrt_dim or none.
    "embedding_scale": "sqrt_dim",
    "pad_id": 0,
    # If `start_id` is `pad_id`, its embedding is zero.
    "start_id": 1,
}


def softmax(logits):
    """Returns probabilities; only zeros if all logits are -inf."""
    if np.all(np.isneginf(logits)):
        return np.zeros(len(logits))
    powers = [math.exp(logit - np.max(logits)) for logit in logits]
    return np.array(powers) / sum(powers)


def attention(query, key, value, allowed, to_keys=None, to_values=None):
    """Computes equation 1 for one head of one sentence.

    With vectors of relative positions it computes equations 3 and 4 of Shaw et
    al. 2018, in which keys and values differ for each query.

    Args:
        query: `(T, K)`.
        key: `(S, K)`.
        value: `(S, K)`.
        allowed: booleans `(T, S)`.
        to_keys: `(T, S, K)`, or `None` for zeros.
        to_values: `(T, S, K)`, or `None` for zeros.

    Returns:
        The pair (output `(T, K)`, weights `(T, S)`).
    """
    head_dim = len(query[0])
    zeros = np.zeros((len(query), len(key), head_dim))
    to_keys = zeros if to_keys is None else to_keys
    to_values = zeros if to_values is None else to_values
    weights = np.zeros((len(query), len(key)))
    for t, s in np.ndindex(weights.shape):
        product = sum(
            query[t][k] * (key[s][k] + to_keys[t][s][k])
            for k in range(head_dim)
        ) / math.sqrt(head_dim)
        weights[t, s] = product if allowed[t][s] else -math.inf
    for t in range(len(query)):
        weights[t] = softmax(weights[t])
    output = np.zeros((len(query), head_dim))
    for t, s in np.ndindex(weights.shape):
        output[t] += weights[t, s] * (np.asarray(value[s]) + to_values[t][s])
    return output, weights


def rotate(vector, p, layout):
    """Rotates each pair by p theta_i: Su et al. 2021, equation 13."""
    size = len(vector)
    turned = np.zeros(size)
    for i in range(size // 2):
        one, two = (
            (i, size // 2 + i) if layout == "rotary" else (2 * i, 2 * i + 1)
        )
        angle = p * 10000 ** (-2 * i / size)
        # A rotation is a product of complex numbers.
        number = complex(vector[one], vector[two])
        number *= complex(math.cos(angle), math.sin(angle))
        turned[one], turned[two] = number.real, number.imag
    return turned


def relative_vectors(table, num_queries, num_keys, start):
    """Returns the vector of each clipped distance: Shaw et al. 2018, 3.2."""
    longest = (len(table) - 1) // 2
    vectors = np.zeros((num_queries, num_keys, table.shape[1]))
    for t, s in np.ndindex(num_queries, num_keys):
        distance = s - (start + t)
        distance = max(-longest, min(longest, distance))
        vectors[t, s] = table[longest + distance]
    return vectors


def multi_head(inputs, memory, allowed, weights, kinds, start=0):
    """Computes section 3.2.2 for one sentence; heads are slices of columns.

    Args:
        inputs: `(T, D)`, the first at position `start`.
        memory: `(S, D)`, the first at position 0.
        allowed: booleans `(T, S)`.
        weights: dict of `query_kernel`, `key_kernel`, `value_kernel` and
            `output_kernel`, and the same names with `bias` if there are biases.
        kinds: `num_heads`; `num_key_value_heads`, each shared by
            neighbouring query heads (Ainslie et al. 2023); `positions`.

    Returns:
        The pair (output `(T, D)`, list of H weights `(T, S)`).
    """
    kinds = {**PAPER, **kinds}
    num_heads = kinds["num_heads"]
    num_shared = num_heads // (kinds["num_key_value_heads"] or num_heads)
    head_dim = inputs.shape[1] // num_heads

    def project(name, x, head):
        columns = slice(head * head_dim, (head + 1) * head_dim)
        bias = weights.get(f"{name}_bias", np.zeros(inputs.shape[1]))
        return x @ weights[f"{name}_kernel"][:, columns] + bias[columns]

    heads, scores = [], []
    for head in range(num_heads):
        query = project("query", inputs, head)
        key = project("key", memory, head // num_shared)
        value = project("value", memory, head // num_shared)
        vectors = []
        if kinds["positions"] in ("rotary", "rotary_interleaved"):
            layout = kinds["positions"]
            query = [rotate(q, start + t, layout) for t, q in enumerate(query)]
            key = [rotate(k, s, layout) for s, k in enumerate(key)]
        if kinds["positions"] == "relative":
            vectors = [
                relative_vectors(
                    weights[f"positions/{name}"], len(query), len(key), start
                )
                for name in ("keys", "values")
            ]
        output, head_scores = attention(query, key, value, allowed, *vectors)
        heads.append(output)
        scores.append(head_scores)
    output = np.concatenate(heads, axis=1) @ weights["output_kernel"]
    return output + weights.get("output_bias", 0), scores


ACTIVATIONS = {
    "relu": lambda x: max(x, 0.0),
    # Hendrycks and Gimpel 2016: x times the normal distribution up to x.
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
    # Elfwing et al. 2017.
    "silu": lambda x: x / (1 + math.exp(-x)),
}
# Shazeer 2020.
GATES = {"reglu": "relu", "geglu": "gelu", "swiglu": "silu"}


def feed_forward(inputs, weights, activation="relu"):
    """Computes f(x W1 + b1) W2 + b2, or (f(x W) * x V) W2 with a gate."""

    def dense(name, x):
        return x @ weights[f"{name}/kernel"] + weights.get(f"{name}/bias", 0)

    function = np.vectorize(ACTIVATIONS[GATES.get(activation, activation)])
    hidden = dense("expand", inputs)
    if activation in GATES:
        hidden = function(dense("gate", inputs)) * hidden
    else:
        hidden = function(hidden)
    return dense("contract", hidden)


def normalize(inputs, weights, kinds):
    """Normalizes as Ba et al. 2016, or as Zhang and Sennrich 2019 (`rms`)."""
    kinds = {**PAPER, **kinds}
    outputs = np.zeros(inputs.shape)
    for t, row in enumerate(inputs):
        mean = sum(row) / len(row) if kinds["norm"] == "layer" else 0.0
        variance = sum((x - mean) ** 2 for x in row) / len(row)
        outputs[t] = (row - mean) / math.sqrt(variance + kinds["epsilon"])
    if kinds["norm"] == "layer":
        return outputs * weights["gamma"] + weights["beta"]
    return outputs * weights["scale"]


def below(weights, name):
    """Returns the weights below `name/`, without this prefix in their names."""
    return {
        key.removeprefix(f"{name}/"): value
        for key, value in weights.items()
        if key.startswith(f"{name}/")
    }


def sinusoid(p, model_dim, form):
    """Returns the encoding of position p, counted from 0, in one form."""
    encoding = np.zeros(model_dim)
    half = model_dim // 2
    # The number of the first position: 1 in OpenNMT-tf, and 2 in fairseq, since
    # the padding id of fairseq is 1.
    first = {"tensor2tensor_from_1": 1, "fairseq": 2}.get(form, 0)
    for i in range(half):
        if form in ("paper", "half"):
            angle = p / 10000 ** (2 * i / model_dim)
        else:
            angle = (p + first) * math.exp(-i * math.log(10000) / (half - 1))
        one, two = (2 * i, 2 * i + 1) if form == "paper" else (i, half + i)
        encoding[one], encoding[two] = math.sin(angle), math.cos(angle)
    return encoding


def add_positions(inputs, is_real, weights, kinds, start=0):
    """Adds positions to the real tokens of (T, D), section 3.5.

    Padding is not counted and stays unchanged.
    """
    kinds = {**PAPER, **kinds}
    if kinds["positions"] == "learned_normalized":
        kinds = {**kinds, "positions": "learned"}
        summed = add_positions(
            inputs, is_real, below(weights, "positions"), kinds, start
        )
        return normalize(summed, below(weights, "positions/norm"), kinds)
    outputs = np.array(inputs, "float64")
    if kinds["positions"] in ("rotary", "rotary_interleaved", "relative", None):
        return outputs
    p = start
    for t, real in enumerate(is_real):
        if not real:
            continue
        if kinds["positions"] == "learned":
            outputs[t] += weights["positions/encodings"][p]
        else:
            outputs[t] += sinusoid(p, outputs.shape[1], kinds["positions"])
        p += 1
    return outputs
