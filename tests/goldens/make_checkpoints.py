"""Writes small checkpoints like OpenNMT-tf and Tensor2Tensor, with results.

Neither package can be installed beside today's TensorFlow. So the names and
shapes of arrays, and what the models compute, follow the published sources:

- github.com/OpenNMT/OpenNMT-tf: `opennmt/models/transformer.py`,
  `opennmt/layers/transformer.py`, `opennmt/layers/common.py`,
  `opennmt/layers/position.py`; and for the names
  `python/ctranslate2/converters/opennmt_tf.py` of
  github.com/OpenNMT/CTranslate2;
- github.com/tensorflow/tensor2tensor: `tensor2tensor/models/transformer.py`,
  `tensor2tensor/layers/common_attention.py`,
  `tensor2tensor/layers/common_layers.py`, `tensor2tensor/layers/modalities.py`.

The models are slow. They use NumPy in float64 and nothing of this package. The
tests call `opennmt_tf` and `tensor2tensor`. To look at the files, write them:

    PYTHONPATH=. python tests/goldens/make_checkpoints.py DIRECTORY
"""

import json
import pathlib
import sys

import numpy as np
import tensorflow as tf

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
SPACE = 3


class Model:
    """A slow Transformer. Its arrays have the names of another system.

    Args:
        arrays: the arrays by name.
        names: a function that makes an array's name from the stack, the layer,
            the sublayer and the array, such as `("encoder", 0, "ffn",
            "inner kernel")`.
        epsilon: the epsilon of the norms.
        first: the number of the first position.
        is_pre: whether norms are before sublayers.
    """

    def __init__(self, arrays, names, num_heads, epsilon, first, is_pre):
        self.arrays, self.names, self.num_heads = arrays, names, num_heads
        self.epsilon, self.first, self.is_pre = epsilon, first, is_pre

    def of(self, *path):
        return self.arrays.get(self.names(*path), 0.0)

    def norm(self, x, *path):
        mean = x.mean(axis=-1, keepdims=True)
        variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
        normal = (x - mean) / np.sqrt(variance + self.epsilon)
        return normal * self.of(*path, "scale") + self.of(*path, "shift")

    def positions(self, x):
        half = x.shape[1] // 2
        steps = np.exp(-np.log(10000.0) / (half - 1) * np.arange(half))
        angles = (np.arange(len(x)) + self.first)[:, None] * steps
        return x + np.concatenate([np.sin(angles), np.cos(angles)], axis=1)

    def linear(self, x, *path):
        *path, name = path
        kernel = self.of(*path, f"{name} kernel")
        return x @ kernel + self.of(*path, f"{name} bias")

    def attend(self, x, memory, allowed, *path):
        size = x.shape[1] // self.num_heads
        query, key, value = (
            self.linear(each, *path, name)
            for each, name in ((x, "query"), (memory, "key"), (memory, "value"))
        )
        outputs = []
        for head in range(self.num_heads):
            part = slice(head * size, (head + 1) * size)
            scores = query[:, part] @ key[:, part].T / np.sqrt(size)
            scores = np.exp(np.where(allowed, scores, -1e9))
            scores /= scores.sum(axis=1, keepdims=True)
            outputs.append(scores @ value[:, part])
        return self.linear(np.concatenate(outputs, axis=1), *path, "output")

    def sublayer(self, x, function, *path):
        if self.is_pre:
            return x + function(self.norm(x, *path))
        return self.norm(x + function(x), *path)

    def feed_forward(self, x, *path):
        inner = np.maximum(self.linear(x, *path, "inner"), 0)
        return self.linear(inner, *path, "outer")

    def stack(self, name, count, x, memory=None):
        x = self.positions(x)
        allowed = np.ones([len(x)] * 2, bool)
        if memory is not None:
            allowed = np.tril(allowed)
        for i in range(count):
            path = (name, i, "self")
            x = self.sublayer(
                x, lambda y, p=path: self.attend(y, y, allowed, *p), *path
            )
            if memory is not None:
                path = (name, i, "cross")
                x = self.sublayer(
                    x, lambda y, p=path: self.attend(y, memory, True, *p), *path
                )
            path = (name, i, "ffn")
            x = self.sublayer(
                x, lambda y, p=path: self.feed_forward(y, *p), *path
            )
        return self.norm(x, name) if self.is_pre else x


def draw(random, shape, name):
    if name == "scale":
        return 1 + 0.2 * random.normal(size=shape)
    if name == "shift" or name.endswith("bias"):
        return 0.2 * random.normal(size=shape)
    return random.normal(size=shape) / np.sqrt(shape[0])


