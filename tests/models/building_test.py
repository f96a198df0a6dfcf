"""The names in a config must become the layers that they name."""

import dataclasses

import keras
import pytest

from keras_transformer import layers, models
from keras_transformer.models import building

SIZES = models.TransformerConfig(17, 1, 2, 24, 4, 11)


def build(**changes):
    return models.build_transformer(dataclasses.replace(SIZES, **changes))


class TestBuildTransformer:
    def test_depths_are_separate(self):
        model = build()
        assert len(model.encoder.blocks) == 1
        assert len(model.decoder.blocks) == 2

    @pytest.mark.parametrize(
        "form",
        ["paper", "half", "tensor2tensor", "tensor2tensor_from_1", "fairseq"],
    )
    def test_sinusoids_are_added(self, form):
        model = build(positions=form)
        for stack in (model.encoder, model.decoder):
            assert stack.positions.form == form
        attention = model.encoder.blocks[0].attention
        assert attention.positions is None

    def test_learned_positions_are_those_of_a_side(self):
        model = build(positions="learned")
        assert model.encoder.positions.max_length == 1024
        assert model.encoder.positions is not model.decoder.positions

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("rotary", layers.RotaryPositions),
            ("relative", layers.RelativePositions),
        ],
    )
    def test_others_are_in_the_self_attention_alone(self, name, kind):
        model = build(positions=name)
        assert model.encoder.positions is None
        block = model.decoder.blocks[1]
        for attention in (
            model.encoder.blocks[0].attention,
            block.self_attention,
        ):
            assert isinstance(attention.positions, kind)
        assert block.cross_attention.positions is None

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("layer", keras.layers.LayerNormalization),
            ("rms", keras.layers.RMSNormalization),
        ],
    )
    def test_norms(self, name, kind):
        model = build(norm=name, epsilon=1e-4, normalization="pre")
        block = model.encoder.blocks[0]
        for norm in (
            block.attention_residual.norm,
            block.feed_forward_residual.norm,
            model.encoder.final_norm,
            model.decoder.final_norm,
        ):
            assert isinstance(norm, kind)
            assert norm.epsilon == 1e-4

    @pytest.mark.parametrize(
        ("name", "kind", "activation"),
        [
            ("relu", layers.FeedForward, "relu"),
            ("gelu", layers.FeedForward, "gelu"),
            ("silu", layers.FeedForward, "silu"),
            ("reglu", layers.GatedFeedForward, "relu"),
            ("geglu", layers.GatedFeedForward, "gelu"),
            ("swiglu", layers.GatedFeedForward, "silu"),
        ],
    )
    def test_networks(self, name, kind, activation):
        network = build(activation=name).decoder.blocks[0].feed_forward
        assert isinstance(network, kind)
        assert network.get_config()["activation"] == activation

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("none", set()),
            ("feed_forward", {"feed_forward"}),
            ("blocks", {"feed_forward", "attention"}),
            ("all", {"feed_forward", "attention", "embedding"}),
        ],
    )
    def test_biases(self, name, expected):
        actual = {
            name
            for weight in build(biases=name).weights
            for name in ("feed_forward", "attention", "embedding")
            if "bias" in weight.path and name in weight.path
        }
        assert actual == expected

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("all", ["embedding"]),
            ("target", ["source_embedding", "target_embedding"]),
            ("none", ["source_embedding", "target_embedding", "projection"]),
        ],
    )
    def test_tying(self, name, expected):
        model = build(tying=name, biases="all")
        matrices = [
            layer
            for layer in model.layers
            if isinstance(layer, layers.TokenEmbedding)
        ]
        assert sorted([m.name for m in matrices]) == sorted(expected)
        # Only the projection has the bias of the logits.
        assert [m.name for m in matrices if m.bias is not None] == [
            model.projection.name
        ]

    def test_every_layer_has_the_dtype(self):
        model = models.build_transformer(SIZES, dtype="mixed_bfloat16")
        assert model.encoder.blocks[0].attention.compute_dtype == "bfloat16"
        assert model.projection.compute_dtype == "bfloat16"

    @pytest.mark.parametrize(
        "name",
        [
            "vocabulary_size",
            "num_encoder_layers",
            "num_decoder_layers",
            "model_dim",
            "num_heads",
            "feed_forward_dim",
            "num_key_value_heads",
            "target_vocabulary_size",
        ],
    )
    def test_sizes_that_are_not_positive_are_refused(self, name):
        for size in (0, -2):
            with pytest.raises(
                ValueError,
                match=f"`{name}` must be .*at least 1. Received: {size}",
            ):
                build(**{name: size})

    @pytest.mark.parametrize("config", [None, "base", {"vocabulary_size": 17}])
    def test_other_objects_than_configs_are_refused(self, config):
        with pytest.raises(
            ValueError,
            match="A TransformerConfig is expected. Received: .*PRESETS",
        ):
            models.build_transformer(config)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"num_heads": 5}, "model_dim=24, num_heads=5"),
            ({"num_key_value_heads": 3}, "num_heads=4, num_key_value_heads=3"),
            ({"model_dim": 25, "num_heads": 5}, "even `model_dim`.*25.*Use 26"),
            (
                {"positions": "rotary", "model_dim": 12},
                "even size. Received: head_dim=3",
            ),
            ({"positions": "alibi"}, "Unknown `positions`.*'alibi'.*'rotary'"),
            ({"normalization": "none"}, "Unknown `normalization`.*'none'"),
            ({"norm": "batch"}, "Unknown `norm`.*'batch'.*'layer', 'rms'"),
            ({"activation": "tanh"}, "Unknown `activation`.*'tanh'.*'swiglu'"),
            ({"biases": "some"}, "Unknown `biases`.*'some'.*'feed_forward'"),
            ({"tying": "source"}, "Unknown `tying`.*'source'.*'target'"),
            ({"embedding_scale": "two"}, "Unknown `scale`.*'two'.*'sqrt_dim'"),
            (
                {"embedding_initializer": "zeros"},
                "Unknown `initializer`.*'zeros'",
            ),
            ({"attention_gain": 0.0}, "`gain`.*positive.*0.0"),
            ({"epsilon": 0.0}, "`epsilon` must be positive.*Received: 0.0"),
            ({"dropout": 1.0}, r"`dropout`.*Received: 1.0.*\[0, 1\)"),
            ({"dropout": -0.1}, r"`dropout`.*Received: -0.1.*\[0, 1\)"),
            (
                {"target_vocabulary_size": 19},
                "tying='all'.*=19.*tying='target'",
            ),
            ({"num_heads": "4"}, "`num_heads`.*at least 1. Received: '4'"),
            ({"model_dim": 24.0}, "`model_dim`.*whole.*Received: 24.0"),
            ({"epsilon": None}, "`epsilon` must be positive.*Received: None"),
            ({"dropout": "much"}, r"`dropout`.*Received: 'much'.*\[0, 1\)"),
            ({"pad_id": 1.5}, r"`pad_id` must be in \[0, 17\).*1.5"),
            ({"start_id": 17}, r"`start_id` must be in \[0, 17\)"),
        ],
    )
    def test_settings_that_do_not_fit_are_refused(self, change, message):
        with pytest.raises(ValueError, match=message):
            build(**change)

    def test_every_name_is_built(self):
        # A new name needs a test in this file.
        assert len(building.POSITIONS) == 9
        assert len(building.ACTIVATIONS) == 6
        assert building.NORMS == ("layer", "rms")
        assert len(building.BIASES) == 4
        assert len(building.TYINGS) == 3
