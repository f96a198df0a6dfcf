"""The residual connection must compute one of its two equations.

B batch   T length   D model_dim
"""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.layers import residual
from tests.assertions import assert_all_close, assert_all_equal
from tests.layers import kinds
from tests.layers.kinds import random
from tests.references import layers as reference_layers

B, T, D = 3, 5, 26


# The class of each norm, and the names of its weights.
NORMS = {
    "layer": (keras.layers.LayerNormalization, ("gamma", "beta")),
    "rms": (keras.layers.RMSNormalization, ("scale",)),
}


def with_random_norm(normalization, dropout=0.1, norm=None, **kwargs):
    """Returns a layer, and the random weights of its norm by name."""
    layer = residual.Residual(D, dropout, normalization, norm, **kwargs)
    kinds.drawn(layer)
    weights = {
        weight.path.split("/")[-1]: weight.numpy()
        for weight in layer.norm.weights
    }
    return layer, weights


class TestResidual:
    @pytest.fixture(autouse=True)
    def set_up(self):
        keras.utils.set_random_seed(1)

    @pytest.mark.parametrize("name", tuple(NORMS))
    @pytest.mark.parametrize("epsilon", (1e-6, 1e-3, 0.5))
    def test_pre_is_its_equation(self, name, epsilon):
        norm_class, names = NORMS[name]
        layer, norm = with_random_norm("pre", norm=norm_class(epsilon=epsilon))
        assert sorted(norm) == sorted(names)
        x, matrix = random(B, T, D), random(D, D, seed=1)
        output, _ = layer(x, sublayer=lambda x: (x @ matrix, None))
        kind = {"norm": name, "epsilon": epsilon}
        for b in range(B):
            assert_all_close(
                output[b],
                x[b] + reference_layers.normalize(x[b], norm, kind) @ matrix,
                rtol=1e-5,
                atol=1e-5,
            )

    @pytest.mark.parametrize("name", tuple(NORMS))
    @pytest.mark.parametrize("epsilon", (1e-6, 1e-3, 0.5))
    def test_post_is_its_equation(self, name, epsilon):
        norm_class, names = NORMS[name]
        layer, norm = with_random_norm("post", norm=norm_class(epsilon=epsilon))
        assert sorted(norm) == sorted(names)
        x, matrix = random(B, T, D), random(D, D, seed=1)
        output, _ = layer(x, sublayer=lambda x: (x @ matrix, None))
        kind = {"norm": name, "epsilon": epsilon}
        for b in range(B):
            assert_all_close(
                output[b],
                reference_layers.normalize(x[b] + x[b] @ matrix, norm, kind),
                rtol=1e-5,
                atol=1e-5,
            )

    def test_a_sublayer_that_returns_zeros_changes_nothing_with_pre(self):
        layer, _ = with_random_norm("pre")
        x = random(B, T, D)
        output, _ = layer(x, sublayer=lambda x: (0 * x, None), training=True)
        assert_all_equal(output, x)

    @pytest.mark.parametrize("normalization", ["pre", "post"])
    def test_the_extra_result_is_returned(self, normalization):
        layer, _ = with_random_norm(normalization)
        _, extra = layer(random(B, T, D), sublayer=lambda x: (x, "scores"))
        assert extra == "scores"

    def test_the_default_norm_is_layer_norm_with_epsilon_1e_6(self):
        for norm in (
            residual.make_norm(None, "norm", "float32"),
            residual.Residual(2).norm,
            residual.make_final_norm("pre", None, "float32"),
        ):
            # The variance of (a, -a) is a^2, here equal to epsilon. The mean is
            # not 0, and layer normalization subtracts it.
            output = norm(np.array([[3e-3, 1e-3]], "float32"))
            assert_all_close(
                output, [[0.5**0.5, -(0.5**0.5)]], rtol=1e-5, atol=0
            )

    def test_epsilon_is_that_of_the_template(self):
        template = keras.layers.RMSNormalization(epsilon=3e-6)
        norm = residual.make_norm(template, "norm", "float32")
        # The mean square of (a, -a) is a^2, here a third of epsilon.
        output = norm(np.array([[1e-3, -1e-3]], "float32"))
        assert_all_close(output, [[0.5, -0.5]], rtol=1e-5, atol=0)
        assert norm.name == "norm"
        assert not template.built

    @pytest.mark.parametrize("name", [None, *NORMS])
    def test_a_mask_passes_any_norm_without_a_warning(self, name):
        template = None if name is None else NORMS[name][0]()
        embed = keras.layers.Embedding(17, D, mask_zero=True)
        vectors = embed(np.array([[3, 5, 0], [0, 7, 0]]))
        with warnings.catch_warnings():
            warnings.filterwarnings("error", ".*mask.*")
            for norm in (
                residual.make_norm(template, "norm", "float32"),
                residual.make_final_norm("pre", template, "float32"),
                residual.make_final_norm("post", template, "float32"),
            ):
                pooled = keras.layers.GlobalAveragePooling1D()
                mean = pooled(norm(vectors))[1]
                assert_all_close(mean, norm(vectors)[1, 1], rtol=0, atol=1e-6)

    def test_the_norm_at_the_end_of_a_stack(self):
        template = keras.layers.RMSNormalization()
        x = random(B, T, D)
        last = residual.make_final_norm("pre", template, "float32")
        assert isinstance(last, keras.layers.RMSNormalization)
        assert last.name == "final_norm"
        last = residual.make_final_norm("post", template, "float32")
        assert_all_equal(last(x), x)

    def test_the_policy_of_the_layer_is_that_of_the_norm(self):
        template = keras.layers.RMSNormalization(dtype="float32")
        layer = residual.Residual(D, norm=template, dtype="mixed_bfloat16")
        for inside in (layer.norm, layer.drop):
            assert inside.dtype_policy.name == "mixed_bfloat16"

    @pytest.mark.parametrize("normalization", ["pre", "post"])
    def test_dropout_is_off_in_inference(self, normalization):
        layer, _ = with_random_norm(normalization, dropout=0.7)
        without, _ = with_random_norm(normalization, dropout=0.0)
        x = random(B, T, D)
        expected, _ = without(x, sublayer=lambda x: (x, None), training=True)
        for training in (None, False):
            output, _ = layer(
                x, sublayer=lambda x: (x, None), training=training
            )
            assert_all_equal(output, expected)

    def test_dropout_zeroes_its_share_of_the_sublayer_and_scales_the_rest(self):
        layer = residual.Residual(D, 0.3, "pre")
        x = np.zeros((97, 5, D), "float32")
        output, _ = layer(
            x, sublayer=lambda x: (tf.ones_like(x), None), training=True
        )
        is_kept = output.numpy() > 0
        assert_all_close(output, is_kept / 0.7, rtol=1e-6, atol=0)
        # Of 12,610 units, five standard deviations of the share are 0.02.
        assert_all_close(np.mean(is_kept), 0.7, rtol=0, atol=0.02)

    def test_dropout_comes_before_the_post_norm(self):
        layer = residual.Residual(D, 0.5, "post")
        x = np.zeros((B, T, D), "float32")
        output, _ = layer(
            x, sublayer=lambda x: (tf.ones_like(x), None), training=True
        )
        # The norm comes last, so the mean is 0. After dropout it would not be.
        assert_all_close(
            tf.reduce_mean(output, -1), np.zeros((B, T)), rtol=0, atol=1e-6
        )
        assert np.std(output) > 0.9

    @pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
    def test_mixed_precision(self, policy):
        layer, _ = with_random_norm("post", dtype=policy)
        output, _ = layer(random(B, T, D), sublayer=lambda x: (x, None))
        assert output.dtype == policy.removeprefix("mixed_")
        assert layer.norm.gamma.dtype == "float32"

    @pytest.mark.parametrize("normalization", ("pre", "post"))
    @pytest.mark.parametrize("name", (None, *NORMS))
    def test_config_makes_the_same_layer(self, normalization, name):
        norm = None if name is None else NORMS[name][0](epsilon=0.1)
        layer, _ = with_random_norm(normalization, 0.2, norm, name="around")
        config = layer.get_config()
        assert config["model_dim"] == D
        assert config["dropout"] == 0.2
        assert config["normalization"] == normalization
        x = random(B, T, D)
        kinds.clones_alike(
            layer,
            lambda layer: layer(x, sublayer=lambda x: (2 * x, 0))[0],
        )

    def test_unknown_normalization_is_refused(self):
        with pytest.raises(
            ValueError, match=r"Unknown `normalization`.*'both'.*'pre', 'post'"
        ):
            residual.Residual(D, normalization="both")

    @pytest.mark.parametrize("dropout", [-0.1, 1.0, 1.5])
    def test_dropout_outside_is_refused(self, dropout):
        with pytest.raises(
            ValueError, match=rf"`dropout`.*Received: {dropout}.*\[0, 1\)"
        ):
            residual.Residual(D, dropout)
