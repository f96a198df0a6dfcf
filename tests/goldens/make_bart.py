"""Writes a small model of transformers' BART, and its results.

Because of these files, the tests need neither torch nor transformers. To write
the files again, install both, tokenizers and NumPy, and run from the
repository's root:

    PYTHONPATH=. python tests/goldens/make_bart.py

The present files were written with Python 3.11.7, NumPy 2.4.6, torch 2.13.0,
transformers 5.24.0 and tokenizers 0.23.3 on a CPU. bart.npz names the
versions.
"""

import platform
import shutil

import numpy as np
import tokenizers
import torch
import transformers

from tests.goldens import make_marian_hf as marian

BEGIN, PAD, END = 0, 1, 2
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
# Characters and strings that are hard to split into tokens.
CHARACTERS = (
    *"aab bcd's't 'll'  \t\n\r\u00a0\u3000.,!?'12\u00b2\u0661",
    *("\u00e9", "e\u0301", "\u732b", "\U0001f600", "\u2028", "\u1680", "\x1c"),
    *("'re", "n't", "'S", " the", "  ", "\n\n", " \n ", "cat"),
)
HARD = (
    *("", " ", "  ", "a", " a", "a ", "  a", "a  b", "a\n\nb", "a \n b", "\n"),
    *("it's", "it 's", "'s", "!'s", "  's", "'sss", "'ll've", "IT'S", "don't."),
    *("aaaaaaa", "1,000 cats", "x\u00b2", "caf\u00e9", "\u732b\u72ac", "a\tb"),
)


def make(directory, random):
    """Writes the model's files; returns the model and the tokenizer."""
    directory.mkdir(parents=True)
    texts = [
        text
        for language in ("en", "fr")
        for text in marian.sentences(random, language, 400)
    ]
    made = tokenizers.ByteLevelBPETokenizer()
    made.train_from_iterator(
        texts, vocab_size=311, special_tokens=SPECIAL, show_progress=False
    )
    made.save_model(str(directory))
    tokenizer = transformers.BartTokenizer.from_pretrained(directory)
    config = transformers.BartConfig(
        **marian.SIZES,
        vocab_size=made.get_vocab_size() + 3,
        attn_implementation="eager",
        forced_eos_token_id=None,
    )
    model = transformers.BartForConditionalGeneration(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            values = random.normal(size=tuple(weight.shape))
            if name.endswith("bias"):
                values *= 0.2
            elif "norm" in name:
                values = 1 + 0.2 * values
            elif "shared" in name:
                values *= 0.5
                values[PAD] = 0
                # Most single bytes are not valid text, so they are less likely.
                values[5:261] *= 0.5
            elif "positions" in name:
                values *= 0.5
            else:
                values /= weight.shape[1] ** 0.5 / 2.2
            weight.copy_(torch.tensor(values))
        bias = 0.5 * random.normal(size=tuple(model.final_logits_bias.shape))
        bias[0, END] = 5.0
        model.final_logits_bias.copy_(torch.tensor(bias))
    model.generation_config = transformers.GenerationConfig(
        num_beams=4,
        max_length=19,
        bad_words_ids=[[PAD]],
        renormalize_logits=True,
        pad_token_id=PAD,
        eos_token_id=END,
        forced_bos_token_id=BEGIN,
        decoder_start_token_id=END,
    )
    model.save_pretrained(directory)
    return model, tokenizer


def hard_texts(random):
    return [
        *HARD,
        *(
            "".join(random.choice(CHARACTERS, random.integers(1, 13)))
            for _ in range(200)
        ),
    ]


def main():
    random = np.random.default_rng(7)
    directory = marian.GOLDENS / "bart"
    shutil.rmtree(directory, ignore_errors=True)
    model, tokenizer = make(directory, random)
    made = marian.answers(
        model,
        tokenizer,
        marian.sentences(random, "en", marian.COUNT),
        marian.sentences(random, "fr", marian.COUNT),
    )
    hard = hard_texts(random)
    rows = [
        tokenizer(text, add_special_tokens=False).input_ids for text in hard
    ]
    made |= {
        # Each text is followed by a character that is in no text.
        "hard_texts": np.array("".join(f"{text}\x7f" for text in hard)),
        "hard_lengths": np.array([len(row) for row in rows]),
        "hard_ids": np.array([i for row in rows for i in row], "int32"),
    }
    print(len(set(made["translations"].tolist())), "different")
    lengths = (made["sequences"] != PAD).sum(axis=1)
    print("lengths", sorted(lengths.tolist()))
    path = marian.GOLDENS / "bart.npz"
    np.savez_compressed(
        path,
        **{
            "versions/python": np.array(platform.python_version()),
            "versions/numpy": np.array(np.__version__),
            "versions/torch": np.array(torch.__version__),
            "versions/transformers": np.array(transformers.__version__),
            "versions/tokenizers": np.array(tokenizers.__version__),
        },
        **{f"bart/{name}": values for name, values in made.items()},
    )
    for each in (path, *sorted(directory.iterdir())):
        print(f"{each.name}: {each.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
