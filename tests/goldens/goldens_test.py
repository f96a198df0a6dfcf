"""Layers and a model equal those of two popular packages, also gradients.

The `.npz` files in this directory contain what torch.nn.Transformer and
transformers' MarianMTModel computed in float32. `make_*.py` wrote the files.

B batch   T target length   D model_dim   V vocabulary_size
"""

import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from tests.references import model as reference

GOLDENS = pathlib.Path(__file__).parent
ENCODER_LAYERS, DECODER_LAYERS = 2, 3
NUM_HEADS = 2
ACTIVATIONS = {"pre": "gelu", "post": "relu"}
# Names within a block: this package's name, then the other package's.
TORCH_ATTENTIONS = {
    "encoder": {"attention": "self_attn"},
    "decoder": {
        "self_attention": "self_attn",
        "cross_attention": "multihead_attn",
    },
}
MARIAN_ATTENTIONS = {
    "encoder": {"attention": "self_attn"},
    "decoder": {
        "self_attention": "self_attn",
        "cross_attention": "encoder_attn",
    },
}
PROJECTIONS = {"query": "q", "key": "k", "value": "v", "output": "out"}


def load(name):
    with np.load(GOLDENS / name) as golden:
        return dict(golden)


class Theirs:
    """The other package's arrays, with our names and in our shapes.

    A matrix of torch is (out, in). Ours is (in, out).
    """

    def __init__(self, arrays):
        self.arrays = dict(arrays)
        self.renamed = {}

    def vector(self, ours, theirs):
        self.renamed[ours] = self.arrays.pop(theirs)

    def linear(self, ours, theirs):
        self.renamed[f"{ours}kernel"] = self.arrays.pop(f"{theirs}.weight").T
        self.vector(f"{ours}bias", f"{theirs}.bias")

    def fused(self, ours, theirs):
        """Splits a matrix and bias that hold query, key and value in torch."""
        matrices = np.split(self.arrays.pop(f"{theirs}_weight"), 3)
        biases = np.split(self.arrays.pop(f"{theirs}_bias"), 3)
        for i, name in enumerate(("query", "key", "value")):
            self.renamed[f"{ours}{name}_kernel"] = matrices[i].T
            self.renamed[f"{ours}{name}_bias"] = biases[i]

    def norm(self, ours, theirs):
        self.vector(f"{ours}/gamma", f"{theirs}.weight")
        self.vector(f"{ours}/beta", f"{theirs}.bias")

    def all(self):
        """Returns the renamed arrays. No array may be left over."""
        assert not self.arrays, sorted(self.arrays)
        return self.renamed


def blocks():
    """Yields the stack's name, our block's name and the other's name."""
    for stack, count in (
        ("encoder", ENCODER_LAYERS),
        ("decoder", DECODER_LAYERS),
    ):
        for i in range(count):
            yield stack, f"{stack}/block_{i + 1}", f"{stack}.layers.{i}"


def from_torch(arrays):
    theirs = Theirs(arrays)
    for stack, ours, name in blocks():
        attentions = TORCH_ATTENTIONS[stack]
        for attention, its in attentions.items():
            theirs.fused(f"{ours}/{attention}/", f"{name}.{its}.in_proj")
            theirs.linear(
                f"{ours}/{attention}/output_", f"{name}.{its}.out_proj"
            )
        theirs.linear(f"{ours}/feed_forward/expand/", f"{name}.linear1")
        theirs.linear(f"{ours}/feed_forward/contract/", f"{name}.linear2")
        for i, part in enumerate((*attentions, "feed_forward")):
            theirs.norm(f"{ours}/{part}_residual/norm", f"{name}.norm{i + 1}")
    for stack in ("encoder", "decoder"):
        theirs.norm(f"{stack}/final_norm", f"{stack}.norm")
    return theirs.all()


