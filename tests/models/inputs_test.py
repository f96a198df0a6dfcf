"""The inputs of a model must be a dict with both sequences."""

import pytest

from keras_transformer.models import inputs

BOTH = {"source_ids": [[5, 2]], "target_input_ids": [[1, 7, 3]]}


def test_reads_ids_with_or_without_segments():
    assert inputs.read(BOTH) == ([[5, 2]], [[1, 7, 3]], *[None] * 4)
    segments = {"source_segment_ids": [[1, 1]], "target_segment_ids": [[1]]}
    assert inputs.read({**BOTH, **segments})[2:4] == ([[1, 1]], [[1]])
    kept = {"source_kept": [[True, False]], "target_kept": [[True]]}
    assert inputs.read({**BOTH, **kept})[4:] == tuple(kept.values())


@pytest.mark.parametrize("wrong", [[[5, 2]], {"source_ids": [[5, 2]]}])
def test_refuses_anything_else(wrong):
    with pytest.raises(ValueError, match="is called on a dict with"):
        inputs.read(wrong)


@pytest.mark.parametrize("name", inputs.SEGMENTS)
def test_refuses_segments_of_one_sequence(name):
    with pytest.raises(ValueError, match="both have segment ids, or neither"):
        inputs.read({**BOTH, name: [[1, 1]]})
