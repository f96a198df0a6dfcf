"""Rotary positions and shared heads are read. Other kinds are refused."""

import numpy as np
import pytest

from keras_transformer.interchange import ctranslate2_attention

FIRST = "encoder/layer_0/self_attention"


def read(**values):
    settings = {f"{FIRST}/{name}": np.array(v) for name, v in values.items()}
    settings["encoder/layer_0/ffn/linear_0/bias"] = np.zeros([3])
    return ctranslate2_attention.read(settings, num_heads=4, head_dim=6)


def test_what_is_read():
    assert read() == (False, None)
    assert read(rotary_dim=0, rotary_interleave=0) == (True, None)
    assert read(rotary_dim=6, rotary_base=1e4, num_heads_kv=2) == (True, 2)
    assert read(num_heads_kv=4) == (False, None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"rotary_dim": 4},
            r"rotary_dim = \[4.0\]. Supported: .*\(0, 6\)",
        ),
        ({"rotary_interleave": 1}, r"rotary_interleave = \[1.0\]"),
        ({"rotary_base": 5e5}, r"rotary_base = \[500000.0\]"),
        ({"num_heads_kv": 5}, r"num_heads_kv = \[5.0\]"),
        ({"num_heads_kv": [2, 2]}, "must be one number"),
        ({"rotary_base": np.inf}, "must be one number"),
    ],
)
def test_what_is_not_supported(values, message):
    with pytest.raises(ValueError, match=message):
        read(**values)


def test_attentions_that_differ():
    settings = {
        f"{FIRST}/num_heads_kv": np.array(2),
        "decoder/layer_3/attention/num_heads_kv": np.array(1),
    }
    with pytest.raises(ValueError, match=r"num_heads_kv = \[1.0, 2.0\]"):
        ctranslate2_attention.read(settings, 4, 6)
