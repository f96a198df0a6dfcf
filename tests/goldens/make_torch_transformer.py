"""Writes results of torch.nn.Transformer: torch_transformer_{pre,post}.npz.

Because of these files, the tests need no torch. To write the files again,
install torch and NumPy, and run from the repository's root:

    python tests/goldens/make_torch_transformer.py

The present files were written with Python 3.11.7, NumPy 2.4.6 and torch 2.13.0
on a CPU. Each file itself names these versions.

B batch   T target length   S source length   D model_dim   H heads
F feed_forward_dim
"""

import pathlib
import platform

import numpy as np
import torch

# All sizes differ and none is a multiple. So no wrong reshape fits.
B, T, S, D, H, F = 3, 5, 7, 14, 2, 11
ENCODER_LAYERS, DECODER_LAYERS = 2, 3
# True for a token, False for padding. Rows have padding on either side.
SOURCE_IS_REAL = np.array(
    [[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1, 1]], bool
)
# A causal query never attends to padding on the right. The hole in the last row
# shows whether the target's mask is used. A row cannot begin with padding: its
# first query would have no key, and torch returns NaN.
TARGET_IS_REAL = np.array(
    [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 1, 0, 1, 1]], bool
)
KINDS = {
    "pre": {"norm_first": True, "activation": "gelu"},
    "post": {"norm_first": False, "activation": "relu"},
}


def draw(random, name, shape):
    """Draws one weight. Random scales and biases reveal wrong assignments.

    Gradients are of size one, so rounding stays far below what the tests allow.
    The inputs of norms are so small that their epsilon matters. Attention is
    not flat, because flat attention has no gradient.
    """
    values = random.normal(size=shape)
    if len(shape) == 2:
        values /= shape[1] ** 0.5
        if name.endswith("in_proj_weight"):
            values[: 2 * D] *= 1.5  # Queries and keys.
    elif name.endswith("bias"):
        values *= 0.1
    else:
        values *= 0.7
    return torch.tensor(values, dtype=torch.float32)


def compute(kind):
    """Runs the model forwards and backwards; returns arrays by name."""
    random = np.random.default_rng(0)
    model = torch.nn.Transformer(
        d_model=D,
        nhead=H,
        num_encoder_layers=ENCODER_LAYERS,
        num_decoder_layers=DECODER_LAYERS,
        dim_feedforward=F,
        dropout=0.0,
        layer_norm_eps=1e-5,
        batch_first=True,
        **KINDS[kind],
    )
    weights = dict(model.named_parameters())
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(draw(random, name, weight.shape))
    source, target, cotangent = (
        torch.tensor(random.normal(size=shape) * size, dtype=torch.float32)
        for shape, size in (
            ((B, S, D), 0.5),
            ((B, T, D), 0.5),
            ((B, T, D), 0.2),
        )
    )
    source.requires_grad_(True)
    target.requires_grad_(True)
    # In torch, True in a mask means forbidden.
    source_padding = torch.tensor(~SOURCE_IS_REAL)
    output = model(
        source,
        target,
        tgt_mask=torch.ones(T, T).triu(1).bool(),
        src_key_padding_mask=source_padding,
        tgt_key_padding_mask=torch.tensor(~TARGET_IS_REAL),
        memory_key_padding_mask=source_padding,
    )
    # Outputs at padding do not matter, so they get no gradient.
    is_real = torch.tensor(TARGET_IS_REAL)[:, :, None]
    (output * cotangent * is_real).sum().backward()
    tensors = {
        "inputs/source": source,
        "inputs/target": target,
        "inputs/cotangent": cotangent,
        "output": output,
        "gradients/inputs/source": source.grad,
        "gradients/inputs/target": target.grad,
    }
    for name, weight in weights.items():
        tensors[f"weights/{name}"] = weight
        tensors[f"gradients/weights/{name}"] = weight.grad
    return {
        "versions/python": np.array(platform.python_version()),
        "versions/numpy": np.array(np.__version__),
        "versions/torch": np.array(torch.__version__),
        "inputs/source_is_real": SOURCE_IS_REAL,
        "inputs/target_is_real": TARGET_IS_REAL,
        **{name: tensor.detach().numpy() for name, tensor in tensors.items()},
    }


def main():
    folder = pathlib.Path(__file__).parent
    for kind in KINDS:
        path = folder / f"torch_transformer_{kind}.npz"
        np.savez_compressed(path, **compute(kind))
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
