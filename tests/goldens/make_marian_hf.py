"""Writes small models of transformers' MarianMTModel, and their results.

Because of these files, the tests need neither torch nor transformers. To write
the files again, install both, SentencePiece and NumPy, and run from the
repository's root:

    python tests/goldens/make_marian_hf.py

The present files were written with Python 3.11.7, NumPy 2.4.6, torch 2.13.0,
transformers 5.24.0 and sentencepiece 0.2.3 on a CPU. marian_hf.npz names the
versions.

`save_pretrained` wrote each directory. "shared" has one vocabulary with
language tags, and its weights are in safetensors. "separate" has two
vocabularies, and its weights are in pytorch_model.bin.
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

GOLDENS = pathlib.Path(__file__).parent
COUNT = 100
# All sizes differ and none is a multiple. So no wrong reshape fits.
SIZES = {
    "d_model": 12,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "encoder_attention_heads": 3,
    "decoder_attention_heads": 3,
    "encoder_ffn_dim": 17,
    "decoder_ffn_dim": 17,
    "max_position_embeddings": 64,
}
GENERATION = {
    "shared": {"num_beams": 4, "renormalize_logits": True, "max_length": 24},
    "separate": {
        "num_beams": 4,
        "early_stopping": True,
        "length_penalty": 0.6,
        "max_length": 20,
    },
}
TAGS = [">>fra<<", ">>deu<<"]
WORDS = {
    "en": "the a cat dog animal street house big small tired sleeps sees was "
    "because it didn't cross and on in".split(),
    "fr": "le la un une chat chien animal rue maison grand petit fatigué dort "
    "voit était parce qu'il n'a pas traversé et sur dans".split(),
}


def sentences(random, language, count):
    words = WORDS[language]
    return [
        " ".join(random.choice(words, random.integers(1, 9))) + "."
        for _ in range(count)
    ]


def learn(texts, size=37):
    """Trains a SentencePiece unigram model."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        vocab_size=size,
        # The rules of nmt_nfkc would take a quarter of a megabyte.
        normalization_rule_name="identity",
        bos_id=-1,
        eos_id=0,
        unk_id=1,
        minloglevel=2,
    )
    return model.getvalue()


def vocabulary(*models, tags=()):
    """Returns ids by token: end, unknown, all models' pieces, tags, padding."""
    tokens = ["</s>", "<unk>"]
    for model in models:
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        tokens += [
            processor.id_to_piece(i) for i in range(processor.vocab_size())
        ]
    tokens = list(dict.fromkeys([*tokens, *tags, "<pad>"]))
    return {token: i for i, token in enumerate(tokens)}


