"""Writes small models of transformers' mBART and NLLB, and their results.

Because of these files, the tests need neither torch nor transformers. To write
the files again, install both, SentencePiece and NumPy, and run from the
repository's root:

    PYTHONPATH=. python tests/goldens/make_languages.py

The present files were written with Python 3.11.7, NumPy 2.4.6, torch 2.13.0,
transformers 5.24.0 and sentencepiece 0.2.3 on a CPU. languages.npz names the
versions.

The ids of texts are those of SentencePiece with fairseq's numbering. Before
version 5, the tokenizers of transformers had these ids. The program prints how
many texts get other ids from the tokenizers of version 5.
"""

import io
import json
import pathlib
import platform
import shutil

import numpy as np
import sentencepiece
import torch
import transformers
from transformers.models.mbart import tokenization_mbart
from transformers.models.mbart50 import tokenization_mbart50
from transformers.models.nllb import tokenization_nllb

from tests.goldens import make_marian_hf as marian

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
PAD, END = 1, 2
# The language codes of a model, and the codes of source and target.
LANGUAGES = {
    "mbart": (tokenization_mbart.FAIRSEQ_LANGUAGE_CODES, "en_XX", "fr_XX"),
    "mbart50": (tokenization_mbart50.FAIRSEQ_LANGUAGE_CODES, "en_XX", "fr_XX"),
    "nllb": (tokenization_nllb.FAIRSEQ_LANGUAGE_CODES, "eng_Latn", "fra_Latn"),
}
CLASSES = {
    "mbart": transformers.MBartTokenizer,
    "mbart50": transformers.MBart50Tokenizer,
    "nllb": transformers.NllbTokenizer,
}
# A bias for each model that makes the end token more likely.
ENDING = {"mbart": 0.5, "mbart50": 4.5, "nllb": 3.0}
SIZES = {**marian.SIZES, "decoder_layers": 2, "forced_eos_token_id": None}


def learn(texts, kind):
    """Trains a SentencePiece model with the special ids that fairseq needs."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        vocab_size=61,
        model_type=kind,
        # The rules of nmt_nfkc would take a quarter of a megabyte.
        normalization_rule_name="identity",
        unk_id=0,
        bos_id=1,
        eos_id=2,
        minloglevel=2,
    )
    return model.getvalue()


class Ids:
    """Converts texts to ids with fairseq's numbering and language codes."""

    def __init__(self, name, model):
        self.codes, self.source, self.target = LANGUAGES[name]
        self.is_behind = name == "mbart"
        self.processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        count = self.processor.vocab_size()
        pieces = [self.processor.id_to_piece(i) for i in range(3, count)]
        self.tokens = [*SPECIAL, *pieces, *self.codes, "<mask>"]

    def code(self, language):
        return self.tokens.index(language)

    def of(self, text, language):
        ids = [i + 1 if i else 3 for i in self.processor.encode(text)]
        code = self.code(language)
        return [*ids, END, code] if self.is_behind else [code, *ids, END]

    def padded(self, texts, language):
        rows = [self.of(text, language) for text in texts]
        length = max(map(len, rows))
        return torch.tensor([row + [PAD] * (length - len(row)) for row in rows])

    def text(self, row):
        skipped = {*SPECIAL, *self.codes, "<mask>"}
        tokens = [self.tokens[i] for i in row if self.tokens[i] not in skipped]
        return "".join(tokens).replace("\u2581", " ").strip()


