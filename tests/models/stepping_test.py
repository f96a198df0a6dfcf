"""The contract between models, translators and searches must be kept.

B batch   T target length   S source length   V vocabulary_size
"""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer import models
from keras_transformer.models import stepping
from keras_transformer.search import contract
from tests.assertions import assert_all_close, assert_all_equal

B, T, S, V = 3, 5, 7, 13
SOURCE_IDS = np.array(
    [[5, 6, 7, 8, 9, 10, 2], [11, 12, 2, 0, 0, 0, 0], [3, 4, 5, 2, 0, 0, 0]],
    "int32",
)
TARGET_IDS = np.array(
    [[7, 5, 9, 12, 2], [4, 2, 0, 0, 0], [3, 6, 8, 2, 0]], "int32"
)


def methods_of(protocol):
    return [
        name
        for name, value in vars(protocol).items()
        if inspect.isfunction(value)
        and (name == "__call__" or not name.startswith("_"))
    ]


def parameters_of(kind, name):
    """Returns names and defaults of the arguments of a method."""
    # `__call__` of Keras calls `call`.
    if name == "__call__" and issubclass(kind, keras.layers.Layer):
        name = "call"
    return [
        (one.name, one.default)
        for one in inspect.signature(getattr(kind, name)).parameters.values()
    ]


def make(start_id=1, vocabulary_size=V):
    keras.utils.set_random_seed(2)
    config = models.TransformerConfig(
        vocabulary_size, 1, 1, 6, 2, 11, start_id=start_id
    )
    return models.build_transformer(config)


def without_more(model):
    """Makes an object with the members of the contract and no others."""
    members = {
        name: staticmethod(getattr(model, name))
        for name in methods_of(stepping.DecodingModel)
    }
    members["__call__"] = lambda _, *args, **kwargs: model(*args, **kwargs)
    for name in ("pad_id", "start_id"):
        members[name] = getattr(model, name)
    return type("Own", (), members)()


class TestDecodingModel:
    @pytest.mark.parametrize("kind", [models.Transformer, models.Ensemble])
    def test_models_state_the_contract(self, kind):
        assert stepping.DecodingModel in kind.__mro__
        names = methods_of(stepping.DecodingModel)
        assert len(names) > 9
        for name in names:
            expected = parameters_of(stepping.DecodingModel, name)
            found = parameters_of(kind, name)
            assert found[: len(expected)] == expected, name
            # A model may take more arguments if they have defaults.
            assert all(
                default is not inspect.Parameter.empty
                for _, default in found[len(expected) :]
            ), name

    def test_instances_are_recognised(self):
        model = make()
        assert isinstance(model, models.DecodingModel)
        assert isinstance(models.Ensemble([model]), models.DecodingModel)
        assert isinstance(without_more(model), models.DecodingModel)
        assert not isinstance(keras.Model(), models.DecodingModel)
        for name in ("start_id", "select", "shift_right"):
            own = without_more(model)
            delattr(type(own), name)
            assert not isinstance(own, models.DecodingModel)

    def test_a_state_is_handled_as_a_search_expects(self):
        names = methods_of(contract.States)
        assert set(names) == {"widen", "select", "take_rows", "shapes"}
        for name in names:
            assert parameters_of(stepping.DecodingModel, name) == parameters_of(
                contract.States, name
            )

    def test_a_missing_method_is_reported_at_once(self):
        class Unfinished(stepping.DecodingModel):
            def start(self, source_ids, max_length=None):
                return source_ids

        with pytest.raises(TypeError, match="abstract method.*widen"):
            Unfinished()

    @pytest.mark.grid
    def test_a_translator_needs_nothing_else(self):
        texts = ["a cat and a dog", "the cat has a dog", "a dog"]
        vocabulary = kt.learn_vocabulary(texts, may_be_smaller=True)
        tokenizer = kt.Tokenizer(vocabulary)
        model = make(vocabulary_size=tokenizer.vocabulary_size)
        lengths = kt.translation.Lengths(ratio=1.0, extra=3)
        actual, expected = (
            kt.Translator(one, tokenizer, lengths=lengths)
            for one in (without_more(model), model)
        )
        answers = expected.translate(texts)
        assert len({*answers}) > 1
        assert actual.translate(texts) == answers
        scores, explanations = (
            [read(each) for each in (actual, expected)]
            for read in (
                lambda each: each.score(texts, texts[::-1]),
                lambda each: kt.translation.explain(each, texts[0]),
            )
        )
        found, expected = ([one.score for one in some] for some in scores)
        assert found == expected
        for one, other in zip(*explanations, strict=True):
            assert_all_equal(one, other)

    def test_a_step_equals_one_of_the_stepper(self):
        model = make()
        ids = np.array([5, 6, 7])
        logits, _ = model.step(ids, 0, model.start(SOURCE_IDS))
        expected, _ = model.stepper()(ids, 0, model.start(SOURCE_IDS))
        assert_all_equal(logits, expected)
        assert logits.shape == (B, V)

    @pytest.mark.parametrize("return_attention", (False, True))
    def test_a_stepper_of_tokens(self, return_attention):
        model = make()
        chosen = np.array([2, V - 1, 3])
        found, expected = (
            model.stepper(return_attention, output_ids)(
                np.array([5, 6, 7]), 0, model.start(SOURCE_IDS)
            )
            for output_ids in (chosen, None)
        )
        assert_all_close(
            found[0], np.asarray(expected[0])[:, chosen], rtol=0, atol=1e-5
        )
        assert len(found) == 2 + return_attention


class TestShiftRight:
    @pytest.mark.parametrize("start_id", (1, 0, 7))
    @pytest.mark.parametrize("is_ensemble", (False, True))
    def test_the_start_comes_first_and_the_last_is_left_out(
        self, start_id, is_ensemble
    ):
        model = make(start_id=start_id)
        if is_ensemble:
            model = models.Ensemble([model, model])
        shifted = model.shift_right(TARGET_IDS)
        assert shifted.dtype == "int32"
        assert_all_equal(
            shifted,
            [
                [start_id, 7, 5, 9, 12],
                [start_id, 4, 2, 0, 0],
                [start_id, 3, 6, 8, 2],
            ],
        )

    @pytest.mark.parametrize("shape", ((B, T), (B, 1), (B, 0), (0, T), (0, 0)))
    @pytest.mark.parametrize("where", ("eager", "graph", "unknown", "compiled"))
    def test_any_shape_anywhere(self, shape, where):
        model = make()
        ids = np.full(shape, 9, "int64")
        shift = model.shift_right
        if where == "unknown":
            spec = tf.TensorSpec([None, None], tf.int64)
            shift = tf.function(shift, input_signature=[spec])
        elif where != "eager":
            shift = tf.function(shift, jit_compile=where == "compiled")
        shifted = shift(ids)
        assert shifted.shape == shape
        assert shifted.dtype == "int64"
        expected = ids.copy()
        expected[:, :1] = 1
        assert_all_equal(shifted, expected)

    def test_the_model_reads_the_target_before_each_position(self):
        """Logits of a shifted target equal those of steps that produce it."""
        model = make()
        inputs = {
            "source_ids": SOURCE_IDS,
            "target_input_ids": model.shift_right(TARGET_IDS),
        }
        logits, state = model(inputs), model.start(SOURCE_IDS)
        ids = np.full(B, model.start_id)
        for t in range(T):
            step, state = model.step(ids, t, state)
            is_real = TARGET_IDS[:, t] != 0
            assert_all_close(
                step[is_real], logits[:, t][is_real], rtol=0, atol=1e-5
            )
            ids = TARGET_IDS[:, t]
