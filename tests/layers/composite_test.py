"""Changes of sublayers must be saved with the layer that holds them.

B batch   T length   D model_dim   H heads   F feed_forward_dim   V vocabulary
"""

import tempfile
import warnings

import keras
import numpy as np
import pytest

from keras_transformer import layers, models, training
from keras_transformer.layers import composite
from tests import costs
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)

pytestmark = pytest.mark.seconds

B, T, D, H, F, V = 3, 5, 14, 2, 11, 13
GENERATOR = np.random.default_rng(0)
IDS = {
    name: GENERATOR.integers(1, V, (B, T)).astype("int32")
    for name in ("source_ids", "target_input_ids")
}


def make_model(**kwargs):
    kinds = layers.MultiHeadAttention(D, H), layers.FeedForward(D, F)
    return models.Transformer(
        layers.Encoder(2, *kinds, dropout=0.0, **kwargs),
        layers.Decoder(1, *kinds, dropout=0.0),
        layers.TokenEmbedding(V, D),
        target_embedding=layers.TokenEmbedding(V, D, output_bias=True),
    )


def fit(model):
    model.fit(IDS, IDS["source_ids"], batch_size=B, shuffle=False, verbose=0)


def save_and_load(model):
    path = f"{tempfile.mkdtemp()}/model.keras"
    model.save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        return keras.saving.load_model(path)


# Changes that a user makes to a model.
CHANGES = {
    "encoder": lambda m: setattr(m.encoder, "trainable", False),
    "block": lambda m: setattr(m.encoder.blocks[1], "trainable", False),
    "embedding": lambda m: setattr(m.source_embedding, "trainable", False),
    "norm": lambda m: setattr(
        m.decoder.blocks[0].feed_forward_residual.norm, "trainable", False
    ),
    "all but a projection": lambda m: (
        setattr(m.decoder, "trainable", False),
        setattr(m.decoder.blocks[0].self_attention.value, "trainable", True),
    ),
    "LoRA": lambda m: m.encoder.enable_lora(2, lora_alpha=3),
    "LoRA of an embedding": lambda m: m.target_embedding.enable_lora(3),
}


class TestComposite:
    @pytest.mark.parametrize(
        "name",
        costs.grid(CHANGES, keep=("LoRA",)),
    )
    def test_training_continues_from_a_file_as_without_it(self, name):
        model = make_model()
        count = len(model.trainable_weights)
        CHANGES[name](model)
        assert len(model.trainable_weights) != count
        # Tracing would take longer than the steps.
        model.compile(
            "adam", training.SmoothedCrossEntropy(0.0), run_eagerly=True
        )
        fit(model)
        loaded = save_and_load(model)
        assert [w.path.partition("/")[2] for w in loaded.trainable_weights] == [
            w.path.partition("/")[2] for w in model.trainable_weights
        ]
        frozen = [w.numpy() for w in loaded.non_trainable_weights]
        before = model(IDS)
        for one in (model, loaded):
            fit(one)
        assert_not_all_close(model(IDS), before)
        assert_all_close(loaded(IDS), model(IDS), rtol=0, atol=1e-6)
        for new, old in zip(loaded.non_trainable_weights, frozen, strict=True):
            assert_all_equal(new, old)

    @pytest.mark.parametrize(
        "name",
        costs.grid(CHANGES, keep=("block", "LoRA", "LoRA of an embedding")),
    )
    def test_copies_have_the_changes_too(self, name):
        model = make_model()
        CHANGES[name](model)
        for copy in (
            keras.models.clone_model(model),
            type(model).from_config(model.get_config()),
            models.in_precision(model, "float32"),
        ):
            assert [w.shape for w in copy.trainable_weights] == [
                w.shape for w in model.trainable_weights
            ]
        assert_all_close(copy(IDS), model(IDS), rtol=0, atol=1e-6)

    def test_a_layer_made_frozen_is_frozen_inside(self):
        assert len(make_model(trainable=False).encoder.trainable_weights) == 0
        weights = make_model(trainable=False).trainable_weights
        assert not [w for w in weights if "encoder" in w.path]

    def test_a_frozen_template_is_frozen_in_each_copy(self):
        template = layers.FeedForward(D, F)
        template.expand.trainable = False
        attention = layers.MultiHeadAttention(D, H, trainable=False)
        encoder = layers.Encoder(2, attention, template)
        encoder.build()
        names = {w.path.split("/", 2)[2] for w in encoder.trainable_weights}
        assert "feed_forward/contract/kernel" in names
        assert "feed_forward/expand/kernel" not in names
        # Setting `trainable` of the owner makes all sublayers trainable again.
        encoder.trainable = False
        encoder.trainable = True
        clone = layers.Encoder.from_config(encoder.get_config())
        clone.build()
        assert len(clone.trainable_weights) == len(encoder.weights)

    def test_a_plain_layer_has_a_plain_config(self):
        config = make_model().get_config()
        assert "sublayers" not in str(config)

    def test_regularizers_of_templates_are_in_each_copy_and_in_the_file(self):
        kinds = (
            layers.MultiHeadAttention(
                D, H, activity_regularizer=keras.regularizers.L2(1.0)
            ),
            layers.FeedForward(
                D, F, activity_regularizer=keras.regularizers.L2(1.0)
            ),
        )
        encoder = layers.Encoder(2, *kinds, dropout=0.0)
        inputs = keras.Input((None, D))
        model = keras.Model(inputs, encoder(inputs))
        x = np.random.default_rng(0).normal(size=(B, T, D)).astype("float32")
        model(x)
        losses = np.array(model.losses)
        assert len(losses) == 4
        block = encoder.blocks[0]
        # The penalty is on the output of the attention, not on its scores.
        normed = block.attention_residual.norm(x)
        attended = block.attention(normed)
        # Keras divides the penalty by B since version 3.14.
        penalty = keras.layers.ActivityRegularization(l2=1.0)
        penalty(attended)
        (expected,) = np.array(penalty.losses)
        assert np.min(np.abs(losses / expected - 1)) < 1e-5
        loaded = save_and_load(model)
        loaded(x)
        assert_all_close(loaded.losses, losses)

    def test_lora_needs_weights(self):
        with pytest.raises(ValueError, match="`enable_lora` changes"):
            layers.FeedForward(D, F).enable_lora(2)
        with pytest.raises(ValueError, match="isn't yet built"):
            layers.FeedForward(D, F).quantize("int8")

    def test_paths_of_layers_inside(self):
        encoder = make_model().encoder
        paths = [path for path, _, _ in composite.layers_inside(encoder)]
        assert "block_2/attention/query" in paths
        assert "block_1/feed_forward_residual/norm" in paths
        assert len(paths) == len(set(paths))