def sublayers(counts, model_dim, inner_dim):
    """Yields the path and the shape of each array of the stacks."""
    square, inner = (model_dim, model_dim), (model_dim, inner_dim)
    for stack, count in counts.items():
        for i in range(count):
            kinds = ("self", "cross") if stack == "decoder" else ("self",)
            for kind in kinds:
                for linear in ("query", "key", "value", "output"):
                    yield (stack, i, kind, f"{linear} kernel"), square
                    yield (stack, i, kind, f"{linear} bias"), square[1:]
            for linear, shape in (("inner", inner), ("outer", inner[::-1])):
                yield (stack, i, "ffn", f"{linear} kernel"), shape
                yield (stack, i, "ffn", f"{linear} bias"), shape[1:]
            for kind in (*kinds, "ffn"):
                for name in ("scale", "shift"):
                    yield (stack, i, kind, name), (model_dim,)
        for name in ("scale", "shift"):
            yield (stack, name), (model_dim,)


def save(directory, name, arrays):
    """Writes a checkpoint of arrays by name."""
    directory.mkdir(parents=True, exist_ok=True)
    names = sorted(arrays)
    tf.raw_ops.SaveV2(
        prefix=str(directory / name),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.constant(arrays[each]) for each in names],
    )
    (directory / "checkpoint").write_text(
        f'model_checkpoint_path: "/somewhere/else/{name}"\n'
    )


def opennmt_name(*path):
    """Returns the name of an array in version 2 of OpenNMT-tf's checkpoints."""
    stack, *inner = path
    kinds = {"self": "self_attention", "cross": "attention/0", "ffn": "ffn"}
    arrays = {"scale": "gamma", "shift": "beta"}
    linears = {
        "query": "linear_queries",
        "key": "linear_keys",
        "value": "linear_values",
        "output": "linear_output",
        "inner": "inner",
        "outer": "outer",
    }
    if len(inner) == 1:
        return f"model/{stack}/layer_norm/{arrays[inner[0]]}"
    i, kind, name = inner
    scope = f"model/{stack}/layers/{i}/{kinds[kind]}"
    if name in arrays:
        return f"{scope}/input_layer_norm/{arrays[name]}"
    linear, array = name.split()
    return f"{scope}/layer/{linears[linear]}/{array}"


def opennmt_tf(directory, is_shared, is_pre=True):
    """Writes a TransformerTiny; returns a function from ids to logits.

    Args:
        directory: the new directory.
        is_shared: whether all embeddings are one matrix, with one vocabulary.
        is_pre: whether norms are before sublayers.
    """
    random = np.random.default_rng(is_shared)
    model_dim, counts = 64, {"encoder": 2, "decoder": 1}
    sizes = (17, 17) if is_shared else (17, 19)

    def name_of(*path):
        name = opennmt_name(*path)
        return name if is_pre else name.replace("input_layer", "output_layer")

    arrays = {
        name_of(*path): draw(random, shape, path[-1])
        for path, shape in sublayers(counts, model_dim, 37)
        if is_pre or len(path) > 2
    }
    source = "model/examples_inputter/features_inputter/embedding"
    target = "model/examples_inputter/labels_inputter/embedding"
    output = "model/decoder/output_layer"
    for name, size in zip((source, target), sizes, strict=True):
        if name == source or not is_shared:
            arrays[name] = random.normal(size=(size, model_dim)) / 8
    arrays[f"{output}/bias"] = random.normal(size=sizes[1])
    if not is_shared:
        arrays[f"{output}/kernel"] = random.normal(size=(model_dim, 19)) / 8
    arrays = {name: np.float32(values) for name, values in arrays.items()}
    files = {name + VALUE: values for name, values in arrays.items()}
    slot = f"{source}/.OPTIMIZER_SLOT/optimizer/m{VALUE}"
    files |= {slot: np.zeros(3, "float32"), "save_counter" + VALUE: np.int64(7)}
    save(directory, "ckpt-700", files)
    for side, size in zip(("source", "target"), sizes, strict=True):
        words = [f"{side[0]}{i}" for i in range(size - 4)]
        if is_shared:
            words, side = [f"w{i}" for i in range(size - 4)], "shared"
        (directory / f"{side}_vocabulary.txt").write_text(
            "\n".join(["<blank>", "<s>", "</s>", *words]) + "\n"
        )
    model = Model(arrays, name_of, 2, 1e-3, 1, is_pre)

    def logits(source_ids, target_ids):
        scale = np.sqrt(model_dim)
        of_target = arrays.get(target, arrays[source])
        kernel = arrays.get(f"{output}/kernel", of_target.T)
        memory = model.stack("encoder", 2, arrays[source][source_ids] * scale)
        x = of_target[[1, *target_ids[:-1]]] * scale
        x = model.stack("decoder", 1, x, memory)
        return x @ kernel + arrays[f"{output}/bias"]

    return logits


