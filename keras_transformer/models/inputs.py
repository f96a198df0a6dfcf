"""Checks and reads the inputs of a Transformer, which are a dict of tensors.

B batch   T target length   S source length
"""

from typing import Any, NamedTuple

from keras_transformer.layers.typing import Tensor

INPUTS = ("source_ids", "target_input_ids")
# Inputs for rows of several sentences, see `layers.segments`.
SEGMENTS = ("source_segment_ids", "target_segment_ids")
# Boolean inputs. If the value of a token is False, its embedding is set to
# zero.
KEPT = ("source_kept", "target_kept")


class Inputs(NamedTuple):
    """The inputs of a Transformer; `None` for a tensor that was not given.

    Inputs of the source have the shape `(B, S)`, those of the target `(B, T)`.
    """

    source_ids: Tensor
    target_input_ids: Tensor
    source_segment_ids: Tensor | None
    target_segment_ids: Tensor | None
    source_kept: Tensor | None
    target_kept: Tensor | None


def read(inputs: Any) -> Inputs:
    """Checks the inputs of a model, and returns the tensors of the dict.

    Args:
        inputs: the argument of the model's call. Keys that are not in `INPUTS`,
            `SEGMENTS` and `KEPT` are ignored.

    Raises:
        ValueError: `inputs` is not a dict, ids are missing, or only one of
            the two sequences has segment ids.

    Example:

    >>> read({"source_ids": [[5, 2]], "target_input_ids": [[1, 7]]}).source_ids
    [[5, 2]]
    """
    if not isinstance(inputs, dict) or not set(INPUTS) <= set(inputs):
        received = sorted(inputs) if isinstance(inputs, dict) else inputs
        raise ValueError(
            f"The model is called on a dict with {INPUTS}. Received: "
            f"{received}. Give ids of both, integers (B, S) and (B, T)."
        )
    tensors = Inputs(
        *(inputs[name] for name in INPUTS),
        *(inputs.get(name) for name in (*SEGMENTS, *KEPT)),
    )
    has_segments = [tensors[2] is not None, tensors[3] is not None]
    if has_segments[0] != has_segments[1]:
        raise ValueError(
            "Source and target both have segment ids, or neither. "
            f"Received: inputs {sorted(inputs)}. Expected both of "
            f"{SEGMENTS}, or none."
        )
    return tensors
