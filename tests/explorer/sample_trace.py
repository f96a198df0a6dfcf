"""A consistent random trace, in the schema that the explorer reads.

The numbers come from a small untrained Transformer in NumPy. So softmaxes sum
to one, sums equal their terms, and causal masks hold. A real beam search runs
over random logits, so hypotheses live, finish and are dropped.
"""

import base64

import numpy as np

D, H, K, F, LAYERS = 20, 4, 5, 28, 2
PIECES = [
    *("<pad>", "<s>", "</s>"),
    *("▁L", "'", "animal", "▁n", "a", "▁pas", "▁travers", "é", "▁la", "▁rue"),
    *("▁parce", "▁qu", "▁il", "▁elle", "▁était", "▁trop", "▁fatigué", "."),
    *("▁large", "▁Le", "▁chien", "▁dort", "▁ici", "▁un", "e", "▁et"),
]
START, END = 1, 2
TIRED = "The animal didn't cross the street because it was too tired."
WIDE = "The animal didn't cross the street because it was too wide."
TARGET_LENGTH = 11
GIVEN = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, END]
SETTINGS = {
    "beam_size": 3,
    "top_beams": 2,
    "alpha": 0.6,
    "penalty": "gnmt",
    "coverage": 0.0,
}


def softmax(logits):
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def norm(x):
    return (x - x.mean(-1, keepdims=True)) / (x.std(-1, keepdims=True) + 1e-6)


def pieces_of(text):
    """Splits a text into short pieces, marked as in SentencePiece."""
    pieces = []
    for word in text.split(" "):
        marked = "▁" + word
        if word.endswith(".") and len(word) > 1:
            pieces += [marked[:-1], "."]
        elif len(word) == 6 and word.isascii():
            pieces += [marked[:4], marked[4:]]
        else:
            pieces.append(marked)
    return [*pieces, "</s>"]


def numbers_of_words(pieces):
    numbers, word = [], -1
    for index, piece in enumerate(pieces):
        if index == 0 or piece.startswith("▁") or piece == "</s>":
            word += 1
        numbers.append(word)
    return numbers


