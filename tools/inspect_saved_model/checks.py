"""Checks the signatures of a SavedModel, and their outputs.

The contract is `export.SIGNATURES`. It has a letter for each axis of a shape.
"""

from collections.abc import Iterator

import numpy as np

from keras_transformer import export

# The largest allowed absolute error of a number. `_agree` also allows a
# relative error of 1e-3. The output for a text alone differs a little from the
# output for the same text in a batch, because a batch adds up products in
# another order.
_TOLERANCE = 1e-3
_BLANK = ("", " ")


def calls_of(texts: list[str]) -> dict[str, list[dict[str, list[str]]]]:
    """Returns the inputs of all calls of each signature.

    The first call has the texts and two blank texts in one batch. Then each of
    these texts has a call of its own. The last call has no text. If a signature
    has two inputs, such as `score`, both inputs get the same texts.

    Args:
        texts: a few texts.

    Returns:
        For each name in `export.SIGNATURES` a list of calls. A call is a dict
        from the names of the inputs to lists of texts.
    """
    texts = [*texts, *_BLANK]
    batches = [texts, *([text] for text in texts), []]
    return {
        name: [dict.fromkeys(signature.inputs, batch) for batch in batches]
        for name, signature in export.SIGNATURES.items()
    }


def problems(answer: dict, texts: list[str]) -> list[str]:
    """Returns sentences about the violations of the contract.

    The outputs of a signature are checked only if its names, types and shapes
    are right. The best translations of `n_best` and of `serving_default` are
    compared only if all signatures are right. The SavedModel must have
    `serving_default`. It may lack other signatures of the contract. Loading
    the SavedModel must not import this package or sentencepiece.

    Args:
        answer: the answer of `probe.run` to the calls of `calls_of`.
        texts: the texts that were given to `calls_of`.
    """
    wrong_parts = []
    for name, described in answer["signatures"].items():
        if name not in export.SIGNATURES:
            wrong_parts.append(f"{name}: not a signature of the contract.")
            continue
        wrong = list(_of_types(name, described))
        if not wrong:
            wrong = list(_of_answers(name, answer["calls"][name], texts))
        wrong_parts += wrong
    if not wrong_parts and "n_best" in answer["calls"]:
        wrong_parts += _of_best(answer["calls"])
    ours = [m for m in answer["imported"] if m.split(".")[0] in _FORBIDDEN]
    if ours:
        wrong_parts.append(f"Loading imports {', '.join(ours)}.")
    return wrong_parts


_FORBIDDEN = ("keras_transformer", "sentencepiece")


def _of_types(name: str, described: dict) -> Iterator[str]:
    """Yields sentences about wrong names, types and shapes of a signature.

    If some names of the inputs are wrong, there is one sentence about all names
    of the inputs, and their types and shapes are not checked. The same holds
    for the outputs. Otherwise each input or output with a wrong type or shape
    gets a sentence.

    A shape is wrong if its rank differs, or if its batch size is fixed. A shape
    of unknown rank is right. A signature must have all or none of its
    `calibrated` outputs.
    """
    signature = export.SIGNATURES[name]
    for part in ("inputs", "outputs"):
        expected = getattr(signature, part)
        received = described[part]
        if part == "outputs" and set(signature.calibrated) & set(received):
            expected = {**expected, **signature.calibrated}
        if set(received) != set(expected):
            yield (
                f"{name}: {part} are {', '.join(sorted(received))}. Expected "
                f"{', '.join(expected)}."
            )
            continue
        for key, (dtype, letters) in expected.items():
            kind, shape = received[key]
            is_right = shape is None or (
                len(shape) == len(letters) and shape[0] is None
            )
            if kind != dtype or not is_right:
                yield (
                    f"{name}: {key} is {kind} {shape}. Expected {dtype} "
                    f"({', '.join(letters)}) with any B."
                )