def from_marian(arrays):
    theirs = Theirs(arrays)
    theirs.vector("embedding/embeddings", "model.shared.weight")
    theirs.vector("embedding/bias", "final_logits_bias")
    bias = theirs.renamed["embedding/bias"]
    theirs.renamed["embedding/bias"] = bias[0]  # The shape in Marian is (1, V).
    for stack, ours, name in blocks():
        name = f"model.{name}"
        attentions = MARIAN_ATTENTIONS[stack]
        for attention, its in attentions.items():
            for projection, letter in PROJECTIONS.items():
                theirs.linear(
                    f"{ours}/{attention}/{projection}_",
                    f"{name}.{its}.{letter}_proj",
                )
            theirs.norm(
                f"{ours}/{attention}_residual/norm", f"{name}.{its}_layer_norm"
            )
        theirs.linear(f"{ours}/feed_forward/expand/", f"{name}.fc1")
        theirs.linear(f"{ours}/feed_forward/contract/", f"{name}.fc2")
        theirs.norm(
            f"{ours}/feed_forward_residual/norm", f"{name}.final_layer_norm"
        )
    return theirs.all()


class TorchTransformer:
    """Our encoder and decoder, combined as in torch.nn.Transformer."""

    def __init__(self, normalization, model_dim, feed_forward_dim):
        kinds = {
            "attention": kt.layers.MultiHeadAttention(
                model_dim, NUM_HEADS, use_bias=True
            ),
            "feed_forward": kt.layers.FeedForward(
                model_dim, feed_forward_dim, ACTIVATIONS[normalization]
            ),
            "norm": keras.layers.LayerNormalization(epsilon=1e-5),
            "dropout": 0.0,
            "normalization": normalization,
        }
        self.encoder = kt.layers.Encoder(
            ENCODER_LAYERS, **kinds, name="encoder"
        )
        self.decoder = kt.layers.Decoder(
            DECODER_LAYERS, **kinds, name="decoder"
        )
        self.encoder.build()
        self.decoder.build()
        self.variables = {
            weight.path: weight
            for weight in self.encoder.weights + self.decoder.weights
        }
        # In torch both stacks end with a norm. In this package they do so only
        # with pre-norm blocks.
        self.final_norms = {}
        if normalization == "post":
            for stack in ("encoder", "decoder"):
                norm = keras.layers.LayerNormalization(epsilon=1e-5)
                norm.build((None, None, model_dim))
                self.final_norms[stack] = norm
                self.variables[f"{stack}/final_norm/gamma"] = norm.gamma
                self.variables[f"{stack}/final_norm/beta"] = norm.beta

    def __call__(self, source, target, source_is_real, target_is_real):
        memory = self.encoder(source, mask=source_is_real)
        if self.final_norms:
            memory = self.final_norms["encoder"](memory)
        output = self.decoder(
            target,
            memory,
            inputs_mask=target_is_real,
            memory_mask=source_is_real,
        )
        if self.final_norms:
            output = self.final_norms["decoder"](output)
        return output


def marian(vocabulary_size, model_dim, feed_forward_dim):
    """Returns our model in MarianMTModel's form, and its variables by name."""
    config = kt.TransformerConfig(
        vocabulary_size=vocabulary_size,
        num_encoder_layers=ENCODER_LAYERS,
        num_decoder_layers=DECODER_LAYERS,
        model_dim=model_dim,
        num_heads=NUM_HEADS,
        feed_forward_dim=feed_forward_dim,
        dropout=0.0,
    )
    model = kt.build_transformer(kt.CONVENTIONS["marian"].apply(config))
    return model, {
        weight.path.split("/", 1)[1]: weight for weight in model.weights
    }


