"""An error names settings of CTranslate2 that are not supported."""

import dataclasses

import numpy as np
import pytest

from keras_transformer.interchange import (
    ctranslate2_architecture,
    ctranslate2_file,
)
from keras_transformer.layers import sinusoids
from tests.interchange import ctranslate2_models as small


@pytest.fixture(scope="module")
def file():
    return ctranslate2_file.read(small.directory("pre_norm") / "model.bin")


def read(file, spec=None, without=(), **changes):
    variables = {
        name: values
        for name, values in file.variables.items()
        if name not in without
    }
    variables |= {
        name.replace("__", "/"): np.asarray(values)
        for name, values in changes.items()
    }
    changed = dataclasses.replace(
        file, spec=spec or file.spec, variables=variables
    )
    return ctranslate2_architecture.of_file(changed, "model.bin", None)


def test_defaults_of_older_files(file):
    stacks = ("encoder", "decoder")
    names = ("num_heads", "pre_norm", "activation", "scale_embeddings")
    old = [f"{stack}/{name}" for stack in stacks for name in names]
    facts = read(file, "TransformerBase", old)
    assert facts.config.num_heads == 8
    assert facts.config.normalization == "pre"
    assert facts.config.activation == "relu"
    assert facts.config.embedding_scale == "sqrt_dim"
    # Here the settings are in the model, and in its embeddings.
    facts = read(
        file,
        without=old,
        num_heads=np.int8(4),
        encoder__embeddings__multiply_by_sqrt_depth=np.int8(0),
        decoder__embeddings__multiply_by_sqrt_depth=np.int8(0),
    )
    assert facts.config.num_heads == 4
    assert facts.config.embedding_scale == "none"


@pytest.mark.parametrize("form", sinusoids.FORMS)
def test_tables_of_sinusoids_have_their_names(file, form):
    table = sinusoids.sinusoidal_encoding(np.arange(31), 8, form)
    facts = read(
        file,
        encoder__position_encodings__encodings=table,
        decoder__position_encodings__encodings=table,
    )
    assert facts.config.positions == form
    assert "encoder/position_encodings/encodings" not in facts.arrays


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"spec": "WhisperSpec"},
            "kind of model = WhisperSpec. Supported: TransformerSpec",
        ),
        ({"decoder__alibi": np.int8(1)}, "decoder/alibi = true. Supp.*: false"),
        (
            {"decoder__activation": np.int8(2)},
            r"activation of encoder and decoder = \(0, 2\)",
        ),
        (
            {
                "encoder__activation": np.int8(1),
                "decoder__activation": np.int8(1),
            },
            "activation = 1. Supported: 0, 2, 3",
        ),
        (
            {
                "encoder__num_heads": np.int16(3),
                "decoder__num_heads": np.int16(3),
            },
            "num_heads=3, 8 columns",
        ),
        (
            {"encoder__scale_embeddings": np.float32(3)},
            r"scale_embeddings = \[2.82.*, 3.0\]. Supported: 1 or 2.8284",
        ),
        (
            {"encoder__num_heads": np.float32(np.nan)},
            "encoder/num_heads must be one number",
        ),
        (
            {"encoder__position_encodings__encodings": np.ones([3, 8])},
            r"tables of positions = \[\(3, 8\), None\]",
        ),
        (
            {"encoder__layer_0__ffn__linear_0__weight_scale": np.zeros([13])},
            "linear_0/weight_scale does not fit.* values from 0.0",
        ),
        (
            {"encoder__layer_0__ffn__linear_0__bias": np.ones([3], "int32")},
            "linear_0/bias = integers of type int32. Supported: scaled",
        ),
        ({"without": ["decoder/embeddings/weight"]}, "no matrix decoder/emb"),
        (
            {"without": ["encoder/layer_0/ffn/linear_0/weight"]},
            "no matrix encoder/layer_0/ffn",
        ),
    ],
)
def test_what_is_not_supported(file, changes, message):
    with pytest.raises(ValueError, match=message):
        read(file, **changes)
