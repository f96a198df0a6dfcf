"""Prints how translations of a run differ from those of its exports.

With ctranslate2 and this package installed, from the repository's root:

    PYTHONPATH=. python tests/goldens/compare_ctranslate2.py RUN SOURCE [COUNT]

The program exports the run in each type. Then this package and CTranslate2
translate the first sentences of SOURCE, a text or .gz file, with a beam of 4.
Scores are means over the tokens. Equal means: the same tokens.
"""

import pathlib
import sys
import tempfile

import ctranslate2
import tensorflow as tf

import keras_transformer as kt
from keras_transformer.interchange import ctranslate2_export, ctranslate2_import

SEARCH = kt.search.BeamSearch(
    4,
    2,
    alpha=1.0,
    penalty="average",
    constraints=kt.search.Constraints(normalized_over="allowed"),
    stopping="full",
)


def pieces_of(translator, texts):
    """Returns the tokens of each source, as CTranslate2 reads them."""
    tokenizer = translator.tokenizer
    ids = tokenizer.encode_source(tf.constant(texts)).to_list()
    return [tokenizer.pieces(row) for row in ids]


def compare(name, end, theirs, ours, is_tie):
    """Prints the number of equal translations, and how scores differ."""
    equal = different = ties = 0
    largest = 0.0
    for their_best, best, tie in zip(theirs, ours, is_tie, strict=True):
        tokens = [token for token in best.tokens if token != end]
        if their_best.hypotheses[0] == tokens:
            equal += 1
            largest = max(largest, abs(their_best.scores[0] - best.score))
        elif tie:
            ties += 1
        else:
            different += 1
    print(
        f"{name}: {equal} of {len(ours)} equal, {ties} ties, {different} "
        f"different; scores of equal ones differ by {largest:.1e} at most"
    )


def main():
    run, source, *count = sys.argv[1:]
    count = int(count[0]) if count else 500
    texts = [
        text
        for text in kt.data.read_lines(source)
        if not kt.text.is_blank(text)
    ][:count]
    translator = kt.load_translator(run, SEARCH)
    translator = kt.Translator(
        translator.model,
        translator.tokenizer,
        SEARCH,
        target_tokenizer=translator.target_tokenizer,
        lengths=kt.translation.Lengths(**ctranslate2_import.LENGTHS),
    )
    target = translator.target_tokenizer
    end = target.pieces([target.special_ids.end])[0]
    hypotheses = translator.hypotheses(texts)
    ours = [each[0] for each in hypotheses]
    is_tie = [abs(a.score - b.score) < 1e-5 for a, b in hypotheses]
    tokens = pieces_of(translator, texts)
    with tempfile.TemporaryDirectory() as folder:
        for quantization in (None, *ctranslate2_export.QUANTIZATIONS):
            name = quantization or "float32"
            directory = pathlib.Path(folder) / name
            ctranslate2_export.write(run, directory, quantization)
            for compute_type in dict.fromkeys(("float32", name)):
                if compute_type not in ("float32", "int8"):
                    # Not every processor can compute in the other types.
                    continue
                theirs = ctranslate2.Translator(
                    str(directory), compute_type=compute_type
                ).translate_batch(tokens, beam_size=4, return_scores=True)
                compare(f"{name} as {compute_type}", end, theirs, ours, is_tie)


if __name__ == "__main__":
    main()