def draw(random, model, num_tokens, ending):
    """Draws weights; translations differ, and `ending` makes them end."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            values = random.normal(size=tuple(weight.shape))
            if name.endswith("bias"):
                values *= 0.2
            elif "norm" in name:
                values = 1 + 0.2 * values
            elif "shared" in name:
                values *= 0.4
                values[PAD] = 0
                # Makes language codes and ids without a token unlikely.
                values[num_tokens:] *= 0.2
            elif "positions" in name:
                values *= 0.5
            else:
                values /= weight.shape[1] ** 0.5 / 3
            weight.copy_(torch.tensor(values))
        if hasattr(model, "final_logits_bias"):
            bias = 0.5 * random.normal(size=model.final_logits_bias.shape)
            bias[0, END] = ending
            model.final_logits_bias.copy_(torch.tensor(bias))
        else:
            shift = model.model.decoder.layer_norm.bias
            model.model.shared.weight[END] += ending * shift


def make(name, directory, random):
    """Writes the model's files; returns the model and its ids."""
    directory.mkdir(parents=True)
    texts = marian.sentences(random, "en", 400)
    model = learn(
        texts + marian.sentences(random, "fr", 400),
        "bpe" if name == "nllb" else "unigram",
    )
    (directory / "sentencepiece.bpe.model").write_bytes(model)
    (directory / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": CLASSES[name].__name__})
    )
    ids = Ids(name, model)
    sizes = {
        **SIZES,
        "vocab_size": len(ids.tokens) + 3,
        "attn_implementation": "eager",
        "decoder_start_token_id": ids.code(ids.target)
        if name == "mbart"
        else END,
    }
    if name == "nllb":
        config = transformers.M2M100Config(**sizes, scale_embedding=True)
        made = transformers.M2M100ForConditionalGeneration(config).eval()
    else:
        config = transformers.MBartConfig(
            **sizes, scale_embedding=name == "mbart50"
        )
        made = transformers.MBartForConditionalGeneration(config).eval()
    draw(random, made, len(ids.tokens) - len(ids.codes) - 1, ENDING[name])
    made.generation_config = transformers.GenerationConfig(
        num_beams=4,
        max_length=19,
        bad_words_ids=[[PAD]],
        # This package bans the start code of mBART-25. In transformers its
        # probability counts.
        renormalize_logits=name != "mbart",
        pad_token_id=PAD,
        eos_token_id=END,
        decoder_start_token_id=config.decoder_start_token_id,
    )
    made.save_pretrained(directory)
    return made, ids


def answers(name, model, ids, texts, targets):
    """Returns ids, encoder states, logits and beam search translations."""
    source = ids.padded(texts, ids.source)
    if name == "mbart":
        # The decoder starts with the code. So the code is not in the target.
        target = ids.padded(targets, ids.target)
        code = ids.code(ids.target)
        target = torch.where(target == code, PAD, target)[:, :-1]
        forced = None
    else:
        target = ids.padded(targets, ids.target)
        forced = ids.code(ids.target)
    start = torch.full((len(texts), 1), model.config.decoder_start_token_id)
    inputs = {"input_ids": source, "attention_mask": (source != PAD).long()}
    with torch.no_grad():
        outputs = model(
            **inputs,
            decoder_input_ids=torch.cat([start, target[:, :-1]], dim=1),
        )
        generated = model.generate(
            **inputs,
            forced_bos_token_id=forced,
            output_scores=True,
            return_dict_in_generate=True,
        )
    few = slice(0, 7)
    return {
        "source_ids": source.numpy(),
        "target_ids": target.numpy(),
        "memory": outputs.encoder_last_hidden_state[few].numpy(),
        "logits": outputs.logits[few].numpy(),
        "sequences": generated.sequences.numpy(),
        "scores": generated.sequences_scores.numpy(),
        "texts": np.array(texts),
        "targets": np.array(targets),
        "translations": np.array(
            [ids.text(row) for row in generated.sequences.tolist()]
        ),
    }


def other_ids(name, directory, ids, texts):
    """Counts texts to which version 5 of transformers gives other ids.

    Language codes are left out, because the tokenizer of NLLB does not know
    them in a directory without `tokenizer.json`.
    """
    tokenizer = CLASSES[name].from_pretrained(directory, src_lang=ids.source)
    around = {END, ids.code(ids.source)}
    return sum(
        tokenizer(text, add_special_tokens=False).input_ids
        != [i for i in ids.of(text, ids.source) if i not in around]
        for text in texts
    )


def main():
    content = {
        "versions/python": np.array(platform.python_version()),
        "versions/numpy": np.array(np.__version__),
        "versions/torch": np.array(torch.__version__),
        "versions/transformers": np.array(transformers.__version__),
        "versions/sentencepiece": np.array(sentencepiece.__version__),
    }
    folder = pathlib.Path(marian.GOLDENS) / "languages"
    shutil.rmtree(folder, ignore_errors=True)
    for number, name in enumerate(LANGUAGES):
        random = np.random.default_rng(number)
        directory = folder / name
        model, ids = make(name, directory, random)
        texts = marian.sentences(random, "en", marian.COUNT)
        targets = marian.sentences(random, "fr", marian.COUNT)
        made = answers(name, model, ids, texts, targets)
        lengths = (made["sequences"] != PAD).sum(axis=1)
        print(name, "lengths", sorted(lengths.tolist()))
        print(name, len(set(made["translations"].tolist())), "different")
        print(name, other_ids(name, directory, ids, texts), "with other ids")
        content |= {f"{name}/{key}": value for key, value in made.items()}
    np.savez_compressed(folder.with_suffix(".npz"), **content)
    for each in (folder.with_suffix(".npz"), *sorted(folder.glob("*/*"))):
        print(f"{each.relative_to(folder.parent)}: {each.stat().st_size:,}")


if __name__ == "__main__":
    main()
