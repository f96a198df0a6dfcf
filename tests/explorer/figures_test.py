"""A saved figure shows the weights that were asked for."""

import io

import pytest

import keras_transformer as kt
from keras_transformer import summaries
from keras_transformer.explorer import figures
from tests.assertions import assert_all_equal
from tests.interpretation import random_translator


@pytest.fixture(scope="module")
def trace():
    translator = random_translator.translator()
    return kt.interpretation.trace(translator, "the old cat", "le chat")


@pytest.fixture
def drawn(monkeypatch):
    """Lists the arguments of each figure: scores, rows, columns and title."""
    calls = []
    draw = summaries.attention_figure
    monkeypatch.setattr(
        summaries,
        "attention_figure",
        lambda *arguments: calls.append(arguments) or draw(*arguments),
    )
    return calls


@pytest.mark.parametrize(
    ("attention", "name", "rows", "columns"),
    [
        ("encoder", "encoder/block_2/attention", "source", "source"),
        ("decoder", "decoder/block_2/self_attention", "input", "input"),
        (
            "encoder-decoder",
            "decoder/block_2/cross_attention",
            "target",
            "source",
        ),
    ],
)
def test_weights_and_tokens(trace, drawn, attention, name, rows, columns):
    tokens = {
        "source": trace.source.tokens,
        "target": trace.target.tokens,
        "input": trace.target.input_tokens,
    }
    figures.save_figure(io.BytesIO(), trace, attention, layer=1, head=4)
    figures.save_figure(io.BytesIO(), trace, attention, layer=1)
    (one, *names, title), (all_heads, *_) = drawn
    weights = trace.arrays[f"{name}/weights"]
    assert_all_equal(one, weights[4:5])
    assert_all_equal(all_heads, weights)
    assert names == [tokens[rows], tokens[columns]]
    assert title == f"{attention} attention, layer 2, head 5"


@pytest.mark.parametrize(
    ("file_format", "begin"), [("svg", b"<?xml"), ("png", b"\x89PNG")]
)
def test_formats(trace, tmp_path, file_format, begin):
    path = tmp_path / "figure"
    figures.save_figure(path, trace, file_format=file_format)
    assert path.read_bytes().startswith(begin)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"attention": "cross"}, "`attention`.*'cross'"),
        ({"file_format": "pdf"}, "`file_format`.*'pdf'"),
        ({"layer": 2}, "`layer` is an index from 0 to 1.*: 2"),
        ({"layer": -1}, "`layer` is an index from 0 to 1.*: -1"),
        ({"head": 6}, "`head` is an index from 0 to 5.*: 6"),
    ],
)
def test_bad_input(trace, settings, message):
    with pytest.raises(ValueError, match=message):
        figures.save_figure(io.BytesIO(), trace, **settings)