def _of_answers(
    name: str, calls: list[dict], texts: list[str]
) -> Iterator[str]:
    """Yields sentences about errors in the answers to the calls.

    An error in several rows of an output gets only one sentence. After a failed
    call, or an output of a wrong shape, nothing else is checked.
    """
    signature = export.SIGNATURES[name]
    expected = {**signature.outputs, **signature.calibrated}
    errors = [call["error"] for call in calls if "error" in call]
    if errors:
        yield f"{name}: a call failed: {' '.join(errors[0].split())}"
        return
    together, *alone, nothing = [call["outputs"] for call in calls]
    texts = [*texts, *_BLANK]
    for key, value in together.items():
        # The shape is known only now if the signature does not tell it.
        letters = expected[key][1]
        if np.size(value) and np.ndim(value) != len(letters):
            yield (
                f"{name}: {key} has the shape {np.shape(value)}. Expected "
                f"({', '.join(letters)})."
            )
            return
        if len(value) != len(texts) or len(nothing[key]) != 0:
            yield (
                f"{name}: {key} has {len(value)} rows for {len(texts)} texts, "
                f"and {len(nothing[key])} for none."
            )
            return
        for row, text in enumerate(texts):
            if len(alone[row][key]) != 1:
                yield (
                    f"{name}: {key} has {len(alone[row][key])} rows for one "
                    f"text, {text!r}."
                )
                return
            if not _agree(value[row], alone[row][key][0]):
                yield (
                    f"{name}: {key} of {text!r} differs if the text is alone."
                )
                break
    for key in ("confidence", "confidences", "word_confidence"):
        numbers = np.ravel(together.get(key, [])).astype("float64")
        if not ((numbers >= 0) & (numbers <= 1)).all():
            yield f"{name}: {key} is not a probability: {numbers.tolist()}."
    for key in ("translation", "translations"):
        blank = [np.ravel(row).tolist() for row in together.get(key, [])[-2:]]
        if any(any(row) for row in blank):
            yield f"{name}: {key} of a blank text is not empty: {blank}."
    for key in ("score", "scores", "log_probability"):
        numbers = np.asarray(together.get(key, []), "float64")
        if np.isnan(numbers).any():
            yield f"{name}: {key} is not a number (NaN)."
        elif (numbers > _TOLERANCE).any():
            yield f"{name}: {key} is above 0: {numbers.max()}."
    if name == "attention":
        yield from _of_attention(together)


def _of_attention(outputs: dict) -> Iterator[str]:
    """Yields a sentence for each output with wrong sums of attention scores.

    The sum over the keys must be 1 if the query is a token, and 0 if the query
    is padding.
    """
    for key, tokens in (
        ("encoder_attention", "source_tokens"),
        ("decoder_attention", "target_tokens"),
        ("cross_attention", "target_tokens"),
    ):
        for row, scores in enumerate(outputs[key]):
            is_token = np.array([t != "" for t in outputs[tokens][row]])
            sums = np.asarray(scores, "float64").sum(axis=-1)
            if not np.allclose(sums, is_token, atol=_TOLERANCE):
                yield (
                    f"attention: rows of {key} do not sum to 1 for tokens and "
                    "to 0 for padding."
                )
                break


def _of_best(calls: dict) -> Iterator[str]:
    """Yields a sentence for each text whose best translations differ.

    The translation of `serving_default` must equal the first translation of
    `n_best`.
    """
    best = calls["serving_default"][0]["outputs"]
    several = calls["n_best"][0]["outputs"]
    for row, translation in enumerate(best["translation"]):
        first = next(iter(several["translations"][row]), None)
        if first != translation:
            yield (
                f"n_best: the first translation is {first!r}, but that of "
                f"serving_default is {translation!r}."
            )


def _agree(together, alone) -> bool:
    """Tells whether the output for a text is the same in a batch and alone.

    The output in a batch may have padding at its end, and its numbers may
    differ by rounding.
    """
    if isinstance(together, str):
        return together == alone
    if together and isinstance(np.ravel(together)[0], str):
        size = len(alone)
        return together[:size] == alone and not any(together[size:])
    together, alone = np.asarray(together), np.asarray(alone)
    inside = together[tuple(slice(size) for size in alone.shape)]
    return inside.shape == alone.shape and np.allclose(
        inside, alone, 1e-3, _TOLERANCE
    )
