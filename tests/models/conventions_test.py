"""Conventions must set the same fields, and no two may be equal."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_transformer import models, search, training
from keras_transformer.models import conventions
from tests.assertions import assert_all_close

NAMES = ("paper", "tensor2tensor", "fairseq", "opennmt", "marian")
V, D, H, F = 37, 26, 2, 11


def build(name, **changes):
    keras.utils.set_random_seed(0)
    config = models.TransformerConfig(V, 1, 1, D, H, F)
    config = models.convention(name).apply(config)
    return models.build_transformer(dataclasses.replace(config, **changes))


class TestConventions:
    def test_all_five_and_no_two_alike(self):
        assert tuple(conventions.CONVENTIONS) == NAMES
        actual = [
            repr(dataclasses.asdict(c))
            for c in conventions.CONVENTIONS.values()
        ]
        assert len(set(actual)) == 5

    @pytest.mark.parametrize("name", NAMES)
    def test_each_sets_everything_that_varies(self, name):
        fields = {
            field.name for field in dataclasses.fields(models.TransformerConfig)
        }
        # Sizes, and fields that a user chooses within a system.
        own = {
            "vocabulary_size",
            "target_vocabulary_size",
            "num_encoder_layers",
            "num_decoder_layers",
            "model_dim",
            "num_heads",
            "feed_forward_dim",
            "dropout",
            "attention_dropout",
            "activation_dropout",
            "word_dropout",
            "max_positions",
            "tying",
            "pad_id",
        }
        convention = models.convention(name)
        assert set(convention.architecture) == fields - own
        assert convention.smoothing_over in training.SMOOTHING_OVER
        assert convention.length_penalty_form in search.LENGTH_PENALTIES

    @pytest.mark.parametrize("name", NAMES)
    def test_sizes_stay(self, name):
        big = models.PRESETS["big"]
        applied = models.convention(name).apply(big)
        assert applied.model_dim == 1024
        assert applied.dropout == 0.3

    def test_the_paper_is_the_default(self):
        assert (
            models.convention("paper").apply(models.TransformerConfig())
            == models.TransformerConfig()
        )

    @pytest.mark.parametrize(
        ("name", "start_id"),
        [
            ("paper", 1),
            ("tensor2tensor", 0),
            ("fairseq", 2),
            ("opennmt", 1),
            ("marian", 0),
        ],
    )
    def test_what_the_decoder_starts_with(self, name, start_id):
        model = build(name)
        assert (model.start_id, model.pad_id) == (start_id, 0)
        # If the start id is the padding id, its embedding is zeros.
        vector = model.target_embedding(np.array([[start_id]]))
        assert np.any(vector) == (start_id != 0)

    @pytest.mark.parametrize(
        ("name", "final_norms", "epsilon", "biases"),
        [
            ("paper", 0, 1e-6, 0),
            ("tensor2tensor", 2, 1e-6, 0),
            ("fairseq", 0, 1e-5, 3 * 4 * D),
            ("opennmt", 2, 1e-5, 3 * 4 * D + V),
            ("marian", 0, 1e-5, 3 * 4 * D + V),
        ],
    )
    def test_norms_and_biases(self, name, final_norms, epsilon, biases):
        # `biases` are those outside of the two feed-forward networks.
        model = build(name)
        expected = V * D + 3 * 4 * D**2 + 2 * (2 * D * F + F + D)
        expected += (5 + final_norms) * 2 * D + biases
        assert model.count_params() == expected
        norm = model.decoder.blocks[0].feed_forward_residual.norm
        assert norm.epsilon == epsilon

    @pytest.mark.parametrize(
        ("name", "deviation", "gain"),
        [
            ("paper", D**-0.5, 1.0),
            ("tensor2tensor", D**-0.5, 1.0),
            ("fairseq", D**-0.5, 0.5**0.5),
            ("opennmt", (2 / (997 + D)) ** 0.5, 1.0),
            ("marian", D**-0.5, 1.0),
        ],
    )
    def test_how_weights_start(self, name, deviation, gain):
        model = build(name, vocabulary_size=997)
        embeddings = model.source_embedding.embeddings.numpy()
        # With 25,922 numbers, 2 % are more than four standard errors.
        assert_all_close(embeddings.std(), deviation, rtol=0.02)
        weights = {w.path.split("/")[-1]: w.numpy() for w in model.weights}
        limit = (6 / (2 * D)) ** 0.5
        for kernel, factor in (("query", gain), ("output", 1.0)):
            largest = np.abs(weights[f"{kernel}_kernel"]).max()
            assert 0.95 * factor * limit <= largest <= factor * limit

    def test_unknown_name_is_refused(self):
        with pytest.raises(
            ValueError, match="Unknown convention.*'bert'.*paper, tensor2tensor"
        ):
            models.convention("bert")
