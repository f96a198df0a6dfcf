"""Steps over the batches of an iterator."""

import gc

import keras
import pytest
import tensorflow as tf

from keras_transformer.training import executions


class Counting(keras.Model):
    def __init__(self):
        super().__init__()
        self.total = keras.metrics.Sum(name="total")
        self.calls = keras.metrics.Sum(name="calls")

    def add(self, batch):
        self.total.update_state(batch)
        self.calls.update_state(1)


@pytest.mark.parametrize("run_eagerly", [False, True])
@pytest.mark.parametrize(
    "steps, calls", [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (7, [5])]
)
def test_reads_to_the_end_and_no_further(steps, calls, run_eagerly):
    model = Counting()
    model.run_eagerly = run_eagerly
    run = executions.over_iterator(model, model.add, steps)
    batches = iter(tf.data.Dataset.range(10, 15))
    assert [int(run(batches)["calls"]) for _ in calls] == calls
    with pytest.raises(StopIteration):
        run(batches)
    assert int(model.total.result()) == 10 + 11 + 12 + 13 + 14
    assert int(model.calls.result()) == 5


def test_one_batch_of_an_ordinary_iterator():
    model = Counting()
    run = executions.over_iterator(model, model.add, 3)
    assert int(run(iter([tf.constant(7)]))["total"]) == 7
    assert int(model.calls.result()) == 1


def test_logs_that_are_no_metrics():
    model = Counting()
    executions.check_logs(model, None)
    executions.check_logs(model, {"total": 1})

    def step(batch):
        return {"total": batch, "extra": batch}

    run = executions.over_iterator(model, step, 1)
    with pytest.raises(ValueError, match=r"logs of \['extra'\].*'total'"):
        run(iter([tf.constant(7)]))


@pytest.mark.parametrize("was_enabled", [False, True])
def test_collection_is_left_as_it_was(was_enabled):
    (gc.enable if was_enabled else gc.disable)()
    try:
        with pytest.raises(KeyError), executions.without_collection():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() == was_enabled
    finally:
        gc.enable()
