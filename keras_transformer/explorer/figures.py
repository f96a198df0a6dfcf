"""Writes the attention of a sentence as a picture, without a browser.

H heads   T query length   S key length
"""

import os

from keras_transformer import summaries
from keras_transformer.interpretation import record
from keras_transformer.layers import checks

# For each kind of attention, the name of its stack, and the name of the
# attention in a block of the stack.
KINDS = {
    "encoder": ("encoder", "attention"),
    "decoder": ("decoder", "self_attention"),
    "encoder-decoder": ("decoder", "cross_attention"),
}
FORMATS = ("svg", "png")


def save_figure(
    path: str | os.PathLike[str],
    trace: record.Trace,
    attention: str = "encoder",
    layer: int = 0,
    head: int | None = None,
    file_format: str = "svg",
) -> None:
    """Writes a figure of the attention of one head, or all heads, of a layer.

    Each head has a panel, with a row for each query and a column for each key.

    Args:
        path: the file to write, or a stream of bytes. An existing file is
            overwritten.
        trace: the result of `kt.interpretation.trace`.
        attention: `"encoder"`, `"decoder"` or `"encoder-decoder"`.
        layer: the index of the layer, counted from 0.
        head: the index of the head, counted from 0; `None` for all heads.
        file_format: `"svg"` or `"png"`.

    Raises:
        ValueError: `attention` or `file_format` is unknown, or the model has no
            such layer or head.
        OSError: the file cannot be written.

    Example:

    >>> import io
    >>> import keras_transformer as kt
    >>> tokenizer = kt.Tokenizer(
    ...     kt.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True))
    >>> config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 16)
    >>> translator = kt.Translator(kt.build_transformer(config), tokenizer)
    >>> trace = kt.interpretation.trace(translator, "a cat", "un chat")
    >>> kt.explorer.save_figure(io.BytesIO(), trace, "encoder-decoder")
    """
    checks.check_name("attention", attention, KINDS)
    checks.check_name("file_format", file_format, FORMATS)
    stack, kind = KINDS[attention]
    num_layers = trace.model[f"num_{stack}_layers"]
    _check_index("layer", layer, num_layers)
    if head is not None:
        _check_index("head", head, trace.model["num_heads"])
    weights_HTS = trace.arrays[f"{stack}/block_{layer + 1}/{kind}/weights"]
    title = f"{attention} attention, layer {layer + 1}"
    if head is not None:
        weights_HTS = weights_HTS[head : head + 1]
        title += f", head {head + 1}"
    rows, columns = _tokens(trace, attention)
    figure = summaries.attention_figure(weights_HTS, rows, columns, title)
    figure.savefig(path, format=file_format)


def _tokens(trace, attention):
    """Returns the tokens of the rows (queries) and of the columns (keys).

    At each step the decoder reads a token, and emits the next one. The rows of
    decoder attention are the tokens that the decoder reads. The rows of
    encoder-decoder attention are the tokens that the decoder emits.
    """
    if attention == "encoder":
        return trace.source.tokens, trace.source.tokens
    if attention == "decoder":
        return trace.target.input_tokens, trace.target.input_tokens
    return trace.target.tokens, trace.source.tokens


def _check_index(name, index, count):
    if not 0 <= index < count:
        raise ValueError(
            f"`{name}` is an index from 0 to {count - 1}. Received: {index}."
        )
