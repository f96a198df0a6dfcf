"""Every preset must have the number of parameters computed by hand."""

import dataclasses

import keras
import pytest

from keras_transformer import models
from keras_transformer.models import config

# Computed by hand, with D = model_dim, F = feed_forward_dim, vocabulary size V,
# and N layers each in encoder and decoder:
# V D + N (4 D^2 + 4 D) + N (8 D^2 + 6 D) + 2 N (2 D F + F + D), and 4 D for
# the two final norms of pre-normalization.
PARAMETERS = {
    "demo": 1_115_136,
    "tiny": 2_343_424,
    "small": 7_569_408,
    # No biases, D numbers in each of 15 + 2 norms, three matrices of 256 x 688
    # in a network, and 2 key-value heads of size 32 instead of 8:
    # V D + 9 (2 D^2 + 2 D 64) + 6 (3 D F) + 17 D.
    "modern": 2_048_000 + 9 * 163_840 + 6 * 528_384 + 17 * 256,
    # The paper reports 65 and 213 million.
    "base": 63_045_632,
    "big": 214_171_648,
}
# Variants of base and big: biases, and the place of the norm. Each of 18
# attentions has 4 D biases, and pre-norm adds two final norms.
VARIED = (
    ("base", "feed_forward", "post", 63_045_632),
    ("base", "blocks", "post", 63_082_496),
    ("base", "blocks", "pre", 63_084_544),
    ("base", "feed_forward", "pre", 63_045_632 + 4 * 512),
    ("base", "none", "post", 63_045_632 - 12 * (2048 + 512)),
    ("base", "all", "post", 63_082_496 + 37_000),
    ("big", "feed_forward", "post", 214_171_648),
    ("big", "blocks", "post", 214_245_376),
    ("big", "blocks", "pre", 214_249_472),
)


def count(config):
    # In this scope variables have a shape but no memory.
    with keras.StatelessScope(initialize_variables=False):
        return models.build_transformer(config).count_params()


class TestConfig:
    @pytest.fixture(autouse=True)
    def tear_down(self):
        yield
        # Removes the variables that never got values.
        keras.utils.clear_session()

    def test_every_preset_is_in_the_table(self):
        assert set(PARAMETERS) == set(config.PRESETS)

    @pytest.mark.parametrize(("name", "expected"), PARAMETERS.items())
    def test_number_of_parameters(self, name, expected):
        assert count(config.PRESETS[name]) == expected

    @pytest.mark.parametrize(
        ("name", "biases", "normalization", "number"), VARIED
    )
    def test_biases_and_norms_count(self, name, biases, normalization, number):
        varied = dataclasses.replace(
            config.PRESETS[name], biases=biases, normalization=normalization
        )
        assert count(varied) == number

    def test_a_norm_of_root_mean_squares_has_one_number_a_unit(self):
        base = config.PRESETS["base"]
        rms = dataclasses.replace(base, norm="rms")
        assert count(base) - count(rms) == 30 * 512

    @pytest.mark.parametrize(
        ("tying", "target", "extra"),
        [
            ("all", None, 0),
            ("target", None, 37_000 * 512),
            ("none", None, 2 * 37_000 * 512),
            ("target", 8_000, 8_000 * 512),
            ("none", 8_000, 2 * 8_000 * 512),
        ],
    )
    def test_matrices_that_are_not_shared_count(self, tying, target, extra):
        base = config.PRESETS["base"]
        untied = dataclasses.replace(
            base, tying=tying, target_vocabulary_size=target
        )
        assert count(untied) - count(base) == extra

    def test_base_and_big_are_the_rows_of_table_3(self):
        base, big = config.PRESETS["base"], config.PRESETS["big"]
        for preset, expected in (
            (base, (6, 6, 512, 2048, 8, 0.1)),
            (big, (6, 6, 1024, 4096, 16, 0.3)),
        ):
            assert (
                preset.num_encoder_layers,
                preset.num_decoder_layers,
                preset.model_dim,
                preset.feed_forward_dim,
                preset.num_heads,
                preset.dropout,
            ) == expected
            assert preset.vocabulary_size == 37000
            assert preset.normalization == "post"
            assert preset.positions == "paper"

    def test_the_default_is_base(self):
        assert config.TransformerConfig() == config.PRESETS["base"]

    def test_a_config_cannot_be_changed_but_replaced(self):
        tiny = config.PRESETS["tiny"]
        with pytest.raises(dataclasses.FrozenInstanceError):
            tiny.model_dim = 7
        replaced = dataclasses.replace(tiny, model_dim=44)
        assert (replaced.model_dim, tiny.model_dim) == (44, 128)
