"""Describes a translator as data for the explorer's HTML page.

With this data, the page translates in the browser.
`front_end/engine/engine.js` reads the data, a JSON object:

- `version`: 1, the version of this format;
- `dtype`, `tensors`, `data`: the weights, see `embedded_weights`;
- `architecture`: the layers, see `embedded_layers`;
- `source_vocabulary` and `target_vocabulary`: see `embedded_vocabulary`;
  `target_vocabulary` is `None` if source and target share a vocabulary;
- `search`: `kind`, which is `"greedy"` or `"beam"`; and for `"beam"` the fields
  of the `BeamSearch` except `constraints`, `stopping` and `minimum_risk`;
- `constraints`: the fields of `Constraints` except `normalized_over`;
- `limits`: `max_source_length`, and the fields of `Lengths`;
- `calibration`: the fields of `Calibration`, or `None`.
"""

import dataclasses
from typing import Any

from keras_transformer.explorer import (
    embedded_layers,
    embedded_vocabulary,
    embedded_weights,
)
from keras_transformer.models import transformer
from keras_transformer.search import BeamSearch, GreedySearch
from keras_transformer.text import Tokenizer
from keras_transformer.translation import confidence
from keras_transformer.translation import translator as translators

VERSION = 1
_LENGTHS = ("maximum", "ratio", "extra", "minimum", "minimum_ratio")


def embed_model(
    translator: translators.Translator,
    dtype: str = "float32",
    calibration: confidence.Calibration | None = None,
) -> dict[str, Any]:
    """Describes a translator as JSON data, with its weights.

    The page computes in float32, whatever the precision of the model.

    Args:
        translator: a `Translator` with one `Transformer`.
        dtype: the type of the weights in the data: `"float32"`, or `"float16"`
            for half the size.
        calibration: the calibration of the translator, with which the page
            computes the confidence of translations; `None` for no confidence.

    Returns:
        The data of the model, which `json.dumps` can write.

    Raises:
        ValueError: `dtype` is unknown, a weight is too large for it, the model
            is an ensemble or of another class, the sizes of a vocabulary and
            of the model differ, or the page cannot compute a layer, a
            vocabulary or the search.

    Example:

    >>> import keras_transformer as kt
    >>> tokenizer = kt.Tokenizer(
    ...     kt.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True))
    >>> config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 16)
    >>> translator = kt.Translator(kt.build_transformer(config), tokenizer)
    >>> embed_model(translator)["search"]["beam_size"]
    4
    """
    model = translator.model
    if type(model) is not transformer.Transformer:
        raise ValueError(
            "The page computes one Transformer. Received: "
            f"{type(model).__name__}. Give the translator of one run; the "
            "models of an ensemble can have a page each."
        )
    _check_vocabularies(translator)
    weights = embedded_weights.Weights(dtype)
    architecture = embedded_layers.embed_layers(model, weights)
    search, constraints = _search(translator.search)
    return {
        "version": VERSION,
        "architecture": architecture,
        **_vocabularies(translator),
        "search": search,
        "constraints": _plain(constraints),
        "limits": {
            "max_source_length": translator.max_source_length,
            **{name: getattr(translator.lengths, name) for name in _LENGTHS},
        },
        "calibration": None if calibration is None else calibration.as_json(),
        **weights.data(),
    }


def _vocabularies(translator):
    """Returns both vocabularies as JSON data.

    `target_vocabulary` is `None` if source and target share a vocabulary.
    """
    source, target = translator.tokenizer, translator.target_tokenizer
    return {
        "source_vocabulary": embedded_vocabulary.embed_vocabulary(source),
        "target_vocabulary": None
        if target is source
        else embedded_vocabulary.embed_vocabulary(target),
    }


def _plain(constraints):
    """Returns the fields of constraints that the page reads."""
    fields = dataclasses.asdict(constraints)
    del fields["normalized_over"]
    return fields


def obstacle(translator: translators.Translator) -> str | None:
    """Returns a reason why the page cannot run a translator, or `None`.

    If there is a reason, the page needs recorded traces of sentences instead of
    the model. The reason can be the kind of a vocabulary, the special ids of
    sources (the page can only add an end id), or a setting of the search. This
    function does not find other reasons, for instance a search that is neither
    beam search nor greedy search: `embed_model` raises an error for them.

    Args:
        translator: a `Translator`.

    Returns:
        A noun phrase for a message, such as "a vocabulary of the kind ...", or
        `None`.
    """
    for tokenizer in (translator.tokenizer, translator.target_tokenizer):
        if not isinstance(tokenizer, Tokenizer):
            return f"a vocabulary of the kind {type(tokenizer).__name__}"
        if tokenizer.special_ids.around_source() != [tokenizer.special_ids.end]:
            return "sources with other tokens around them than an end token"
    search = translator.search
    if type(search) is BeamSearch:
        if search.stopping != "certain":
            return f"a search that stops by the rule {search.stopping!r}"
        if search.minimum_risk:
            return "a search that compares its hypotheses"
    constraints = getattr(search, "constraints", None)
    if constraints is not None and constraints.normalized_over != "all":
        return "a search that normalizes over allowed tokens"
    return None


def _search(search):
    """Returns the settings of a search, and its constraints."""
    if type(search) is GreedySearch:
        return {"kind": "greedy"}, search.constraints
    if type(search) is BeamSearch:
        fields = dataclasses.asdict(search)
        for name in ("constraints", "stopping", "minimum_risk"):
            del fields[name]
        return {"kind": "beam", **fields}, search.constraints
    raise ValueError(
        "The page computes beam search and greedy search. Received: "
        f"{type(search).__name__}. Give `translator.with_search(BeamSearch())`."
    )


def _check_vocabularies(translator):
    reason = obstacle(translator)
    if reason is not None:
        raise ValueError(
            f"The page cannot compute {reason}. Make a page of recorded "
            "traces: `save_page` does."
        )
    for name, tokenizer, layer in (
        ("source", translator.tokenizer, translator.model.source_embedding),
        ("target", translator.target_tokenizer, translator.model.projection),
    ):
        if tokenizer.vocabulary_size != layer.vocabulary_size:
            raise ValueError(
                f"The model and its {name} vocabulary must have the same size. "
                f"Received: {layer.vocabulary_size} of the model, "
                f"{tokenizer.vocabulary_size} of the vocabulary. Give the "
                "vocabulary that the model was trained with."
            )