class TestGoldens:
    def assert_equal(self, ours, theirs, name):
        ours, theirs = np.asarray(ours), np.asarray(theirs)
        assert ours.shape == theirs.shape, name
        # The limit is 1e-5; for a number above one it is 1e-5 of that number.
        # If all numbers are below one it is 1e-5 of the largest, but at least
        # 1e-6: gradients of key biases are 0 up to rounding, as a softmax
        # ignores a constant in its logits.
        size = np.clip(np.max(np.abs(theirs)), 0.1, 1)
        errors = np.abs(ours - theirs) / np.maximum(np.abs(theirs), size)
        assert np.max(errors) < 1e-5, name

    def assign(self, variables, weights):
        assert set(variables) == set(weights)
        for name, variable in variables.items():
            variable.assign(weights[name])

    def assert_gradients(self, tape, target, variables, expected):
        assert set(variables) == set(expected)
        gradients = tape.gradient(target, variables)
        for name, gradient in gradients.items():
            # The gradient of an embedding may be sparse.
            gradient = tf.convert_to_tensor(gradient)
            self.assert_equal(gradient, expected[name], name)

    @pytest.mark.parametrize("normalization", ["pre", "post"])
    def test_layers_equal_torch_transformer(self, normalization):
        golden = load(f"torch_transformer_{normalization}.npz")
        inputs = reference.below(golden, "inputs")
        weights = reference.below(golden, "weights")
        model = TorchTransformer(
            normalization,
            model_dim=inputs["source"].shape[-1],
            feed_forward_dim=len(weights["encoder.layers.0.linear1.bias"]),
        )
        self.assign(model.variables, from_torch(weights))
        source, target = (
            tf.Variable(inputs[name]) for name in ("source", "target")
        )
        is_real = inputs["target_is_real"]
        with tf.GradientTape() as tape:
            output = model(source, target, inputs["source_is_real"], is_real)
            real_output = output[is_real]
            objective = tf.reduce_sum(
                real_output * inputs["cotangent"][is_real]
            )
        self.assert_equal(real_output, golden["output"][is_real], "output")
        expected = reference.below(golden, "gradients")
        self.assert_gradients(
            tape,
            objective,
            {
                "inputs/source": source,
                "inputs/target": target,
                **{
                    name: variable.value
                    for name, variable in model.variables.items()
                },
            },
            {
                "inputs/source": expected["inputs/source"],
                "inputs/target": expected["inputs/target"],
                **from_torch(reference.below(expected, "weights")),
            },
        )

    def marian(self):
        """Returns the golden, our model with its weights, and the variables."""
        golden = load("marian.npz")
        weights = reference.below(golden, "weights")
        fc1 = weights["model.encoder.layers.0.fc1.weight"]
        model, variables = marian(
            len(weights["model.shared.weight"]), fc1.shape[1], fc1.shape[0]
        )
        self.assign(variables, from_marian(weights))
        return golden, model, variables

    def test_model_equals_marian(self):
        golden, model, variables = self.marian()
        inputs = reference.below(golden, "inputs")
        is_real = inputs["target_ids"] != 0
        with tf.GradientTape() as tape:
            logits = model(inputs)[is_real]
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(
                    inputs["target_ids"][is_real], logits
                )
            )
        self.assert_equal(logits, golden["logits"][is_real], "logits")
        self.assert_equal(loss, golden["loss"], "loss")
        self.assert_gradients(
            tape,
            loss,
            {name: variable.value for name, variable in variables.items()},
            from_marian(reference.below(golden, "gradients")),
        )

    def test_steps_equal_marian(self):
        golden, model, _ = self.marian()
        inputs = reference.below(golden, "inputs")
        length = inputs["target_input_ids"].shape[1]
        state, logits = model.start(inputs["source_ids"], length), []
        for t in range(length):
            step_logits, state = model.step(
                inputs["target_input_ids"][:, t], t, state
            )
            logits.append(step_logits)
        # A step attends to padding, too. So only real positions are compared.
        is_real = inputs["target_ids"] != 0
        self.assert_equal(
            tf.stack(logits, axis=1)[is_real],
            golden["logits"][is_real],
            "logits",
        )

    @pytest.mark.parametrize(
        ("name", "packages"),
        [
            ("torch_transformer_pre.npz", ("torch",)),
            ("torch_transformer_post.npz", ("torch",)),
            ("marian.npz", ("torch", "transformers")),
        ],
    )
    def test_files_are_small_and_name_versions(self, name, packages):
        versions = reference.below(load(name), "versions")
        assert set(versions) == {"python", "numpy", *packages}
        for version in versions.values():
            assert re.search(re.compile(r"^\d+\.\d+"), str(version))
        assert (GOLDENS / name).stat().st_size < 200_000
