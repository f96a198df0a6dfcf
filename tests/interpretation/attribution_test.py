"""Attributions agree with sums and gradients computed in other ways."""

from unittest import mock

import keras
import numpy as np
import pytest

from keras_transformer.interpretation import attribution, forward, reading
from tests import costs, graphs
from tests.assertions import assert_all_close
from tests.interpretation import random_translator

TEXT, TARGET = "the street was wide", "la rue était large"


@pytest.fixture(
    scope="module",
    params=costs.grid(["tensor2tensor", "modern"], keep=["modern"]),
)
def translator(request):
    return random_translator.translator(request.param)


def log_probabilities(translator, factors):
    """Returns log-probabilities of the target tokens.

    Source embedding i is multiplied by `factors[i]`.
    """
    pair = reading.read_pair(translator, TEXT, TARGET)
    embeddings = pair.model.source_embedding(pair.source_ids)
    factors = np.asarray(factors, "float32")[None, :, None]
    values = forward.forward(
        pair.model,
        pair.source_ids,
        pair.input_ids,
        source_embeddings=embeddings * factors,
    )
    log_probs = keras.ops.log_softmax(values["logits"][0], axis=-1).numpy()
    return np.array(
        [row[i] for row, i in zip(log_probs, pair.target_ids[0], strict=True)]
    )


@pytest.mark.parametrize("method", attribution.METHODS)
def test_nan_is_refused(method):
    translator = random_translator.translator("modern")
    pair = reading.read_pair(translator, TEXT, TARGET)
    norm = pair.model.encoder.weights[-1]
    norm.assign(np.full(norm.shape, np.nan))
    with (
        graphs.run_as_python(),
        pytest.raises(FloatingPointError, match="NaN or infinite"),
    ):
        attribution.of_pair(pair, method)


@pytest.mark.grid
@pytest.mark.seconds
def test_integrated_gradients_are_complete(translator):
    with mock.patch.object(forward, "forward", wraps=forward.forward) as spy:
        found = attribution.attribute(translator, TEXT, TARGET)
    # For any number of points, the model is only called to trace two graphs.
    assert spy.call_count == 2
    size = found.scores.shape[1]
    expected = log_probabilities(translator, np.ones(size))
    expected -= log_probabilities(translator, np.zeros(size))
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found.scores.sum(1), expected, 0.01, 1e-3)
    assert found.method == "integrated_gradients"


@pytest.mark.seconds
# The functions of these kinds of models are smooth.
@pytest.mark.parametrize(
    "kind", costs.grid(["marian", "modern"], keep=["modern"])
)
def test_gradients_are_those_of_finite_differences(kind):
    translator = random_translator.translator(kind)
    found = attribution.attribute(
        translator, TEXT, TARGET, method="input_x_gradient"
    )
    size, step = found.scores.shape[1], 5e-3
    for i in range(size):
        factors = np.ones(size)
        factors[i] += step
        above = log_probabilities(translator, factors)
        factors[i] -= 2 * step
        below = log_probabilities(translator, factors)
        # The error of the difference is about step^2 + 1e-6 / step.
        assert_all_close(
            found.scores[:, i], (above - below) / (2 * step), 0.01, 1e-3
        )
    assert np.abs(found.scores).max() > 0.05


def test_unknown_method(translator):
    with pytest.raises(
        ValueError, match="`method`. Received: 'lime'.*Expected"
    ):
        attribution.attribute(translator, TEXT, method="lime")