class Recorder:
    """Layers with random weights. They keep what they compute."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.arrays = {}

    def keep(self, name, values):
        self.arrays[name] = np.asarray(values, np.float32)
        return values

    def project(self, x, size):
        weights = self.random.normal(size=(x.shape[-1], size))
        return x @ weights / np.sqrt(x.shape[-1])

    def split(self, x):
        return x.reshape(len(x), H, K).transpose(1, 0, 2)

    def attention(self, name, x, memory, mask):
        """Computes multi-head attention; keeps all intermediate arrays."""
        self.keep(f"{name}/inputs", x)
        query = self.keep(f"{name}/query", self.split(2 * self.project(x, D)))
        key = self.keep(f"{name}/key", self.split(2 * self.project(memory, D)))
        value = self.keep(f"{name}/value", self.split(self.project(memory, D)))
        logits = self.keep(
            f"{name}/logits", query @ key.transpose(0, 2, 1) / np.sqrt(K)
        )
        weights = self.keep(
            f"{name}/weights", softmax(np.where(mask, logits, -1e9))
        )
        attended = self.keep(f"{name}/attended", weights @ value)
        joined = attended.transpose(1, 0, 2).reshape(len(x), D)
        return self.keep(f"{name}/outputs", self.project(joined, D))

    def feed_forward(self, name, x):
        self.keep(f"{name}/inputs", x)
        hidden = np.maximum(self.project(x, F), 0)
        return self.keep(f"{name}/outputs", self.project(hidden, D))

    def embed(self, name, ids):
        table = np.random.default_rng(0).normal(size=(5000, D))
        # Equal tokens have the same vectors in all sentences.
        embeddings = self.keep(f"{name}/embeddings", table[ids] * 0.9)
        angles = np.arange(len(ids))[:, None] / 10000 ** (
            np.arange(0, D, 2) / D
        )
        positions = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
        self.keep(f"{name}/positions", positions)
        return self.keep(f"{name}/inputs", embeddings + positions)

    def sublayer(self, name, x, outputs):
        return self.keep(f"{name}_residual", x + outputs)

    def encode(self, ids):
        x = self.embed("source", ids)
        for layer in range(1, LAYERS + 1):
            name = f"encoder/block_{layer}"
            normed = norm(x)
            outputs = self.attention(f"{name}/attention", normed, normed, True)
            x = self.sublayer(f"{name}/attention", x, outputs)
            outputs = self.feed_forward(f"{name}/feed_forward", norm(x))
            x = self.sublayer(f"{name}/feed_forward", x, outputs)
        return self.keep("encoder/outputs", norm(x))

    def decode(self, ids, memory):
        x = self.embed("target", ids)
        causal = np.tri(len(ids), dtype=bool)
        for layer in range(1, LAYERS + 1):
            name = f"decoder/block_{layer}"
            normed = norm(x)
            outputs = self.attention(
                f"{name}/self_attention", normed, normed, causal
            )
            x = self.sublayer(f"{name}/self_attention", x, outputs)
            outputs = self.attention(
                f"{name}/cross_attention", norm(x), memory, True
            )
            x = self.sublayer(f"{name}/cross_attention", x, outputs)
            outputs = self.feed_forward(f"{name}/feed_forward", norm(x))
            x = self.sublayer(f"{name}/feed_forward", x, outputs)
        return self.keep("decoder/outputs", norm(x))


def candidates(logits, count):
    order = np.argsort(-logits, kind="stable")[:count]
    return {
        "log_normalizer": float(np.log(np.exp(logits).sum())),
        "ids": [int(each) for each in order],
        "tokens": [PIECES[each] for each in order],
        "logits": [float(logits[each]) for each in order],
    }


def log_probabilities(ids):
    """Returns random values for the next token, fixed for each prefix."""
    random = np.random.default_rng([7, *ids])
    logits = random.normal(size=len(PIECES)) * 2
    logits[:2] = -30
    logits[END] += len(ids) - 6
    return logits - np.log(np.exp(logits).sum())


def score(hypothesis):
    length = len(hypothesis["ids"])
    return hypothesis["log_probability"] / ((5 + length) / 6) ** 0.6


def extensions(live, width):
    """Returns the best 2 W continuations of the live hypotheses."""
    grown = []
    for parent, hypothesis in enumerate(live):
        values = log_probabilities(hypothesis["ids"])
        for token in np.argsort(-values)[: 2 * width]:
            new = {
                "ids": [*hypothesis["ids"], int(token)],
                "log_probability": hypothesis["log_probability"]
                + float(values[token]),
                "parent": parent,
            }
            new["score"] = score(new)
            grown.append(new)
    grown.sort(key=lambda each: -each["log_probability"])
    return grown[: 2 * width]


def search():
    """Records a beam search over the random log-probabilities."""
    width = SETTINGS["beam_size"]
    live, finished, steps = [{"ids": [], "log_probability": 0.0}], [], []
    for _ in range(TARGET_LENGTH):
        grown = extensions(live, width)
        ended = [each for each in grown if each["ids"][-1] == END]
        going = [each for each in grown if each["ids"][-1] != END]
        earlier = [{**each, "parent": None} for each in finished]
        finished = sorted(earlier + ended, key=lambda each: -each["score"])
        finished, lost = finished[:width], finished[width:]
        live = going[:width]
        dropped = [
            each
            for each in (*going[width:], *lost)
            if each["parent"] is not None
        ]
        steps.append({"live": live, "finished": finished, "dropped": dropped})
    best = (finished or live)[: SETTINGS["top_beams"]]
    return {
        "kind": "beam",
        "settings": SETTINGS,
        "steps": steps,
        "hypotheses": best,
    }


def trace(text=TIRED, pieces=None, with_search=True, attribution=True, seed=0):
    """Returns a trace of a text.

    Args:
        text: the source text.
        pieces: the source tokens, or None for `pieces_of(text)`.
        with_search: whether a search finds the target. If not, it is given.
        attribution: whether the trace has an attribution.
        seed: the seed of the random numbers.
    """
    pieces = pieces_of(text) if pieces is None else [*pieces, "</s>"]
    # Ids depend on the characters. `hash` differs between processes.
    source_ids = [sum(map(ord, piece)) * 7 % 4999 for piece in pieces]
    recorder = Recorder(sum(source_ids) % 1000 + seed)
    memory = recorder.encode(source_ids)
    recorded = search() if with_search else None
    ids = recorded["hypotheses"][0]["ids"] if recorded else GIVEN
    outputs = recorder.decode([START, *ids[:-1]], memory)
    steps = [
        candidates(log_probabilities(ids[:t]), 20) for t in range(len(ids))
    ]
    return {
        "schema": "keras_transformer.trace",
        "version": 1,
        "model": model(),
        "source": {
            "text": text,
            "ids": source_ids,
            "tokens": pieces,
            "words": numbers_of_words(pieces),
        },
        "target": target(ids, is_given=not with_search),
        "arrays": {
            name: encode(values) for name, values in recorder.arrays.items()
        },
        "steps": steps,
        "lens": lens(recorder, outputs, steps),
        "search": recorded,
        "attribution": scores(recorder, len(ids), len(pieces))
        if attribution
        else None,
        "assessments": [
            assessment(each["ids"])
            for each in (recorded["hypotheses"] if recorded else [{"ids": ids}])
        ],
    }


def target(ids, is_given):
    tokens = [PIECES[each] for each in ids]
    return {
        "text": "".join(tokens[:-1]).replace("▁", " ").strip(),
        "ids": ids,
        "tokens": tokens,
        "words": numbers_of_words(tokens),
        "input_ids": [START, *ids[:-1]],
        "input_tokens": [PIECES[START], *tokens[:-1]],
        "is_given": is_given,
    }


def assessment(ids):
    """Returns random confidences that depend on the ids, without a defect."""
    words = target(ids, False)["text"].split()
    shares = np.random.default_rng([11, *ids]).random(len(words)).tolist()
    return {
        "confidence": sum(shares) / len(words),
        "words": words,
        "word_confidences": shares,
        **{"has_loop": False, "has_unusual_length": False},
    }


def lens(recorder, outputs, steps):
    """Returns five candidates after each block; the last are of `steps`."""
    earlier = [
        [
            candidates(recorder.random.normal(size=len(PIECES)) + row.mean(), 5)
            for row in outputs
        ]
        for _ in range(LAYERS - 1)
    ]
    last = [
        {**step, **{key: step[key][:5] for key in ("ids", "tokens", "logits")}}
        for step in steps
    ]
    return [*earlier, last]


def scores(recorder, target_length, source_length):
    values = softmax(
        recorder.random.normal(size=(target_length, source_length))
    )
    return {
        "method": "integrated_gradients",
        "scores": encode(values - values.mean()),
    }


def model():
    return {
        "num_encoder_layers": LAYERS,
        "num_decoder_layers": LAYERS,
        "model_dim": D,
        "num_heads": H,
        "num_key_value_heads": H,
        "head_dim": K,
        "normalization": "pre",
        "vocabulary_size": len(PIECES),
        "pad_id": 0,
        "start_id": START,
        "end_id": END,
        "attention_positions": None,
    }


def encode(values):
    data = np.asarray(values, "<f4").tobytes()
    return {
        "shape": list(np.shape(values)),
        "values": base64.b64encode(data).decode("ascii"),
    }


def page(traces=None):
    """Returns the page's data: two sentences and their recorded traces."""
    traces = [trace(TIRED), trace(WIDE)] if traces is None else traces
    return {
        "texts": [each["source"]["text"] for each in traces][:2],
        "targets": [None] * len(traces[:2]),
        "traces": traces,
        "heads": None,
        "notes": [],
    }
