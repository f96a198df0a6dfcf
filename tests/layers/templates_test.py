"""Templates must be described and copied, never shared."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import layers
from keras_transformer.layers import templates
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)
from tests.layers import kinds
from tests.layers.kinds import D, H, random

# One layer of each kind that a stack is given.
TEMPLATES = {
    "attention": lambda: layers.MultiHeadAttention(
        D, H, 2, use_bias=True, positions=layers.RelativePositions(3)
    ),
    "feed_forward": lambda: layers.GatedFeedForward(D, 11, "gelu"),
    "layer_norm": lambda: keras.layers.LayerNormalization(epsilon=1e-5),
    "rms_norm": lambda: keras.layers.RMSNormalization(epsilon=0.1),
    "sinusoids": lambda: layers.SinusoidalPositions("fairseq"),
    "learned": lambda: layers.LearnedPositions(7),
}


class TestTemplates:
    @pytest.mark.parametrize("name", TEMPLATES)
    def test_a_copy_has_the_settings_and_weights_of_its_own(self, name):
        template = TEMPLATES[name]()
        copy = templates.copy_of(template, name="copy")
        assert type(copy) is type(template)
        assert copy.name == "copy"
        assert {
            **copy.get_config(),
            "name": template.name,
        } == template.get_config()
        inputs = random(2, 5, D)
        template(inputs)
        copy(inputs)
        assert [w.shape for w in copy.weights] == [
            w.shape for w in template.weights
        ]
        for new, old in zip(copy.weights, template.weights, strict=True):
            assert new is not old
        copy.set_weights(template.get_weights())
        assert_all_equal(copy(inputs), template(inputs))

    @pytest.mark.parametrize("name", TEMPLATES)
    def test_a_description_is_json_and_makes_the_same_copies(self, name):
        template = TEMPLATES[name]()
        settings = templates.settings_of(template)
        assert json.loads(json.dumps(settings)) == settings
        assert templates.settings_of(settings) == settings
        assert (
            templates.copy_of(settings).get_config()
            == templates.copy_of(template).get_config()
        )
        # A layer that was used can be a template too.
        inputs = random(2, 5, D)
        template(inputs)
        copy = templates.copy_of(template)
        copy(inputs)
        assert copy.get_config() == template.get_config()

    def test_changes_replace_settings_of_the_copy_alone(self):
        template = TEMPLATES["attention"]()
        copy = templates.copy_of(
            template, positions=None, dtype="mixed_bfloat16"
        )
        assert copy.positions is None
        assert copy.dtype_policy.name == "mixed_bfloat16"
        assert isinstance(template.positions, layers.RelativePositions)
        assert template.dtype_policy.name == "float32"

    def test_copies_start_differently(self):
        template = TEMPLATES["feed_forward"]()
        one, other = templates.copy_of(template), templates.copy_of(template)
        one.build()
        other.build()
        assert_not_all_close(one.gate.kernel, other.gate.kernel)

    def test_none_is_described_as_none(self):
        assert templates.settings_of(None) is None

    @pytest.mark.parametrize(
        "template", ["layer", 3, {}, keras.layers.LayerNormalization]
    )
    def test_other_objects_than_layers_are_refused(self, template):
        with pytest.raises(
            ValueError,
            match=r"must be a Keras layer. Received: .*Give an instance",
        ):
            templates.settings_of(template)

    def test_one_setting_of_a_template(self):
        template = TEMPLATES["attention"]()
        for described in (template, templates.settings_of(template)):
            assert templates.setting(described, "model_dim") == D
            assert templates.setting(described, "num_key_value_heads") == 2
        with pytest.raises(
            ValueError,
            match="with a 'model_dim' is expected here. Received: Dense",
        ):
            templates.setting(keras.layers.Dense(3), "model_dim")

    def test_shared_model_dim(self):
        attention = layers.MultiHeadAttention(24, 6)
        assert (
            templates.shared_model_dim(attention, layers.FeedForward(24, 11))
            == 24
        )
        with pytest.raises(
            ValueError, match="same model_dim.*attention 24, feed-forward 26"
        ):
            templates.shared_model_dim(attention, layers.FeedForward(26, 11))

    def test_an_attention_has_a_template_between_sequences(self):
        template = TEMPLATES["attention"]()
        for described in (template, templates.settings_of(template)):
            between = templates.between_sequences(described)
            config = templates.settings_of(between)["config"]
            assert config == {**template.get_config(), "positions": None}
        # A layer without the method `between_sequences` is used unchanged.
        template = layers.Encoder(
            2,
            template,
            TEMPLATES["feed_forward"](),
            positions=layers.SinusoidalPositions(),
        )
        for described in (template, templates.settings_of(template)):
            assert templates.between_sequences(described) is described

    def test_a_class_that_keras_cannot_find_is_refused(self):
        class Unknown(layers.FeedForward):
            pass

        with pytest.raises(
            ValueError, match="cannot copy Unknown.*register_keras_serializable"
        ):
            templates.copy_of(Unknown(D, 11))

    def test_a_layer_of_a_user_is_a_template(self):
        # A layer with a model_dim that maps (B, T, D) to (B, T, D).
        @keras.saving.register_keras_serializable("parts_test")
        class Doubling(keras.layers.Layer):
            def __init__(self, model_dim, **kwargs):
                super().__init__(**kwargs)
                self.model_dim = model_dim

            def build(self, inputs_shape=None):
                self.built = True

            def call(self, inputs):
                return 2 * inputs

            def get_config(self):
                return {**super().get_config(), "model_dim": self.model_dim}

        block = layers.EncoderBlock(
            layers.MultiHeadAttention(D, H), Doubling(D), dropout=0.0
        )
        block.build()
        # With an attention that returns zeros, the block is x + 2 norm(x).
        for weight in block.attention.weights:
            weight.assign(tf.zeros(weight.shape))
        inputs = random(2, 5, D)
        normed = keras.layers.LayerNormalization(epsilon=1e-6)(inputs)
        assert_all_close(block(inputs), inputs + 2 * normed, rtol=0, atol=1e-6)
        kinds.clones_alike(block, lambda block: block(inputs))
        assert np.abs(block(inputs) - inputs).max() > 1