def draw(random, model, pad_id, end_id):
    """Draws weights with which translations differ and end."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if not weight.requires_grad:
                continue  # Positions are constants.
            values = random.normal(size=tuple(weight.shape))
            if name.endswith("bias"):
                values *= 0.2
            elif "layer_norm" in name:
                values = 1 + 0.2 * values
            elif "shared" in name or "embed" in name or "lm_head" in name:
                values *= 0.7
                values[pad_id] = 0
            else:
                values /= weight.shape[1] ** 0.5 / 2.2
            weight.copy_(torch.tensor(values))
        bias = 0.5 * random.normal(size=tuple(model.final_logits_bias.shape))
        bias[0, end_id] = 3.5 if len(bias[0]) > 60 else 1.5
        model.final_logits_bias.copy_(torch.tensor(bias))


def make(name, directory, random):
    """Writes one directory; returns the model and the tokenizer."""
    is_shared = name == "shared"
    models = [
        learn(sentences(random, language, 400)) for language in ("en", "fr")
    ]
    directory.mkdir(parents=True)
    for side, model in zip(("source", "target"), models, strict=True):
        (directory / f"{side}.spm").write_bytes(model)
    if is_shared:
        tables = [vocabulary(*models, tags=TAGS)]
    else:
        tables = [vocabulary(model) for model in models]
    for file, table in zip(("vocab", "target_vocab"), tables, strict=False):
        (directory / f"{file}.json").write_text(
            json.dumps(table, ensure_ascii=False), encoding="utf-8"
        )
    pad_id, end_id = tables[0]["<pad>"], tables[0]["</s>"]
    if not is_shared:
        assert pad_id == tables[1]["<pad>"]
    tokenizer = transformers.MarianTokenizer(
        str(directory / "source.spm"),
        str(directory / "target.spm"),
        str(directory / "vocab.json"),
        target_vocab_file=None
        if is_shared
        else str(directory / "target_vocab.json"),
        separate_vocabs=not is_shared,
    )
    config = transformers.MarianConfig(
        **SIZES,
        vocab_size=len(tables[0]),
        decoder_vocab_size=len(tables[-1]),
        pad_token_id=pad_id,
        eos_token_id=end_id,
        forced_eos_token_id=None,
        decoder_start_token_id=pad_id,
        activation_function="swish" if is_shared else "relu",
        scale_embedding=is_shared,
        share_encoder_decoder_embeddings=is_shared,
        tie_word_embeddings=is_shared,
        attn_implementation="eager",
    )
    model = transformers.MarianMTModel(config).eval()
    draw(random, model, pad_id, end_id)
    model.generation_config = transformers.GenerationConfig(
        bad_words_ids=[[pad_id]],
        pad_token_id=pad_id,
        eos_token_id=end_id,
        decoder_start_token_id=pad_id,
        **GENERATION[name],
    )
    model.config.save_pretrained(directory)
    model.generation_config.save_pretrained(directory)
    if is_shared:
        model.save_pretrained(directory)
    else:
        torch.save(model.state_dict(), directory / "pytorch_model.bin")
    return model, tokenizer


def answers(model, tokenizer, texts, targets):
    """Returns ids, encoder states, logits and beam search translations."""
    inputs = tokenizer(texts, return_tensors="pt", padding=True)
    labels = tokenizer(text_target=targets, return_tensors="pt", padding=True)
    start = torch.full((len(texts), 1), model.config.decoder_start_token_id)
    decoder_ids = torch.cat([start, labels.input_ids[:, :-1]], dim=1)
    with torch.no_grad():
        outputs = model(**inputs, decoder_input_ids=decoder_ids)
        generated = model.generate(
            **inputs, output_scores=True, return_dict_in_generate=True
        )
    translations = tokenizer.batch_decode(
        generated.sequences, skip_special_tokens=True
    )
    few = slice(0, 7)
    return {
        "source_ids": inputs.input_ids.numpy(),
        "target_ids": labels.input_ids.numpy(),
        "memory": outputs.encoder_last_hidden_state[few].numpy(),
        "logits": outputs.logits[few].numpy(),
        "sequences": generated.sequences.numpy(),
        "scores": generated.sequences_scores.numpy(),
        "texts": np.array(texts),
        "targets": np.array(targets),
        "translations": np.array(translations),
    }


def main():
    content = {
        "versions/python": np.array(platform.python_version()),
        "versions/numpy": np.array(np.__version__),
        "versions/torch": np.array(torch.__version__),
        "versions/transformers": np.array(transformers.__version__),
        "versions/sentencepiece": np.array(sentencepiece.__version__),
    }
    for number, name in enumerate(("shared", "separate")):
        random = np.random.default_rng(number)
        directory = GOLDENS / "marian_hf" / name
        shutil.rmtree(directory, ignore_errors=True)
        model, tokenizer = make(name, directory, random)
        texts = sentences(random, "en", COUNT)
        if name == "shared":
            texts = [
                f"{TAGS[i % 2]} {text}" if i % 3 else text
                for i, text in enumerate(texts)
            ]
        # The vocabulary has no piece for this character.
        texts[-1] = texts[-1].replace(" ", " \u732b ")
        made = answers(model, tokenizer, texts, sentences(random, "fr", COUNT))
        lengths = (made["sequences"] != model.config.pad_token_id).sum(axis=1)
        print(name, "lengths", sorted(lengths.tolist()))
        print(name, len(set(made["translations"].tolist())), "different")
        content |= {f"{name}/{key}": value for key, value in made.items()}
    # A file in the format of torch before 1.6.
    torch.save(
        {"a": torch.arange(7), "b": torch.ones(3, 5)[:, 1:3].half()},
        GOLDENS / "marian_hf" / "before_1_6.bin",
        _use_new_zipfile_serialization=False,
    )
    np.savez_compressed(GOLDENS / "marian_hf.npz", **content)
    for each in (
        GOLDENS / "marian_hf.npz",
        *sorted(GOLDENS.glob("marian_hf/**/*.*")),
    ):
        print(f"{each.relative_to(GOLDENS)}: {each.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
