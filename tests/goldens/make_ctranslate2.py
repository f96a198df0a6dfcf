"""Writes small models of CTranslate2, and its results: ctranslate2.json.

Because of these files, the tests need no CTranslate2. To write the files again,
install ctranslate2, torch and NumPy, and run from the repository's root:

    python tests/goldens/make_ctranslate2.py TRANSLITERATION

TRANSLITERATION is the directory of the model aren-transliteration, from the
test data of CTranslate2. The present files were written with Python 3.11.7,
NumPy 2.4.6, torch 2.13.0 (CTranslate2 needs torch to write bfloat16) and
ctranslate2 4.8.5 on a CPU. ctranslate2.json names the versions.
"""

import json
import pathlib
import platform
import shutil
import sys

import ctranslate2
import numpy as np
from ctranslate2.specs import common_spec, transformer_spec

GOLDENS = pathlib.Path(__file__).parent
# All sizes differ and none is a multiple. So no wrong reshape fits.
D, F, LAYERS, HEADS, LONGEST = 8, 13, (1, 2), 2, 7
SHARED = ["<blank>", "<s>", "</s>", "<unk>", *"abcdefghijklm"]
TARGET = ["<blank>", "<s>", "</s>", "<unk>", *"nopqrstuvw"]
# A vocabulary without padding token, and with other unknown and end ids.
NO_PADDING = ["</s>", "<unk>", *"abcdefghi"]
# The words of CTranslate2's own test of this model, translator_test.cc.
WORDS = ["آتزمون", "آتشيسون", "آربكسط", "آرباك", "آزا", "آزاكا"]


def draw(random, spec, vocabulary_sizes, num_positions):
    """Sets all missing arrays of a spec to random numbers."""
    source_size, target_size = vocabulary_sizes

    def shape_of(name):
        parts = name.split("/")
        last, layer = parts[-2:][-1], parts[-2]
        if last in ("gamma", "beta"):
            return (D,)
        if layer == "encodings" or last == "encodings":
            return (num_positions, D)
        if "embeddings" in layer:
            return (source_size if parts[0] == "encoder" else target_size, D)
        if layer == "projection":
            return (target_size, D)
        if "ffn" in parts:
            return (D, F) if layer == "linear_1" else (F, D)
        rows = {
            ("self_attention", "linear_0"): 3 * D,
            ("attention", "linear_1"): 2 * D,
        }.get((parts[-3], layer), D)
        return (rows, D)

    def visit(layer, name, value):
        last = name.split("/")[-1]
        is_bias = last == "bias" and value == "__optional"
        if value is not None and not is_bias:
            return
        shape = shape_of(name)
        shape = shape[:1] if is_bias else shape
        values = random.normal(size=shape)
        if is_bias or last == "beta":
            values *= 0.3
        if last == "gamma":
            values = 1 + 0.3 * values
        if "projection" in name and not is_bias:
            values *= 1.5
        setattr(layer, last, values.astype("float32"))

    spec._visit(visit)


