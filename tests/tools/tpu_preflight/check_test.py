"""Steps that compile for a TPU, and steps that fail on purpose."""

import pytest
import tensorflow as tf

from tests.tools.tpu_preflight import programs
from tools.tpu_preflight import check, chips, compiler
from tools.tpu_preflight import steps as tpu_steps

TOPOLOGY = chips.topology("v5e:2x2")
CHIP = TOPOLOGY.chip


def made_up(**fields):
    nothing = dict.fromkeys(compiler.Compiled._fields, 0)
    return compiler.Compiled(**{**nothing, **fields})


def crossed(x):
    scores = tf.nn.softmax(tf.matmul(x, x, transpose_b=True))
    return tf.reduce_sum(scores, axis=0)


def crossing(rows):
    specs = (tf.TensorSpec([rows, 17]),)
    return tpu_steps.Step("crossing", rows, 17, crossed, specs)


def test_the_operation_of_a_dynamic_shape_is_named():
    """Needs no compiler, since the error is found before compilation."""
    steps = [tpu_steps.training_step(programs.odd_model(), 3, 5)]
    [finding] = check.check(steps, TOPOLOGY)
    assert finding.compiled is None
    line = programs.Odd.call.__code__.co_firstlineno + 3
    assert "Where: " in finding.failure
    assert "boolean_mask/Where" in finding.failure
    assert (
        f"tests/tools/tpu_preflight/programs.py, line {line})"
        in finding.failure
    )


@pytest.mark.process
@programs.needs_compiler
def test_both_steps_of_a_model():
    """Compiles training and decoding; the other tests of this are slow."""
    model = programs.toy_model()
    steps = [
        tpu_steps.training_step(model, 3, 5),
        tpu_steps.decoding_step(model, programs.beam_search, 7, 5, 11),
    ]
    training, decoding = check.check(steps, TOPOLOGY, jobs=2)
    for finding in (training, decoding):
        assert finding.failure == ""
        assert 0 < finding.seconds < 0.01
        assert 0 < finding.share_of_peak < 1
    # Weights and two moments of each are updated in place.
    variables = [*model.trainable_variables, *model.optimizer.variables]
    assert training.compiled.aliased >= sum(
        4 * variable.shape.num_elements() for variable in variables
    )
    assert training.prologue is None
    assert training.compiled.loops == 0
    assert decoding.compiled.loops == 1
    assert decoding.prologue.loops == 0
    once = decoding.prologue.flops
    turn = decoding.compiled.flops - once
    assert decoding.flops == once + 11 * turn > decoding.compiled.flops > once


@pytest.mark.process
@programs.needs_compiler
def test_order_and_memory():
    findings = list(check.check(map(crossing, (100003, 101)), TOPOLOGY, jobs=2))
    assert [finding.step.rows for finding in findings] == [100003, 101]
    assert "Ran out of memory on HBM" in findings[0].failure
    assert findings[1].failure == ""


@pytest.mark.process
def test_no_compiler():
    with pytest.raises(compiler.MissingCompilerError, match="absent"):
        list(check.check([crossing(3)], TOPOLOGY, python="absent"))


def test_numbers_of_a_step_without_a_loop():
    compiled = made_up(flops=197e9, bytes_accessed=819e6)
    finding = check.Finding(crossing(3), CHIP, compiled)
    assert finding.seconds == pytest.approx(1e-3)
    assert finding.share_of_peak == pytest.approx(1.0)
    compiled = compiled._replace(bytes_accessed=4 * 819e6)
    finding = finding._replace(compiled=compiled)
    assert finding.seconds == pytest.approx(4e-3)
    assert finding.share_of_peak == pytest.approx(0.25)


def test_numbers_of_a_step_with_a_loop():
    start = made_up(flops=197e9, bytes_accessed=0.0)
    whole = made_up(flops=3 * 197e9, bytes_accessed=5 * 819e6)
    step = crossing(3)._replace(prologue=crossing(3), iterations=7)
    finding = check.Finding(step, CHIP, whole, start)
    assert finding.flops == 197e9 + 7 * 2 * 197e9
    assert finding.bytes_accessed == 7 * 5 * 819e6
    # Products limit the part before the loop, memory traffic the loop.
    assert finding.seconds == pytest.approx(1e-3 + 7 * 5e-3)
