"""The settings are written where the HParams tab reads them."""

import fractions

import numpy as np
from tensorboard.plugins.hparams import plugin_data_pb2

from keras_transformer import summaries
from tests.summaries import events
from tests.training.small_model import fit, make


def test_settings_of_every_type(tmp_path):
    values = {"a": 3, "b": 0.5, "c": True, "d": "x", "e": None, "f": [1, 2]}
    values |= {"g": np.float32(0.25), "h": fractions.Fraction(1, 3)}
    fit(make(), summaries.HyperParameters(tmp_path, values))
    (start,) = [
        data.session_start_info
        for _, value in events.values(tmp_path)
        if value.metadata.plugin_data.plugin_name == "hparams"
        for data in [
            plugin_data_pb2.HParamsPluginData.FromString(
                value.metadata.plugin_data.content
            )
        ]
        if data.HasField("session_start_info")
    ]
    found = {
        name: getattr(value, value.WhichOneof("kind"))
        for name, value in start.hparams.items()
    }
    expected = {"a": 3, "b": 0.5, "c": True, "d": "x", "f": "[1, 2]"}
    assert found == expected | {"g": 0.25, "h": "1/3"}


def test_a_directory_that_cannot_be_written(tmp_path, caplog):
    file = tmp_path / "file"
    file.write_text("")
    fit(make(), summaries.HyperParameters(file / "logs", {"a": 3}))
    assert "writes no more summaries" in caplog.text
