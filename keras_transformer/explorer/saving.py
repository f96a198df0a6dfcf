"""Writes an HTML page that shows how a translator translates.

The page contains the model or, instead of the model, complete traces. A trace
is a record of what the model computed for one sentence. A page with the model
has traces too. These traces leave out the numbers that the page computes.
"""

import dataclasses
import os
import pathlib
from collections.abc import Sequence

import numpy as np

from keras_transformer import interpretation
from keras_transformer.explorer import (
    article,
    embedded_model,
    embedded_weights,
    page,
)
from keras_transformer.interpretation import reading
from keras_transformer.layers import checks
from keras_transformer.translation import confidence
from keras_transformer.translation import translator as translators

# The default limit of the weights' size, in units of 10^6 bytes. If the weights
# are larger, the page has traces instead of the model. In the page, base64
# makes the weights a third larger. The limit is for the size before base64.
MOST_MEGABYTES = 64
_NOTE = (
    "The weights of this model are {:.1f} MB, above the limit of {:g} MB. So "
    "the page has recorded traces of its sentences, and translates no others."
)

_OTHER_KIND = (
    "This page cannot compute {}. So it has recorded traces of its sentences, "
    "and translates no others."
)


def save_page(
    path: str | os.PathLike[str],
    translator: translators.Translator,
    texts: Sequence[str] = article.ARTICLE,
    targets: Sequence[str | None] | None = None,
    dtype: str = "float32",
    most_megabytes: float = MOST_MEGABYTES,
    calibration: confidence.Calibration | None = None,
) -> bool:
    """Writes one HTML file that contains the model, for a browser.

    The page needs no network and no server, and translates any sentence. If the
    weights are above `most_megabytes`, or `embedded_model.obstacle` returns a
    reason, the page has only recorded traces of `texts` instead of the model.

    Args:
        path: the file to write.
        translator: a `Translator` of one `Transformer`.
        texts: at least one sentence. The page opens with the first two.
        targets: the translation of each text. The translator makes those that
            are `None`, and all of them if `targets` is `None`.
        dtype: `"float32"`, or `"float16"` for weights of half the size.
        most_megabytes: the limit of the weights' size, in units of 10^6 bytes.
        calibration: from `kt.runs.read_calibration`; `None` for no confidences.

    Returns:
        Whether the model is in the page.

    Raises:
        ValueError: `dtype` is unknown, `texts` is one string or empty, the
            numbers of texts and targets differ, a text or target is blank,
            `interpretation.trace` or `embedded_model.embed_model` refuses the
            model, or a recorded number is NaN or infinite.
        FloatingPointError: a score, or a gradient, is NaN or infinite.
        OSError: the file cannot be written.

    Example:

    >>> import tempfile
    >>> import keras_transformer as kt
    >>> tokenizer = kt.Tokenizer(
    ...     kt.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True))
    >>> config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 16)
    >>> translator = kt.Translator(kt.build_transformer(config), tokenizer)
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     kt.explorer.save_page(
    ...         f"{directory}/page.html", translator, ["a cat"], ["un chat"])
    True
    """
    checks.check_name("dtype", dtype, embedded_weights.DTYPES)
    texts, targets = _sentences(texts, targets)
    translator = reading.in_float32(translator)
    note = _obstacle(translator, dtype, most_megabytes)
    model = None
    if note is None:
        # An error of `embed_model` should come before the slow tracing.
        model = embedded_model.embed_model(translator, dtype, calibration)
    data = _data(translator, texts, targets, note, calibration)
    _write(pathlib.Path(path), page.render(data, model))
    return note is None


def _obstacle(translator, dtype, most_megabytes):
    """Returns why the model cannot be in the page; `None` if it can."""
    reason = embedded_model.obstacle(translator)
    if reason is not None:
        return _OTHER_KIND.format(reason)
    bytes_of_a_weight = np.dtype(dtype).itemsize
    megabytes = translator.model.count_params() * bytes_of_a_weight / 1e6
    if megabytes > most_megabytes:
        return _NOTE.format(megabytes, most_megabytes)
    return None


def _sentences(texts, targets):
    """Checks the texts and the targets, and returns both as lists."""
    if isinstance(texts, str) or not texts:
        raise ValueError(
            "`texts` is a list of at least one sentence. Received: "
            f"{texts!r}. Give the sentences to open with."
        )
    if isinstance(targets, str):
        raise ValueError(
            "`targets` is a list with a translation, or None, for each text. "
            f"Received: {targets!r}."
        )
    targets = [None] * len(texts) if targets is None else list(targets)
    if len(targets) != len(texts):
        raise ValueError(
            "`targets` has a translation, or None, for each text. Received: "
            f"{len(targets)} targets, {len(texts)} texts."
        )
    return list(texts), targets


def _data(translator, texts, targets, note, calibration):
    """Returns all data of the page except the model.

    `front_end/main.js` describes the data. `note` says why the model is not in
    the page; `note` is `None` if the page contains the model.
    """
    # A page with the model computes confidences itself, so its traces need no
    # calibration.
    recorded = calibration if note else None
    traces = [
        _traced(translator, *sentence, recorded)
        for sentence in zip(texts, targets, strict=True)
    ]
    heads = None
    if tuple(texts) == article.ARTICLE:
        heads = article.heads_of_article(traces)
    return {
        "texts": texts,
        "targets": targets,
        "heads": heads,
        "notes": [note] if note else [],
        "traces": [
            (trace if note else _attribution_alone(trace)).fields()
            for trace in traces
        ],
    }


def _traced(translator, text, target, calibration):
    """Traces a sentence with attribution.

    The page cannot compute attribution itself, because attribution needs
    gradients.
    """

    def with_attribution(method):
        return interpretation.trace(
            translator,
            text,
            target,
            attribution=method,
            calibration=calibration,
        )

    try:
        return with_attribution("integrated_gradients")
    except ArithmeticError:
        # Integrated gradients did not converge, or a number is NaN or infinite.
        # The method `input_x_gradient` needs no convergence. If the output of
        # the model is NaN, the second call raises the same error again.
        return with_attribution("input_x_gradient")


def _attribution_alone(trace):
    """Returns a trace without the fields that a page with a model computes."""
    return dataclasses.replace(trace, arrays={}, steps=[], lens=[], search=None)


def _write(path, text):
    """Writes a file completely or, after an error, not at all."""
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
