"""A copy in int8 is small, has similar logits, and leaves the model as is."""

import keras
import numpy as np
import pytest

from keras_transformer import models

pytestmark = pytest.mark.seconds


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    config = models.TransformerConfig(
        53, 1, 1, 16, 2, 29, target_vocabulary_size=59, tying="none"
    )
    return models.build_transformer(config)


@pytest.fixture(scope="module")
def small(model):
    return models.in_int8(model)


def logits(model):
    generator = np.random.default_rng(0)
    return np.asarray(
        model(
            {
                "source_ids": generator.integers(4, 53, [3, 7]),
                "target_input_ids": generator.integers(4, 59, [3, 5]),
            }
        )
    )


def test_matrices_have_eight_bits(model, small):
    matrices = [v for v in model.variables if len(v.shape) == 2]
    assert len(matrices) == 3 + 4 + 8 + 4
    dtypes = [v.dtype for v in small.variables]
    assert dtypes.count("int8") == len(matrices)
    # Only biases, norms, and a scale for each column stay in float32.
    assert sum(
        np.prod(v.shape) for v in small.variables if v.dtype == "int8"
    ) == sum(np.prod(v.shape) for v in matrices)
    assert "int8" not in {v.dtype for v in model.variables}


def test_logits_are_near(model, small):
    exact, near = logits(model), logits(small)
    error = np.abs(exact - near).max()
    assert 0 < error < 0.05 * np.abs(exact).max()


def test_decodes_step_by_step(small):
    ids = np.array([[5, 7, 11], [13, 17, 2]])
    state = small.start(ids)
    found, _ = small.step([small.start_id] * 2, 0, state)
    expected = small(
        {
            "source_ids": ids,
            "target_input_ids": np.array([[small.start_id]] * 2),
        }
    )[:, 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_refuses_a_quantized_model(small):
    with pytest.raises(ValueError, match="quantized already. Received: .*int8"):
        models.in_int8(small)
