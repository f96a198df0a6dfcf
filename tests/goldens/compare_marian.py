"""Prints how translations of a run differ from those of MarianMTModel.

Run both commands from the repository's root. The first needs this package. The
second needs transformers and torch, and may run in another environment:

    PYTHONPATH=. python tests/goldens/compare_marian.py ours RUN SOURCE FOLDER
    python tests/goldens/compare_marian.py theirs FOLDER

The first command exports the run to FOLDER/model and translates 500 sentences
of SOURCE, a text or .gz file, with a beam of 4 that stops as in transformers.
The second translates them with the exported model. Sources with unknown words
are counted separately, because this package leaves out such words.
"""

import json
import pathlib
import sys

COUNT, LONGEST = 500, 128


def write_ours(run, source, folder):
    import keras_transformer as kt
    from keras_transformer.interchange import marian_export

    search = kt.search.BeamSearch(
        4, 2, alpha=1.0, penalty="average", stopping="current_length"
    )
    loaded = kt.load_translator(run)
    translator = kt.Translator(
        loaded.model,
        loaded.tokenizer,
        search,
        target_tokenizer=loaded.target_tokenizer,
        lengths=kt.translation.Lengths(ratio=0, extra=LONGEST - 1),
    )
    texts = [
        text
        for text in kt.data.read_lines(source)
        if not kt.text.is_blank(text)
    ][:COUNT]
    folder.mkdir(parents=True, exist_ok=True)
    marian_export.write(run, folder / "model")
    best = [
        [(each.text, each.score) for each in hypotheses]
        for hypotheses in translator.hypotheses(texts)
    ]
    whole = loaded.tokenizer.encode(texts).to_list()
    read = loaded.tokenizer.encode_source(texts).to_list()
    is_known = [a == b for a, b in zip(whole, read, strict=True)]
    content = {"texts": texts, "best": best, "is_known": is_known}
    (folder / "ours.json").write_text(json.dumps(content), encoding="utf-8")


def compare_theirs(folder):
    import transformers

    content = json.loads((folder / "ours.json").read_text(encoding="utf-8"))
    model = transformers.MarianMTModel.from_pretrained(folder / "model").eval()
    tokenizer = transformers.MarianTokenizer.from_pretrained(folder / "model")
    equal = ties = 0
    largest = 0.0
    for start in range(0, COUNT, 50):
        inputs = tokenizer(
            content["texts"][start : start + 50],
            return_tensors="pt",
            padding=True,
        )
        output = model.generate(
            **inputs,
            num_beams=4,
            length_penalty=1.0,
            early_stopping=False,
            renormalize_logits=False,
            max_length=LONGEST,
            output_scores=True,
            return_dict_in_generate=True,
        )
        found = tokenizer.batch_decode(
            output.sequences, skip_special_tokens=True
        )
        for text, score, best, is_known in zip(
            found,
            output.sequences_scores.tolist(),
            content["best"][start : start + 50],
            content["is_known"][start : start + 50],
            strict=True,
        ):
            if not is_known:
                continue
            if text == best[0][0]:
                equal += 1
                largest = max(largest, abs(score - best[0][1]))
            elif len(best) > 1 and abs(best[0][1] - best[1][1]) < 1e-5:
                ties += 1
            else:
                print(f"ours: {best[0]}\ntheirs: {text!r}, {score}")
    print(
        f"{equal} of {sum(content['is_known'])} equal, {ties} ties; scores of "
        f"equal ones differ by {largest:.1e} at most; "
        f"{content['is_known'].count(False)} sources with unknown words"
    )


if __name__ == "__main__":
    if sys.argv[1] == "ours":
        write_ours(*sys.argv[2:4], pathlib.Path(sys.argv[4]))
    else:
        compare_theirs(pathlib.Path(sys.argv[2]))
