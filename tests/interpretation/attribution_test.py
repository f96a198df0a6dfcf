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
    """Returns log-probabilities (N, T) of the target tokens.

    In row n, source embedding i is multiplied by `factors[n, i]`.
    """
    pair = reading.read_pair(translator, TEXT, TARGET)
    embeddings = pair.model.source_embedding(pair.source_ids)
    factors = np.asarray(factors, "float32")[:, :, None]
    values = forward.forward(
        pair.model,
        np.repeat(pair.source_ids, len(factors), axis=0),
        np.repeat(pair.input_ids, len(factors), axis=0),
        source_embeddings=embeddings * factors,
    )
    log_probs = keras.ops.log_softmax(values["logits"], axis=-1).numpy()
    [target_ids] = np.array(pair.target_ids)
    return log_probs[:, np.arange(target_ids.size), target_ids]


@pytest.mark.parametrize("method", attribution.METHODS)
def test_nan_is_refused(method, monkeypatch):
    # Fewer gradients, which take long without a graph.
    monkeypatch.setattr(attribution, "_POINTS", 1)
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
    whole, baseline = log_probabilities(translator, [[1] * size, [0] * size])
    expected = whole - baseline
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
    changes = step * np.eye(size)
    factors = np.concatenate([1 + changes, 1 - changes])
    above, below = np.split(log_probabilities(translator, factors), 2)
    # The error of the difference is about step^2 + 1e-6 / step.
    assert_all_close(found.scores, (above - below).T / (2 * step), 0.01, 1e-3)
    assert np.abs(found.scores).max() > 0.05


def test_unknown_method(translator):
    with pytest.raises(
        ValueError, match="`method`. Received: 'lime'.*Expected"
    ):
        attribution.attribute(translator, TEXT, method="lime")
