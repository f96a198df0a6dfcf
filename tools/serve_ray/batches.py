"""Calls of the signatures of a SavedModel, several at a time."""

from typing import Any

import tensorflow as tf

from tools.inspect_saved_model import probe
from tools.serve_ray.rows import Call


def answers_of(signatures: Any, calls: list[Call]) -> list[dict[str, list]]:
    """Returns the outputs of calls, in their order.

    Calls of one signature are one batch. But an output whose rows have no fixed
    size, such as attention scores, is as large as the largest row of a batch
    needs. So that an answer does not depend on what else is asked, such a
    signature is called for each call alone.

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
    """Returns the outputs of a signature for the rows of all calls."""
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
    """Returns whether all rows of each output have the same shape."""
    return all(
        spec.shape[1:].is_fully_defined()
        for spec in signature.structured_outputs.values()
    )
