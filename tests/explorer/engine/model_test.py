"""The model in the browser computes what the model in Python computes."""

import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer import layers, models
from keras_transformer.explorer import embedded_model
from tests import costs
from tests.explorer import engine_calls, translators, variants

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.seconds]

# The page computes in float32, whose rounding the layers of a model enlarge.
TOLERANCE = 1e-5


def assert_close(actual, expected):
    expected = np.asarray(expected)
    assert actual.shape == expected.shape
    limit = TOLERANCE * np.abs(expected).max()
    assert np.abs(actual - expected).max() <= limit


def logits_of(steps):
    """Returns all logits, in the order of the ids."""
    rows = []
    for step in steps:
        row = np.zeros(len(step["ids"]))
        row[step["ids"]] = step["logits"]
        rows.append(row)
    return np.asarray(rows)


def assert_same(page, translator, text, dtype="float32", **options):
    engine = engine_calls.Engine(
        page, embedded_model.embed_model(translator, dtype)
    )
    size = translator.target_tokenizer.vocabulary_size
    trace = engine.trace(text, candidates=size, **options)
    source_ids = translator.encode_source(tf.constant([text]))
    assert trace["source"]["ids"] == source_ids[0].numpy().tolist()
    inputs = {
        "source_ids": source_ids,
        "target_input_ids": tf.constant([trace["target"]["input_ids"]]),
    }
    # The rounding of this model is negligible beside that of the page.
    model = models.in_precision(translator.model, "float64")
    scores = model.attention_scores(inputs)
    for stack, kind, expected in (
        ("encoder", "attention", scores.encoder),
        ("decoder", "self_attention", scores.decoder),
        ("decoder", "cross_attention", scores.cross),
    ):
        for number, block in enumerate(expected[0], 1):
            name = f"{stack}/block_{number}/{kind}/weights"
            assert_close(trace["arrays"][name], block)
    logits = model(inputs, training=False)[0]
    assert_close(logits_of(trace["steps"]), logits)
    normalizers = [step["log_normalizer"] for step in trace["steps"]]
    assert_close(np.asarray(normalizers), tf.reduce_logsumexp(logits, axis=1))
    return trace


@pytest.mark.parametrize(
    "name", costs.grid(variants.VARIANTS, keep=("modern",))
)
def test_variant(front_end, name):
    translator = translators.translator(**variants.VARIANTS[name])
    text = translators.SENTENCES[0]
    assert_same(front_end, translator, text)
    trace = assert_same(front_end, translator, text, target="le chat, merci")
    assert len(trace["target"]["ids"]) > 5


def test_two_vocabularies(front_end):
    target = kt.Tokenizer(
        kt.learn_vocabulary(translators.TEXTS[:3], may_be_smaller=True)
    )
    live = translators.translator(
        tying="none", target_vocabulary_size=target.vocabulary_size
    )
    live = kt.Translator(live.model, live.tokenizer, target_tokenizer=target)
    trace = assert_same(
        front_end, live, "Животное merci", target="Ça va, the cat"
    )
    tokens = trace["target"]["tokens"]
    assert tokens == [*target.pieces(target.encode(["Ça va, the cat"])[0])] + [
        "<eos>"
    ]


def test_rotary_positions_of_the_other_layout(front_end):
    live = translators.translator()
    attention = layers.MultiHeadAttention(
        24,
        4,
        positions=layers.RotaryPositions(layout="interleaved", base=100.0),
    )
    feed_forward = layers.FeedForward(24, 37)
    embedding = layers.TokenEmbedding(live.tokenizer.vocabulary_size, 24)
    model = kt.Transformer(
        layers.Encoder(1, attention, feed_forward, normalization="post"),
        layers.Decoder(2, attention, feed_forward, normalization="pre"),
        embedding,
    )
    translators.randomize(model, 3)
    assert_same(
        front_end,
        kt.Translator(model, live.tokenizer),
        "the cat",
        target="merci bien",
    )


def test_half_precision_weights(front_end):
    live = translators.translator(**variants.MODERN)
    for weight in live.model.weights:
        weight.assign(np.asarray(weight).astype("float16").astype("float32"))
    assert_same(front_end, live, "the cat", "float16", target="merci bien")


@pytest.mark.grid
def test_long_text(front_end):
    live = translators.translator(positions="relative")
    trace = assert_same(front_end, live, "cat the " * 50, target="rue " * 41)
    assert len(trace["source"]["ids"]) > 90


def test_heads_switched_off(front_end):
    """A head that is off adds nothing, as if its rows of W^O were zero."""
    live = translators.translator(**variants.MODERN)
    off = [
        ("encoder/block_2/attention", 1),
        ("decoder/block_1/self_attention", 3),
        ("decoder/block_3/cross_attention", 0),
    ]
    engine = engine_calls.Engine(front_end, embedded_model.embed_model(live))
    found = engine.trace(
        "the cat",
        offHeads=[{"attention": name, "head": head} for name, head in off],
    )
    before = engine.trace("the cat")
    for name, head in off:
        assert not found["arrays"][f"{name}/attended"][head].any()
        assert before["arrays"][f"{name}/attended"][head].any()
        stack, number, kind = name.split("/")
        blocks = getattr(live.model, stack).blocks
        layer = getattr(blocks[int(number[-1]) - 1], kind)
        kernel = np.array(layer.out.kernel)
        kernel[head * layer.head_dim : (head + 1) * layer.head_dim] = 0
        layer.out.kernel.assign(kernel)
    engine = engine_calls.Engine(front_end, embedded_model.embed_model(live))
    expected = engine.trace("the cat")
    assert found["target"]["tokens"] == expected["target"]["tokens"]
    now, then, best = (
        each["search"]["hypotheses"][0]["score"]
        for each in (found, before, expected)
    )
    assert now == pytest.approx(best, rel=TOLERANCE)
    assert then != pytest.approx(best, rel=100 * TOLERANCE)
