"""Writes the results of transformers' MarianMTModel: marian.npz.

Because of this file, the tests need neither torch nor transformers. To write
the file again, install both and NumPy, and run from the repository's root:

    python tests/goldens/make_marian.py

The present file was written with Python 3.11.7, NumPy 2.4.6, torch 2.13.0 and
transformers 5.23.0 on a CPU. The file itself names these versions.

B batch   T target length   S source length   V vocabulary_size
"""

import pathlib
import platform

import numpy as np
import torch
import transformers

PAD_ID, END_ID, V = 0, 2, 17
# Sources of 4, 7 and 2 tokens. Each ends with the end token.
SOURCE_IDS = np.array(
    [[3, 9, 4, 2, 0, 0, 0], [16, 5, 5, 8, 11, 7, 2], [6, 2, 0, 0, 0, 0, 0]]
)
# Targets of 5, 3 and 4 tokens. Marian's decoder reads the padding id first.
TARGET_IDS = np.array([[12, 4, 9, 13, 2], [16, 3, 2, 0, 0], [8, 8, 5, 2, 0]])
TARGET_INPUT_IDS = np.pad(TARGET_IDS, ((0, 0), (1, 0)))[:, :-1]
# All sizes differ and none is a multiple. So no wrong reshape fits.
SIZES = {
    "vocab_size": V,
    "d_model": 14,
    "encoder_layers": 2,
    "decoder_layers": 3,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 11,
    "decoder_ffn_dim": 11,
    "max_position_embeddings": 23,
}
# The settings of OPUS-MT models, except for the ids and without dropout.
SETTINGS = {
    "pad_token_id": PAD_ID,
    "decoder_start_token_id": PAD_ID,
    "eos_token_id": END_ID,
    "forced_eos_token_id": END_ID,
    "activation_function": "swish",
    "scale_embedding": True,
    "static_position_embeddings": True,
    "share_encoder_decoder_embeddings": True,
    "tie_word_embeddings": True,
    "dropout": 0.0,
    "attn_implementation": "eager",
}


def draw(random, name, shape):
    """Draws one weight. Random scales and biases reveal wrong assignments.

    Queries and keys are larger than usual, because flat attention gives them
    no gradient. Biases are small, so that they do not dominate.
    """
    values = random.normal(size=shape)
    if name.endswith("bias"):
        values *= 0.1
    elif len(shape) == 2:
        values /= shape[1] ** 0.5
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            values *= 2
    if name == "model.shared.weight":
        values[PAD_ID] = 0  # Marian's decoder starts from a zero vector.
    return torch.tensor(values, dtype=torch.float32)


def compute():
    """Runs the model forwards and backwards; returns arrays by name."""
    # Some weights amplify rounding more than others. With this seed, rounding
    # errors are a third of what the tests allow. An epsilon of 1e-6 in the
    # norms changes the logits by more than twice the allowed error.
    random = np.random.default_rng(11)
    config = transformers.MarianConfig(**SIZES, **SETTINGS)
    model = transformers.MarianMTModel(config)
    # Positions are constants. A shared matrix has only one name.
    weights = {
        name: weight
        for name, weight in model.named_parameters()
        if weight.requires_grad
    }
    assert model.lm_head.weight is weights["model.shared.weight"]
    # This is a constant for transformers, but Marian trains it.
    weights["final_logits_bias"] = model.final_logits_bias.requires_grad_(True)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(draw(random, name, weight.shape))
    logits = model(
        input_ids=torch.tensor(SOURCE_IDS),
        attention_mask=torch.tensor(SOURCE_IDS != PAD_ID).long(),
        decoder_input_ids=torch.tensor(TARGET_INPUT_IDS),
    ).logits
    # Every real token has the same weight in the loss, in all rows.
    is_real = torch.tensor(TARGET_IDS != PAD_ID)
    loss = torch.nn.functional.cross_entropy(
        logits[is_real], torch.tensor(TARGET_IDS)[is_real], reduction="mean"
    )
    loss.backward()
    tensors = {"logits": logits, "loss": loss}
    for name, weight in weights.items():
        tensors[f"weights/{name}"] = weight
        tensors[f"gradients/{name}"] = weight.grad
    return {
        "versions/python": np.array(platform.python_version()),
        "versions/numpy": np.array(np.__version__),
        "versions/torch": np.array(torch.__version__),
        "versions/transformers": np.array(transformers.__version__),
        "inputs/source_ids": SOURCE_IDS,
        "inputs/target_input_ids": TARGET_INPUT_IDS,
        "inputs/target_ids": TARGET_IDS,
        **{name: tensor.detach().numpy() for name, tensor in tensors.items()},
    }


def main():
    path = pathlib.Path(__file__).with_name("marian.npz")
    np.savez_compressed(path, **compute())
    print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
