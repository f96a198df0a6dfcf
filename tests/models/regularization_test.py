"""Each dropout of a config must act in training, with every kind of layer.

B batch   T target length   S source length   V vocabulary_size
"""

import dataclasses

import keras
import numpy as np
import pytest

from keras_transformer.models import building
from tests import costs
from tests.assertions import assert_all_equal, assert_not_all_close
from tests.models.packed_rows_test import ROWS, batch_of, with_segments
from tests.models.transformer_test import KINDS

RATES = ("dropout", "attention_dropout", "activation_dropout", "word_dropout")


def make(name, **rates):
    keras.utils.set_random_seed(3)
    rates = {"dropout": 0.0, **rates}
    config = dataclasses.replace(KINDS[name], **rates)
    return config, building.build_transformer(config)


@pytest.mark.parametrize(
    ("name", "rate"),
    costs.grid_of_several(
        [
            *(("relative", rate) for rate in RATES),
            ("paper", "attention_dropout"),
            ("modern", "attention_dropout"),
            ("modern", "activation_dropout"),
        ],
        keep=[
            ("relative", "dropout"),
            ("relative", "attention_dropout"),
            ("relative", "word_dropout"),
            ("modern", "activation_dropout"),
        ],
    ),
)
def test_acts_in_training_only(name, rate):
    config, plain = make(name)
    _, model = make(name, **{rate: 0.3})
    for mine, other in zip(
        model.trainable_weights, plain.trainable_weights, strict=True
    ):
        mine.assign(other)
    arrays, segments, _, _ = batch_of(ROWS, config)
    batches = [arrays]
    if rate == "attention_dropout":
        # Segments change the mask of attention. The other rates read no mask.
        batches.append(with_segments(arrays, segments))
    for inputs in batches:
        expected = plain(inputs)
        assert_all_equal(plain(inputs, training=True), expected)
        assert_all_equal(model(inputs), expected)
        first, second = (model(inputs, training=True) for _ in range(2))
        assert_not_all_close(first, expected, rtol=0, atol=1e-3)
        assert_not_all_close(first, second, rtol=0, atol=1e-3)


def test_a_dropped_word_is_as_if_its_embedding_were_zero():
    config, model = make("paper", word_dropout=0.5)
    _, plain = make("paper")
    table = np.ones_like(plain.source_embedding.embeddings)
    for each in (model, plain):
        each.source_embedding.embeddings.assign(table)
    ids = np.arange(3, 14)[None].repeat(101, axis=0)
    embedded = plain.source_embedding(ids).numpy()
    dropped = model.get_layer("word_drop")(embedded, training=True).numpy()
    of_words = dropped.reshape(-1, embedded.shape[-1])
    is_zero = (of_words == 0).all(axis=1)
    kept = of_words[~is_zero]
    assert_all_equal(kept, 2 * embedded.reshape(of_words.shape)[~is_zero])
    # Five standard deviations of a binomial distribution.
    assert abs(is_zero.mean() - 0.5) < 2.5 / np.sqrt(len(of_words))


def test_rates_of_zero_make_no_random_states():
    # Checkpoints number the variables. A new variable would break them.
    config, model = make("paper", dropout=0.1)
    blocks = 2 * config.num_encoder_layers + 3 * config.num_decoder_layers
    assert len(model.non_trainable_variables) == blocks + 2
    _, model = make("paper", attention_dropout=0.1)
    attentions = config.num_encoder_layers + 2 * config.num_decoder_layers
    assert len(model.non_trainable_variables) == attentions


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("value", [-0.1, 1.0, "much"])
def test_refuses_what_is_no_rate(rate, value):
    with pytest.raises(ValueError, match=r"Give a number in \[0, 1\)"):
        make("paper", **{rate: value})


def test_rates_are_in_the_saved_model():
    rates = {name: (i + 1) / 7 for i, name in enumerate(RATES)}
    _, model = make("modern", **rates)
    config = type(model).from_config(model.get_config()).get_config()
    assert config["word_dropout"] == rates["word_dropout"]
    for stack in ("encoder", "decoder"):
        settings = config[stack]["config"]
        assert settings["dropout"] == rates["dropout"]
        assert (
            settings["attention"]["config"]["dropout"]
            == rates["attention_dropout"]
        )
        assert (
            settings["feed_forward"]["config"]["dropout"]
            == rates["activation_dropout"]
        )
