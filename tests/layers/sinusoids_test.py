"""Sinusoids must equal the five common tables, also at large positions.

B batch   T length   D model_dim
"""

import numpy as np
import pytest

from keras_transformer.layers import sinusoids
from tests.assertions import assert_all_close, assert_all_equal
from tests.layers import kinds
from tests.references import layers as reference_layers

B, T, D = 3, 5, 26
FORMS = kinds.SINUSOIDS


class TestSinusoidalEncoding:
    def test_names_of_the_forms(self):
        assert sorted(sinusoids.FORMS) == sorted(FORMS)

    @pytest.mark.parametrize(
        ("form", "number", "expected"),
        [
            # sin 1, cos 1, then sin and cos of 1 / 100.
            ("paper", 1, [0.841471, 0.540302, 0.0099998, 0.99995]),
            ("half", 1, [0.841471, 0.0099998, 0.540302, 0.99995]),
            # sin 1 and sin 1e-4, then their cosines.
            ("tensor2tensor", 1, [0.841471, 1e-4, 0.540302, 1.0]),
            ("tensor2tensor_from_1", 0, [0.841471, 1e-4, 0.540302, 1.0]),
            # The same for position 2.
            ("fairseq", 0, [0.909297, 2e-4, -0.416147, 1.0]),
        ],
    )
    def test_one_position_of_four_dimensions(self, form, number, expected):
        table = sinusoids.sinusoidal_encoding([number], 4, form)
        assert_all_close(table, [expected], rtol=0, atol=5e-7)

    def test_second_frequency_of_512_dimensions(self):
        table = sinusoids.sinusoidal_encoding([1], 512, "paper")
        assert_all_close(table[0, 2], 0.8218562, rtol=0, atol=1e-7)
        table = sinusoids.sinusoidal_encoding([1], 512, "tensor2tensor")
        assert_all_close(table[0, 1], 0.8217787, rtol=0, atol=1e-7)

    @pytest.mark.parametrize("form", FORMS)
    def test_equals_the_formula(self, form):
        table = sinusoids.sinusoidal_encoding(np.arange(97), D, form)
        expected = [reference_layers.sinusoid(p, D, form) for p in range(97)]
        assert_all_close(table, expected, rtol=0, atol=1e-6)

    @pytest.mark.parametrize(
        ("start", "tolerance"), [(0, 1e-6), (4000, 1e-6), (100_000, 2e-5)]
    )
    def test_far_positions_are_as_precise_as_near_ones(self, start, tolerance):
        # The product of two float32 numbers has an error of 1e-4 at 2,000.
        numbers = start + np.arange(97)
        for form in sinusoids.FORMS:
            actual = sinusoids.sinusoidal_encoding(numbers, 512, form)
            expected = [
                reference_layers.sinusoid(p, 512, form) for p in numbers
            ]
            assert_all_close(actual, expected, rtol=0, atol=tolerance)

    def test_half_is_a_reordering_of_the_paper(self):
        paper = sinusoids.sinusoidal_encoding(np.arange(97), D, "paper").numpy()
        half = sinusoids.sinusoidal_encoding(np.arange(97), D, "half")
        reordered = np.concatenate([paper[:, 0::2], paper[:, 1::2]], axis=1)
        assert_all_equal(half, reordered)

    def test_tensor2tensor_is_no_reordering_of_the_paper(self):
        half = sinusoids.sinusoidal_encoding(np.arange(100), 512, "half")
        other = sinusoids.sinusoidal_encoding(
            np.arange(100), 512, "tensor2tensor"
        )
        assert_all_close(np.abs(half - other).max(), 0.142, rtol=0, atol=5e-4)

    @pytest.mark.parametrize(
        ("form", "first"), [("tensor2tensor_from_1", 1), ("fairseq", 2)]
    )
    def test_two_forms_are_tensor2tensor_from_a_later_number(self, form, first):
        assert_all_equal(
            sinusoids.sinusoidal_encoding(np.arange(97), D, form),
            sinusoids.sinusoidal_encoding(
                np.arange(first, 97 + first), D, "tensor2tensor"
            ),
        )

    @pytest.mark.parametrize("form", FORMS)
    def test_positions_may_have_any_shape(self, form):
        numbers = np.random.default_rng(0).integers(0, 97, (B, T, 2))
        table = sinusoids.sinusoidal_encoding(numbers, D, form)
        assert table.shape == (B, T, 2, D)
        assert table.dtype == "float32"
        flat = sinusoids.sinusoidal_encoding(np.ravel(numbers), D, form)
        assert_all_equal(table, np.reshape(flat, table.shape))

    @pytest.mark.parametrize("form", FORMS)
    def test_products_depend_on_the_distance_alone(self, form):
        table = sinusoids.sinusoidal_encoding(np.arange(37), D, form).numpy()
        products = table @ table.T
        for distance in (0, 1, 7):
            diagonal = np.diagonal(products, distance)
            assert_all_close(
                diagonal, np.full(37 - distance, diagonal[0]), atol=1e-5
            )
        assert_all_close(products[0, 0], D / 2, rtol=1e-6)
        assert products[0, 7] < 0.9 * D / 2

    @pytest.mark.parametrize("form", FORMS)
    def test_two_dimensions_are_one_sine_and_one_cosine(self, form):
        first = {"tensor2tensor_from_1": 1, "fairseq": 2}.get(form, 0)
        table = sinusoids.sinusoidal_encoding([0, 1, 2], 2, form)
        expected = [[np.sin(p + first), np.cos(p + first)] for p in range(3)]
        assert_all_close(table, expected, rtol=0, atol=1e-6)

    def test_unknown_form_is_refused(self):
        with pytest.raises(
            ValueError, match="Unknown form of positions.*'learned'.*'paper'"
        ):
            sinusoids.sinusoidal_encoding([1], 4, "learned")

    def test_odd_size_is_refused(self):
        with pytest.raises(ValueError, match="even `model_dim`.*7.*Use 8"):
            sinusoids.sinusoidal_encoding([1], 7)
