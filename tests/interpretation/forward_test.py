"""The numbers of a pass equal those of the model, and fit each other."""

import keras
import numpy as np
import pytest

from keras_transformer.interpretation import forward, reading
from tests import costs
from tests.assertions import assert_all_close, assert_all_equal
from tests.interpretation import random_translator

TEXT, TARGET = "the old dog didn't sleep", "le vieux chien dort"


def run(kind="paper", **changes):
    translator = random_translator.translator(kind, **changes)
    pair = reading.read_pair(translator, TEXT, TARGET)
    values = forward.forward(pair.model, pair.source_ids, pair.input_ids)
    return pair, {name: np.array(value) for name, value in values.items()}


@pytest.fixture(
    params=costs.grid(
        random_translator.KINDS,
        # Only "opennmt" of these is pre-norm. In "marian", the first id that
        # the decoder reads is the padding id.
        keep=["paper", "opennmt", "marian", "learned", "relative", "modern"],
    ),
    scope="module",
)
def passed(request):
    return run(request.param)


def inputs_of(pair):
    return {"source_ids": pair.source_ids, "target_input_ids": pair.input_ids}


def test_logits_are_those_of_the_model(passed):
    pair, values = passed
    expected = pair.model(inputs_of(pair), training=False)
    # Sums of 24 numbers are in another order, in five blocks.
    assert_all_close(values["logits"], expected, rtol=1e-5, atol=1e-5)


def test_weights_are_those_of_the_model(passed):
    pair, values = passed
    scores = pair.model.attention_scores(inputs_of(pair))
    for stack, kind, expected in (
        ("encoder", "attention", scores.encoder),
        ("decoder", "self_attention", scores.decoder),
        ("decoder", "cross_attention", scores.cross),
    ):
        for layer in range(expected.shape[1]):
            name = f"{stack}/block_{layer + 1}/{kind}/weights"
            assert_all_close(values[name], expected[:, layer], 1e-5, 1e-6, name)


def test_memory_is_that_of_the_model(passed):
    pair, values = passed
    expected = pair.model.encode(pair.source_ids)
    assert_all_close(values["encoder/outputs"], expected, 1e-5, 1e-5)


def test_each_number_of_an_attention_follows_from_those_before(passed):
    pair, values = passed
    attentions = forward.attentions(pair.model)
    assert len(attentions) == 2 + 2 * 3
    for name, layer in attentions.items():
        query, key, value, logits, weights, attended, outputs = (
            values[f"{name}/{kind}"].astype("float64")
            for kind in (
                "query",
                "key",
                "value",
                "logits",
                "weights",
                "attended",
                "outputs",
            )
        )
        # Neighbouring query heads share a key-value head.
        shared = query.shape[1] // key.shape[1]
        key, value = (np.repeat(x, shared, axis=1) for x in (key, value))
        if type(layer.positions).__name__ != "RelativePositions":
            products = np.einsum("bhtk,bhsk->bhts", query, key) / 2  # sqrt(4)
            assert_all_close(logits, products, 1e-5, 1e-5, name)
            mixed = np.einsum("bhts,bhsk->bhtk", weights, value)
            assert_all_close(attended, mixed, 1e-5, 1e-5, name)
        if name.endswith("self_attention"):
            ahead = np.triu(np.ones(logits.shape[2:], bool), k=1)
            logits = np.where(ahead, -np.inf, logits)
        exponentials = np.exp(logits - logits.max(axis=3, keepdims=True))
        softmax = exponentials / exponentials.sum(axis=3, keepdims=True)
        assert_all_close(weights, softmax, 1e-5, 1e-6, name)
        joined = np.concatenate(list(attended.transpose(1, 0, 2, 3)), axis=2)
        projected = joined @ np.array(layer.out.kernel)
        if layer.out.bias is not None:
            projected += np.array(layer.out.bias)
        assert_all_close(outputs, projected, 1e-5, 1e-5, name)


def test_residual_connections_add_what_sublayers_return(passed):
    pair, values = passed
    block, name = pair.model.encoder.blocks[0], "encoder/block_1"
    is_pre = block.get_config()["normalization"] == "pre"
    x = values["source/inputs"]
    for sublayer in ("attention", "feed_forward"):
        total = x + values[f"{name}/{sublayer}/outputs"]
        norm = getattr(block, f"{sublayer}_residual").norm
        read, result = (
            (norm(x), total) if is_pre else (x, np.array(norm(total)))
        )
        found = values[f"{name}/{sublayer}/inputs"]
        assert_all_close(found, read, 1e-5, 1e-5)
        x = values[f"{name}/{sublayer}_residual"]
        assert_all_close(x, result, 1e-5, 1e-5)


def test_the_sum_of_embeddings_and_positions_is_read(passed):
    _, values = passed
    for side in ("source", "target"):
        total = values[f"{side}/embeddings"] + values.get(
            f"{side}/positions", 0
        )
        assert_all_close(values[f"{side}/inputs"], total, 1e-6, 1e-6)


def test_other_embeddings_can_be_given():
    pair, values = run()
    embeddings = 2 * values["source/embeddings"]
    found = forward.forward(
        pair.model,
        pair.source_ids,
        pair.input_ids,
        source_embeddings=keras.ops.convert_to_tensor(embeddings),
    )
    assert_all_equal(found["source/embeddings"], embeddings)
    assert np.abs(found["logits"] - values["logits"]).max() > 0.01
