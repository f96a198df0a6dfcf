"""A SavedModel of two vocabularies decodes with the target vocabulary.

This holds for every way to load it. The model is not trained, so its
translations are noise. But they are long enough to make comparisons useful.
"""

import functools
import pathlib
import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from tests import costs, graphs

pytestmark = pytest.mark.seconds

SOURCES = ["the cat sat on the mat", "a dog ran away", "small cats and dogs"]
TARGETS = ["le chat assis", "un chien dort", "les petits chats et les chiens"]
TEXTS = ["the cat", "a dog ran", "cats", "small mat and a dog"]
# The sizes of the source and the target vocabulary.
KINDS = {"larger": (277, 293), "smaller": (293, 277), "equal": (283, 283)}


@functools.cache
def translator(kind):
    source_size, target_size = KINDS[kind]
    source = kt.Tokenizer(kt.learn_vocabulary(SOURCES, source_size))
    target = kt.Tokenizer(kt.learn_vocabulary(TARGETS, target_size))
    config = kt.TransformerConfig(
        source_size,
        1,
        1,
        8,
        2,
        13,
        target_vocabulary_size=target_size,
        tying="none",
    )
    keras.utils.set_random_seed(5)
    model = kt.build_transformer(config)
    for weight in model.weights:
        # Weights are larger, so that translations depend on the source.
        weight.assign(3 * weight)
    return kt.Translator(
        model,
        source,
        target_tokenizer=target,
        lengths=kt.translation.Lengths(maximum=11, minimum=7),
    )


@functools.cache
def saved(kind):
    directory = pathlib.Path(tempfile.mkdtemp()) / kind
    kt.export.save(translator(kind), directory)
    return str(directory)


@functools.cache
def live(kind):
    """Returns the outputs of the live model; every loader must give them."""
    one = translator(kind)
    targets = TARGETS + ["un chat"]
    with graphs.run_as_python():
        answers = {
            "serving_default": one(tf.constant(TEXTS)),
            "n_best": one.with_n_best().n_best(tf.constant(TEXTS)),
            "score": one.log_probability(
                tf.constant(TEXTS), tf.constant(targets)
            ),
            "attention": kt.translation.explain_in_graph(
                one, tf.constant(TEXTS)
            ),
        }
    best = answers["serving_default"]
    texts = best["translation"].numpy().tolist()
    # Translations are not empty and differ. The two vocabularies differ, too.
    assert len(set(texts)) > 2 and all(texts)
    assert one.tokenizer.pieces(range(277)) != one.target_tokenizer.pieces(
        range(277)
    )
    return {
        "serving_default": {"text": TEXTS},
        "n_best": {"text": TEXTS},
        "score": {"text": TEXTS, "target": targets},
        "attention": {"text": TEXTS},
    }, answers


def check(kind, call):
    """Compares all signatures. `call` takes a signature's name and inputs."""
    asked, expected = live(kind)
    for name, answer in expected.items():
        found = call(name, asked[name])
        assert set(found) == set(answer)
        for output, value in answer.items():
            value, other = value.numpy(), np.asarray(found[output])
            if value.dtype == object:
                assert other.tolist() == value.tolist(), (name, output)
            else:
                np.testing.assert_allclose(other, value, 1e-4, 1e-5)


def ask(loaded):
    return lambda name, inputs: loaded.signatures[name](
        **{key: tf.constant(texts) for key, texts in inputs.items()}
    )


# `test_in_a_session` loads one of these models without the grid.
@pytest.mark.grid
@pytest.mark.parametrize("kind", KINDS)
def test_loaded(kind):
    check(kind, ask(tf.saved_model.load(saved(kind))))


@pytest.mark.grid
def test_loaded_twice_and_beside_others():
    loaded = {
        name: tf.saved_model.load(saved(name.split("-")[0]))
        for name in ("equal", "larger", "equal-again")
    }
    for name in ("equal", "larger", "equal-again", "equal"):
        check(name.split("-")[0], ask(loaded[name]))


@pytest.mark.grid
@pytest.mark.parametrize("kind", costs.grid(("larger", "equal"), ("equal",)))
def test_in_a_session(kind):
    directory = saved(kind)
    live(kind)  # Not in the graph of the session.
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        graph = tf.compat.v1.saved_model.load(session, ["serve"], directory)

        def call(name, inputs):
            signature = graph.signature_def[name]
            return session.run(
                {n: info.name for n, info in signature.outputs.items()},
                {
                    signature.inputs[n].name: texts
                    for n, texts in inputs.items()
                },
            )

        check(kind, call)


@pytest.mark.grid
def test_as_a_layer_of_keras():
    expected = live("larger")[1]["serving_default"]
    layer = keras.layers.TFSMLayer(
        saved("larger"), call_endpoint="serving_default"
    )
    found = layer(tf.constant(TEXTS))
    for name, value in expected.items():
        assert found[name].numpy().tolist() == value.numpy().tolist()


@pytest.mark.grid
def test_wrapped_and_exported_again(tmp_path):
    """A module that contains two loaded models is exported and loaded again."""

    class Both(tf.Module):
        def __init__(self):
            super().__init__()
            self.models = [
                tf.saved_model.load(saved(kind)) for kind in ("larger", "equal")
            ]

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
        def both(self, text):
            return {
                str(i): one.signatures["serving_default"](text=text)[
                    "translation"
                ]
                for i, one in enumerate([*self.models, self.models[0]])
            }

    module = Both()
    tf.saved_model.save(module, str(tmp_path / "again"), module.both)
    loaded = tf.saved_model.load(str(tmp_path / "again"))
    found = loaded.signatures["serving_default"](text=tf.constant(TEXTS))
    for name, kind in (("0", "larger"), ("1", "equal"), ("2", "larger")):
        expected = live(kind)[1]["serving_default"]["translation"]
        assert found[name].numpy().tolist() == expected.numpy().tolist()
