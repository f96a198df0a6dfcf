"""A run has a calibration file, until other weights are trained."""

import pytest

from keras_transformer import runs, translation
from keras_transformer.translation import defects, isotonic

CALIBRATION = translation.Calibration(
    isotonic.Curve((-2.0, -0.1), (0.1, 0.9)),
    isotonic.Curve((-1.0,), (0.5,)),
    defects.LengthModel(1.25, 0.5),
)


def test_is_read_as_it_was_written(tmp_path):
    assert runs.read_calibration(tmp_path) is None
    path = runs.write_calibration(tmp_path, CALIBRATION)
    assert path == tmp_path / "confidence.json"
    assert runs.read_calibration(tmp_path) == CALIBRATION


def test_damaged(tmp_path):
    for content in ("{", "{}", "[]"):
        (tmp_path / "confidence.json").write_text(content)
        with pytest.raises(ValueError, match=f"{tmp_path}/confidence.json: "):
            runs.read_calibration(tmp_path)


def test_training_again_removes_it(tmp_path):
    runs.write_calibration(tmp_path, CALIBRATION)
    runs.RunDirectory(tmp_path).write_config({"settings": {}})
    assert runs.read_calibration(tmp_path) is None
