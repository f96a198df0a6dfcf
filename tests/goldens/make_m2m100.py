"""Writes a small model of transformers' M2M100, and its results.

Because of these files, the tests need neither torch nor transformers. To write
the files again, install both, SentencePiece and NumPy, and run from the
repository's root:

    PYTHONPATH=. python tests/goldens/make_m2m100.py

The present files were written with Python 3.11.7, NumPy 2.4.6, torch 2.13.0,
transformers 5.24.0 and sentencepiece 0.2.3 on a CPU. m2m100.npz names the
versions.
"""

import json
import platform
import shutil

import numpy as np
import sentencepiece
import torch
import transformers

from tests.goldens import make_marian_hf as marian

SIZES = {**marian.SIZES, "decoder_layers": 2}


def make(directory, random):
    """Writes the model's files; returns the model and the tokenizer."""
    directory.mkdir(parents=True)
    texts = marian.sentences(random, "en", 400)
    model = marian.learn(texts + marian.sentences(random, "fr", 400), 47)
    spm = directory / "sentencepiece.bpe.model"
    spm.write_bytes(model)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    pieces = [processor.id_to_piece(i) for i in range(processor.vocab_size())]
    tokens = ["<s>", "<pad>", "</s>", "<unk>"]
    tokens = list(dict.fromkeys([*tokens, *pieces]))
    (directory / "vocab.json").write_text(
        json.dumps({token: i for i, token in enumerate(tokens)}),
        encoding="utf-8",
    )
    tokenizer = transformers.M2M100Tokenizer(
        str(directory / "vocab.json"),
        str(spm),
        src_lang="en",
        tgt_lang="fr",
    )
    config = transformers.M2M100Config(
        **SIZES,
        # As in the real models, some ids have no token.
        vocab_size=len(tokens) + len(tokenizer.lang_code_to_id) + 8,
        attn_implementation="eager",
    )
    made = transformers.M2M100ForConditionalGeneration(config).eval()
    with torch.no_grad():
        for name, weight in made.named_parameters():
            values = random.normal(size=tuple(weight.shape))
            if name.endswith("bias"):
                values *= 0.2
            elif "layer_norm" in name:
                values = 1 + 0.2 * values
            elif "shared" in name:
                values *= 0.4
                values[config.pad_token_id] = 0
                # Makes language codes and ids without a token unlikely.
                values[len(tokens) :] *= 0.2
            else:
                values /= weight.shape[1] ** 0.5 / 3
            weight.copy_(torch.tensor(values))
    made.generation_config = transformers.GenerationConfig(
        num_beams=4,
        max_length=19,
        bad_words_ids=[[config.pad_token_id]],
        renormalize_logits=True,
        pad_token_id=config.pad_token_id,
        eos_token_id=config.eos_token_id,
        decoder_start_token_id=config.decoder_start_token_id,
    )
    made.save_pretrained(directory)
    return made, tokenizer


def main():
    random = np.random.default_rng(5)
    directory = marian.GOLDENS / "m2m100"
    shutil.rmtree(directory, ignore_errors=True)
    model, tokenizer = make(directory, random)
    model.generation_config.forced_bos_token_id = tokenizer.get_lang_id("fr")
    made = marian.answers(
        model,
        tokenizer,
        marian.sentences(random, "en", marian.COUNT),
        marian.sentences(random, "fr", marian.COUNT),
    )
    print(len(set(made["translations"].tolist())), "different")
    lengths = (made["sequences"] != model.config.pad_token_id).sum(axis=1)
    print("lengths", sorted(lengths.tolist()))
    path = marian.GOLDENS / "m2m100.npz"
    np.savez_compressed(
        path,
        **{
            "versions/python": np.array(platform.python_version()),
            "versions/numpy": np.array(np.__version__),
            "versions/torch": np.array(torch.__version__),
            "versions/transformers": np.array(transformers.__version__),
            "versions/sentencepiece": np.array(sentencepiece.__version__),
        },
        **{f"m2m100/{name}": values for name, values in made.items()},
    )
    for each in (path, *sorted(directory.iterdir())):
        print(f"{each.name}: {each.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
