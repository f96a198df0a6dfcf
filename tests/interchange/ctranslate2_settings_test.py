"""Exported settings are complete. Unsupported settings are refused."""

import dataclasses

import pytest

import keras_transformer as kt
from keras_transformer.interchange import ctranslate2_settings

SMALL = kt.TransformerConfig(5, 1, 3, 8, 2, 13)
TOKENS = ["<pad>", "<s>", "</s>", "<unk>", "a"]


def of(**changes):
    return ctranslate2_settings.settings(dataclasses.replace(SMALL, **changes))


def options(config=SMALL, **ids):
    tokens = kt.text.TokenList(TOKENS, kt.text.SpecialIds(**ids))
    return ctranslate2_settings.options(config, tokens, tokens)


def test_settings_of_both_stacks():
    made = of(normalization="pre", activation="swiglu", embedding_scale="none")
    for stack in ("encoder", "decoder"):
        assert made[f"{stack}/num_heads"] == 2
        assert made[f"{stack}/num_heads"].dtype == "int16"
        assert made[f"{stack}/pre_norm"] == 1
        assert made[f"{stack}/activation"] == 2
        assert made[f"{stack}/scale_embeddings"] == 0
    assert made["decoder/alignment_layer"] == -2
    assert made["decoder/start_from_zero_embedding"] == 0
    assert of(start_id=0)["decoder/start_from_zero_embedding"] == 1
    assert of(num_decoder_layers=2)["decoder/alignment_layer"] == -1


def test_settings_of_attentions():
    made = of(positions="rotary", num_key_value_heads=1)
    assert made["encoder/layer_0/self_attention/rotary_interleave"] == 0
    assert made["decoder/layer_2/self_attention/rotary_base"] == 10000
    assert made["decoder/layer_1/attention/num_heads_kv"] == 1
    assert "decoder/layer_1/attention/rotary_dim" not in made
    assert not any("rotary" in name or "kv" in name for name in of())


def test_options():
    assert options() == {
        "unk_token": "<unk>",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "decoder_start_token": "<s>",
        "add_source_bos": False,
        "add_source_eos": True,
        "layer_norm_epsilon": 1e-6,
        "multi_query_attention": False,
    }
    made = options(source_prefix=(1,), source_suffix=())
    assert made["add_source_bos"] and not made["add_source_eos"]
    started = dataclasses.replace(SMALL, start_id=0)
    assert options(started)["decoder_start_token"] == "<pad>"


@pytest.mark.parametrize(
    "ids",
    [
        {"source_prefix": (4,)},
        {"source_suffix": (2, 4)},
        {"target_prefix": (4,)},
    ],
)
def test_sources_that_it_cannot_complete(ids):
    with pytest.raises(ValueError, match="Received: .*'a'.* cannot be"):
        options(**ids)


def test_positions_that_it_does_not_have():
    ctranslate2_settings.check_supported(SMALL)
    with pytest.raises(ValueError, match="positions='relative'"):
        ctranslate2_settings.check_supported(
            dataclasses.replace(SMALL, positions="relative")
        )
