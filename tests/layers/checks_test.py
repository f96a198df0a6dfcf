"""Errors of wrong arguments must say what was received and what to do."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.layers import checks


class TestChecks:
    def test_correct_values_pass(self):
        for size in (1, 7, np.int64(7)):
            checks.check_size("size", size)
        for number in (1e-6, 1, np.float32(3)):
            checks.check_positive("number", number)
        for share in (0, 0.0, 0.999, np.float32(0.5)):
            checks.check_share("share", share)
        for token in (0, 16, np.int32(3)):
            checks.check_id("token", token, 17)
        checks.check_name("name", "b", ("a", "b"))
        checks.check_vectors("inputs", (None, None, 7), 7)

    @pytest.mark.parametrize("size", [0, -1, 2.0, True, False, "2", None])
    def test_sizes(self, size):
        with pytest.raises(
            ValueError,
            match=f"`size`.*whole.*at least 1. Received: {size!r}. Give",
        ):
            checks.check_size("size", size)

    @pytest.mark.parametrize(
        "number", [0, -1.5, float("nan"), float("inf"), True, "1", None]
    )
    def test_numbers(self, number):
        with pytest.raises(
            ValueError, match=f"`number` must be positive.*: {number!r}. Give"
        ):
            checks.check_positive("number", number)

    @pytest.mark.parametrize("share", [-0.1, 1.0, 1, float("nan"), "0.1", None])
    def test_shares(self, share):
        with pytest.raises(
            ValueError,
            match=rf"`share`.*Received: {share!r}. Give.*\[0, 1\)",
        ):
            checks.check_share("share", share)

    @pytest.mark.parametrize("token", [-1, 17, 1.5, "3", None])
    def test_ids(self, token):
        with pytest.raises(
            ValueError,
            match=rf"`token` must be in \[0, 17\).*: {token!r}. Give",
        ):
            checks.check_id("token", token, 17)

    @pytest.mark.parametrize("name", ["c", None, 1])
    def test_names(self, name):
        with pytest.raises(
            ValueError, match=f"Unknown `name`. Received: {name!r}.*'a', 'b'"
        ):
            checks.check_name("name", name, ("a", "b"))

    @pytest.mark.parametrize("shape", [(2, 7), (2, 3, 8), (2, 3, 5, 7)])
    def test_vectors(self, shape):
        with pytest.raises(
            ValueError,
            match=rf"`inputs` must have shape \(B, T, 7\).*{shape[0]}, "
            rf"{shape[1]}",
        ):
            checks.check_vectors("inputs", shape, 7)

    def test_the_last_size(self):
        assert checks.last_size((None, None, 7)) == 7
        with pytest.raises(
            ValueError,
            match=r"must be known.*Received: shape=\(2, None\). Give",
        ):
            checks.last_size((2, None))

    def test_integers_are_known_only_outside_of_graphs(self):
        actual = []

        @tf.function
        def graph(value):
            actual.append(checks.known_int(value))

        graph(tf.constant(3))
        keras.layers.Lambda(
            lambda x: actual.append(checks.known_int(x[0, 0])) or x,
            output_shape=(None,),
        )(keras.Input((None,), dtype="int32"))
        assert set(actual) == {None}
        for value in (3, np.int64(3), tf.constant(3), np.array(3)):
            assert checks.known_int(value) == 3