def tensor2tensor_name(*path):
    """Returns the name of an array in Tensor2Tensor's checkpoints."""
    stack, *inner = path
    kinds = {"self": "self_attention", "cross": "encdec_attention"}
    arrays = {"scale": "layer_norm_scale", "shift": "layer_norm_bias"}
    linears = {
        "query": "multihead_attention/q",
        "key": "multihead_attention/k",
        "value": "multihead_attention/v",
        "output": "multihead_attention/output_transform",
        "inner": "conv1",
        "outer": "conv2",
    }
    norm = "layer_prepostprocess/layer_norm"
    scope = f"transformer/body/{stack}"
    if len(inner) == 1:
        return f"{scope}/{norm}/{arrays[inner[0]]}"
    i, kind, name = inner
    scope = f"{scope}/layer_{i}/{kinds.get(kind, kind)}"
    if name in arrays:
        return f"{scope}/{norm}/{arrays[name]}"
    linear, array = name.split()
    return f"{scope}/{linears[linear]}/{array}"


def write_settings(directory, pieces, is_pre):
    """Writes `hparams.json` and the vocabulary."""
    (directory / "hparams.json").write_text(
        json.dumps(
            {
                "num_heads": 3,
                "layer_preprocess_sequence": "n" if is_pre else "none",
                "layer_postprocess_sequence": "da" if is_pre else "dan",
                "pos": "timing",
                "norm_epsilon": 1e-6,
            }
        )
    )
    (directory / f"vocab.translate_ende.{len(pieces)}.subwords").write_text(
        "".join(f"'{piece}'\n" for piece in pieces), encoding="utf-8"
    )


def tensor2tensor(directory, pieces, is_shared, is_pre=True, has_space=True):
    """Writes a small model; returns a function from ids to logits.

    Args:
        directory: the new directory.
        pieces: the vocabulary.
        is_shared: whether all embeddings are one matrix.
        is_pre: whether norms are before sublayers, as in `transformer_base`.
        has_space: whether the vector of the target space `SPACE` is added.
    """
    random = np.random.default_rng(2 * is_shared + is_pre)
    model_dim, counts, size = 12, {"encoder": 1, "decoder": 2}, len(pieces)
    arrays = {
        tensor2tensor_name(*path): draw(random, shape, path[-1])
        for path, shape in sublayers(counts, model_dim, 17)
        # Projections of attention layers have no bias.
        if (is_pre or len(path) > 2)
        and (path[-2] == "ffn" or not path[-1].endswith("bias"))
    }
    space = "transformer/body/target_space_embedding/kernel"
    if has_space:
        arrays[space] = random.normal(size=(32, model_dim))
    kinds = ("shared",) if is_shared else ("input_emb", "target_emb", "softmax")
    matrices = {}
    for kind in kinds:
        matrix = random.normal(size=(size, model_dim)) / np.sqrt(model_dim)
        matrices[kind] = np.float32(matrix)
        scope = f"transformer/symbol_modality_{size}_{model_dim}/{kind}"
        for i, shard in enumerate(np.array_split(matrix, 16)):
            arrays[f"{scope}/weights_{i}"] = shard
    arrays = {name: np.float32(values) for name, values in arrays.items()}
    files = dict(arrays)
    for name in list(arrays)[:3]:
        files[f"training/{name}/Adam"] = np.zeros(3, "float32")
        files[f"{name}/Adam_1"] = np.zeros(3, "float32")
    save(directory, "model.ckpt-70", {**files, "global_step": np.int64(70)})
    write_settings(directory, pieces, is_pre)
    model = Model(arrays, tensor2tensor_name, 3, 1e-6, 0, is_pre)

    def embed(matrix, ids):
        is_real = np.not_equal(ids, 0)[:, None]
        return matrix[ids] * np.sqrt(model_dim) * is_real

    def logits(source_ids, target_ids):
        first, second, last = (
            matrices["shared" if is_shared else kind]
            for kind in ("input_emb", "target_emb", "softmax")
        )
        x = embed(first, source_ids)
        if has_space:
            x = x + arrays[space][SPACE]
        memory = model.stack("encoder", 1, x)
        # The decoder's first input is a vector of zeros.
        x = np.pad(embed(second, target_ids)[:-1], [(1, 0), (0, 0)])
        return model.stack("decoder", 2, x, memory) @ last.T

    return logits


def main():
    folder = pathlib.Path(sys.argv[1])
    for is_shared in (True, False):
        opennmt_tf(folder / f"opennmt_tf_{is_shared}", is_shared)
        pieces = ["<pad>", "<EOS>", "a_", *"abc_\\u;0123456789"]
        tensor2tensor(folder / f"tensor2tensor_{is_shared}", pieces, is_shared)
    for path in sorted(folder.glob("*/*")):
        print(f"{path.relative_to(folder)}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
