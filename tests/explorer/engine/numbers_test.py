"""Numbers in the browser: float16, activations, and the largest numbers."""

import math

import keras
import numpy as np
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.process]


def test_all_halves(front_end):
    halves = np.arange(2**16).astype("<u2").view("<f2").astype("float64")
    found = front_end.evaluate(
        """async () => {
          const { numberOfHalf } = await import("/half_precision.js");
          return Array.from({ length: 65536 }, (_, i) => numberOfHalf(i));
        }"""
    )
    np.testing.assert_array_equal(np.asarray(found), halves)


@pytest.mark.parametrize("name", ("linear", "relu", "silu", "gelu"))
def test_activation(front_end, name):
    inputs = np.concatenate([np.linspace(-11, 11, 997), [0.0, 1e-7, 50.0]])
    found = front_end.evaluate(
        """async ([inputs, name]) => {
          const { activate } = await import("/engine/activations.js");
          return Array.from(activate(Float64Array.from(inputs), name));
        }""",
        [inputs.tolist(), name],
    )
    expected = keras.activations.get(name)(inputs.astype("float32"))
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-7)


def test_error_function(front_end):
    inputs = np.linspace(-7, 7, 997).tolist()
    found = front_end.evaluate(
        """async (inputs) => {
          const { errorFunction } = await import("/engine/activations.js");
          return inputs.map(errorFunction);
        }""",
        inputs,
    )
    expected = [math.erf(x) for x in inputs]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_largest_of_equal_numbers(front_end):
    values = np.random.default_rng(0).integers(0, 9, 211).astype("float32")
    found = front_end.evaluate(
        """async (values) => {
          const { largest } = await import("/engine/largest.js");
          return [1, 7, 210, 211, 500].map(
            (count) => largest(Float32Array.from(values), count));
        }""",
        values.tolist(),
    )
    expected = np.argsort(-values, kind="stable").tolist()
    assert found == [expected[:count] for count in (1, 7, 210, 211, 500)]
