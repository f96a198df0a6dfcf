"""Numbers in the logs of an epoch become curves."""

import math

from keras_transformer import summaries
from tests.summaries import events
from tests.training.small_model import fit, make


def test_numbers_of_the_logs(tmp_path):
    losses = []

    def values(logs):
        losses.append(logs["loss"])
        return {"a/loss": logs["loss"], "a/b": 7, "c": math.nan}

    fit(make(), summaries.Scalars(tmp_path, values), epochs=2)
    found = events.scalars(tmp_path)
    assert [step for step, _ in found["a/loss"]] == [5, 10]
    assert [round(x, 5) for _, x in found["a/loss"]] == [
        round(x, 5) for x in losses
    ]
    assert found["a/b"] == [(5, 7), (10, 7)]
    assert "c" not in found
