"""Writes traces of sentences as summaries for TensorBoard's tab "Transformer".

A summary is a vector of one string: the trace's JSON, compressed by gzip. The
JSON contains what the tab draws: the tokens, the attention weights of all heads
as float16, and the most probable tokens of each step of the decoder.
"""

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

# The name of the plugin of TensorBoard that draws the summaries.
PLUGIN = "keras_transformer"
# For each step of the decoder, a summary has at most this number of the most
# probable tokens.
MOST_CANDIDATES = 20
_CANDIDATES = ("ids", "tokens", "logits")
# The value `DATA_CLASS_TENSOR` of TensorBoard's summary.proto.
_DATA_CLASS_TENSOR = 2


class TraceLike(Protocol):
    """The input of a summary, such as a `kt.interpretation.Trace`.

    arrays: a dict from the name of each array of the trace to the array.
    """

    arrays: Mapping[str, np.ndarray]

    def fields(self) -> dict[str, Any]:
        """Returns the trace as a dict that `json.dumps` can write."""


def write_trace(name: str, trace: TraceLike, step: int | None = None) -> bool:
    """Writes a trace with the default writer, as functions of `tf.summary` do.

    Args:
        name: the tag. Use one tag for the traces of one sentence at several
            steps of training.
        trace: the result of `kt.interpretation.trace`.
        step: the step of training; `None` for the default step of `tf.summary`.

    Returns:
        A boolean tensor: whether the trace was written. It was not written if
        there is no default writer, or `tf.summary.record_if` turns summaries
        off.

    Raises:
        ValueError: a number of the summary that is not in an array, for example
            a logit, is NaN or infinite; or a trace that is to be written has
            neither a `step` nor a default step.

    Example:

    >>> import tempfile
    >>> import keras_transformer as kt
    >>> import tensorflow as tf
    >>> tokenizer = kt.Tokenizer(
    ...     kt.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True))
    >>> config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 16)
    >>> translator = kt.Translator(kt.build_transformer(config), tokenizer)
    >>> traced = kt.interpretation.trace(translator, "a cat", "un chat")
    >>> writer = tf.summary.create_file_writer(tempfile.mkdtemp())
    >>> with writer.as_default():
    ...     bool(kt.summaries.write_trace("a cat", traced, step=0))
    True
    """
    fields = _drawn(trace)
    metadata = tf.compat.v1.SummaryMetadata(
        display_name=fields["source"]["text"],
        plugin_data=tf.compat.v1.SummaryMetadata.PluginData(
            plugin_name=PLUGIN,
            content=json.dumps(
                {key: fields[key] for key in ("schema", "version")}
            ).encode(),
        ),
        data_class=_DATA_CLASS_TENSOR,
    )
    text = json.dumps(fields, ensure_ascii=False, allow_nan=False)
    # The time stored by gzip is 0, so that equal traces give equal bytes.
    packed = gzip.compress(text.encode("utf-8", "replace"), mtime=0)
    return tf.summary.write(name, tf.constant([packed]), step, metadata)


def _drawn(trace):
    """Returns the fields of a trace, without data that the tab does not use.

    The only arrays that the tab uses are attention weights. So the other arrays
    are left out. The tab does not use the fields `lens`, `search` and
    `attribution`. So these three fields are empty or `None`.
    """
    fields = trace.fields()
    arrays = {
        name: _packed(array)
        for name, array in trace.arrays.items()
        if name.endswith("/weights")
    }
    steps = [_best_of(candidates) for candidates in fields["steps"]]
    return {
        **fields,
        "arrays": arrays,
        "steps": steps,
        "lens": [],
        "search": None,
        "attribution": None,
    }


def _best_of(candidates):
    """Returns the most probable tokens of a step, with rounded logits."""
    best = {name: candidates[name][:MOST_CANDIDATES] for name in _CANDIDATES}
    return {
        "log_normalizer": round(candidates["log_normalizer"], 4),
        **best,
        "logits": [round(logit, 4) for logit in best["logits"]],
    }


def _packed(array):
    values = np.asarray(array, "<f2").tobytes()
    return {
        "shape": list(array.shape),
        "dtype": "float16",
        "values": base64.b64encode(values).decode("ascii"),
    }
