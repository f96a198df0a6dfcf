"""Calibrations for tests of the page, and the comparison of assessments."""

import pytest

import keras_transformer as kt
from keras_transformer.translation import defects, isotonic

# Curves of two points. They rise slowly, so small differences between two
# computations stay small.
TWO_POINTS = kt.translation.Calibration(
    isotonic.Curve((-9.0, 0.0), (0.125, 1.0)),
    isotonic.Curve((-4.0, -0.5), (0.0, 0.875)),
    defects.LengthModel(1.0, 0.25),
)
# A curve of one point, and a curve of many points with an x twice.
OTHER = kt.translation.Calibration(
    isotonic.Curve((-3.5,), (0.625,)),
    isotonic.Curve((-5.0, -3.0, -3.0, -1.0, -0.5), (0.0, 0.25, 0.5, 0.5, 0.75)),
    defects.LengthModel(2.0, 1.0),
)
FLAGS = ("has_loop", "has_unusual_length")


def assert_same_assessments(actual, expected, tolerance=1e-6):
    """Compares lists of assessments.

    Args:
        actual: dicts, as the page returns them.
        expected: `Assessment`s.
        tolerance: the tolerance for numbers.
    """
    assert len(actual) == len(expected)
    for now, then in zip(actual, expected, strict=True):
        assert now["words"] == then.words
        assert {name: now[name] for name in FLAGS} == {
            name: getattr(then, name) for name in FLAGS
        }
        for name in ("confidence", "word_confidences"):
            assert now[name] == pytest.approx(
                getattr(then, name), rel=0, abs=tolerance
            )