def make(name, random):
    """Returns a spec, its quantization and its vocabularies."""
    settings = {
        "pre_norm": dict(pre_norm=True),
        "post_norm": dict(
            pre_norm=False, activation=common_spec.Activation.SWISH
        ),
        "gated": dict(
            pre_norm=True,
            activation=common_spec.Activation.GELU,
            ffn_glu=True,
            rms_norm=True,
        ),
        "zero_start": dict(pre_norm=True),
    }[name]
    spec = transformer_spec.TransformerSpec.from_config(
        LAYERS, HEADS, **settings
    )
    source = target = SHARED
    quantization = {
        "pre_norm": "int8",
        "post_norm": "float16",
        "gated": "int16",
        "zero_start": "bfloat16",
    }[name]
    if name == "pre_norm":
        spec.config.add_source_eos = True
    if name == "post_norm":
        target = TARGET
        for stack in (spec.encoder, spec.decoder):
            stack.position_encodings.encodings = None
            stack.scale_embeddings = False
        spec.config.decoder_start_token = "</s>"
        spec.config.layer_norm_epsilon = 1e-3
        spec.config.add_source_bos = True
    if name == "zero_start":
        source = target = NO_PADDING
        spec.decoder.start_from_zero_embedding = True
        spec.config.decoder_start_token = "</s>"
        spec.config.add_source_eos = True
    draw(random, spec, (len(source), len(target)), num_positions=29)
    if name == "pre_norm":
        # One matrix is used in three places, so that the file has aliases.
        matrix = spec.encoder.embeddings[0].weight
        spec.decoder.embeddings.weight = matrix.copy()
        spec.decoder.projection.weight = matrix.copy()
    if name == "zero_start":
        matrix = spec.decoder.embeddings.weight
        spec.decoder.projection.weight = matrix.copy()
    # The biases make translations consist of letters, and make them end.
    bias = spec.decoder.projection.bias
    for i, token in enumerate(target):
        if token == "</s>":
            bias[i] += 2.5
        elif token.startswith("<"):
            bias[i] = -30
    spec.register_source_vocabulary(source)
    spec.register_target_vocabulary(target)
    return spec, quantization, source, target


def answers(directory, random, source, target):
    """Returns CTranslate2's results, with the file's weights as float32."""
    translator = ctranslate2.Translator(
        str(directory), compute_type="float32", intra_threads=1
    )

    def texts(tokens, count):
        letters = [token for token in tokens if len(token) == 1]
        return [
            random.choice(letters, random.integers(1, LONGEST)).tolist()
            for _ in range(count)
        ]

    sources, targets = texts(source, 17), texts(target, 17)
    scored = translator.score_batch(sources, targets)
    found = translator.translate_batch(
        sources,
        beam_size=3,
        num_hypotheses=3,
        return_scores=True,
        max_decoding_length=11,
    )
    return {
        "sources": [" ".join(text) for text in sources],
        "targets": [" ".join(text) for text in targets],
        "log_probs": [each.log_probs for each in scored],
        "n_best": n_best(found),
    }


def n_best(found):
    """Returns pairs of text and score for each source, best first."""
    return [
        [
            [" ".join(tokens), score]
            for tokens, score in zip(each.hypotheses, each.scores, strict=True)
        ]
        for each in found
    ]


def transliterate(directory, random):
    """Transliterates 200 strings of Arabic letters, and the words `WORDS`."""
    letters = [chr(code) for code in range(0x0627, 0x064B) if code != 0x0640]
    letters = [x for x in letters if not 0x063B <= ord(x) <= 0x063F]
    sources = [list(word) for word in WORDS] + [
        random.choice(letters, random.integers(2, 14)).tolist()
        for _ in range(200)
    ]
    translator = ctranslate2.Translator(
        directory, compute_type="float32", intra_threads=1
    )
    found = translator.translate_batch(
        sources, beam_size=4, num_hypotheses=4, return_scores=True
    )
    return {
        "sources": [" ".join(source) for source in sources],
        "n_best": n_best(found),
    }


def main():
    content = {
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "ctranslate2": ctranslate2.__version__,
        },
        "transliteration": transliterate(sys.argv[1], np.random.default_rng(7)),
    }
    for number, name in enumerate(
        ("pre_norm", "post_norm", "gated", "zero_start")
    ):
        random = np.random.default_rng(number)
        spec, quantization, source, target = make(name, random)
        spec.validate()
        spec.optimize(quantization)
        directory = GOLDENS / "ctranslate2" / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        spec.save(str(directory))
        content[name] = answers(directory, random, source, target)
    path = GOLDENS / "ctranslate2.json"
    path.write_text(
        json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    for each in (path, *sorted(GOLDENS.glob("ctranslate2/*/*"))):
        print(f"{each.relative_to(GOLDENS)}: {each.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
