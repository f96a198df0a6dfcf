"""Calls the signatures of a SavedModel with batches of requests."""

from typing import Any

import tensorflow as tf

from tools.inspect_saved_model import probe
from tools.serve_ray.rows import Call


def answers_of(signatures: Any, calls: list[Call]) -> list[dict[str, list]]:
    """Returns the outputs of each call, in the order of the calls.

    Calls of one signature run as one batch. The exception is a signature with
    an output whose rows have no fixed shape, such as attention scores. A batch
    pads such rows to the largest row. So the calls of such a signature run one
    by one, and the outputs of a call do not depend on other calls.

    Args:
        signatures: the signatures of a SavedModel, by their names.
        calls: the calls.
    """
    answers: list[dict[str, list]] = [{} for _ in calls]
    for name in dict.fromkeys(call.signature for call in calls):
        signature = signatures[name]
        numbers = [n for n, call in enumerate(calls) if call.signature == name]
        batches = [numbers]
        if not _has_fixed_rows(signature):
            batches = [[number] for number in numbers]
        for batch in batches:
            outputs = call_signature(signature, [calls[n] for n in batch])
            first = 0
            for number in batch:
                last = first + calls[number].rows
                answers[number] = {
                    output: values[first:last]
                    for output, values in outputs.items()
                }
                first = last
    return answers


def call_signature(signature: Any, calls: list[Call]) -> dict[str, list]:
    """Runs calls of one signature as a batch.

    Args:
        signature: the signature.
        calls: at least one call.

    Returns:
        A dict from the name of each output to a list with the rows of all
        calls, in the order of the calls.
    """
    inputs = {
        name: tf.constant(
            [text for call in calls for text in call.inputs[name]], tf.string
        )
        for name in calls[0].inputs
    }
    return {
        name: probe.as_lists(output)
        for name, output in signature(**inputs).items()
    }


def _has_fixed_rows(signature):
    """Returns whether the rows of each output have a fixed shape."""
    return all(
        spec.shape[1:].is_fully_defined()
        for spec in signature.structured_outputs.values()
    )
