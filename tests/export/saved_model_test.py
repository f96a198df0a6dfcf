"""A SavedModel answers as the live model, alone with TensorFlow."""

import json
import subprocess
import sys

import pytest
import tensorflow as tf

import keras_transformer as kt

# What a server knows: TensorFlow and the operations of tensorflow-text.
_SERVER = """
import json, sys
import tensorflow as tf
import tensorflow_text
before = {name for name in sys.modules if name.split(".")[0] == "keras"}
texts = [bytes(text) for text in json.load(sys.stdin)]
model = tf.saved_model.load(sys.argv[1])
serve = model.signatures["serving_default"]

def answer(texts):
    found = serve(text=tf.constant(texts, tf.string))
    return [list(map(int, t)) for t in found["translation"].numpy()], [
        float(score) for score in found["score"].numpy()]

together = answer(texts)
alone = [answer([text]) for text in texts]
after = {name for name in sys.modules if name.split(".")[0] == "keras"}
json.dump({
    "together": together, "alone": alone, "empty": answer([]),
    "imported": sorted(
        name for name in sys.modules if name.startswith("keras_transformer")
    ) + sorted(after - before),
}, sys.stdout)
"""


@pytest.fixture(scope="module")
def translator(demo_run):
    return kt.translation.load_translator(demo_run)


def served(directory, texts: list[bytes]):
    result = subprocess.run(
        [sys.executable, "-c", _SERVER, str(directory)],
        input=json.dumps([list(text) for text in texts]),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads(result.stdout)


def test_served_as_live_alone_and_in_a_batch(translator, tmp_path):
    directory = tmp_path / "model" / "1"
    kt.export.save(translator, directory)
    corpus = kt.data.illustrated_corpus()
    texts = [pair.source.encode() for pair in corpus.test[:100]]
    found = served(directory, texts)
    assert found["imported"] == []
    live = translator(tf.constant(texts))
    expected = [list(text) for text in live["translation"].numpy()]
    assert found["together"][0] == expected
    assert [alone[0][0] for alone in found["alone"]] == expected
    for score, alone, row in zip(
        found["together"][1], found["alone"], live["score"], strict=True
    ):
        assert score == pytest.approx(float(row), abs=1e-4)
        assert alone[1][0] == pytest.approx(float(row), abs=1e-4)
    assert found["empty"] == [[], []]


def test_strange_text_gets_an_answer(demo_run):
    texts = [
        b"",
        b"   ",
        "🎉🚀".encode(),
        "שלום עולם".encode(),
        b"a" * 5000,
        ("The dog is small. " * 280)[:5000].encode(),
        b"\xff\xfe\x00broken",
        "\u2581 \x00 \U0010fffd".encode(),
        b"The dog is small.",
    ]
    found = served(demo_run / "saved_model" / "1", texts)
    translations, scores = found["together"]
    assert len(translations) == len(texts)
    assert translations[:2] == [[], []]
    assert scores[:2] == [0, 0]
    for translation in translations:
        bytes(translation).decode("utf-8")
    # The last one is not the worse for its neighbours.
    assert bytes(translations[-1]) == b"Le chien est petit."
    assert found["alone"][-1][0][0] == translations[-1]


def test_signature(demo_run):
    model = tf.saved_model.load(str(demo_run / "saved_model" / "1"))
    assert set(model.signatures) == {"serving_default"}
    serve = model.signatures["serving_default"]
    arguments, inputs = serve.structured_input_signature
    assert arguments == ()
    assert {k: (v.dtype, v.shape.as_list()) for k, v in inputs.items()} == {
        "text": (tf.string, [None])
    }
    outputs = serve.structured_outputs
    assert {k: (v.dtype, v.shape.as_list()) for k, v in outputs.items()} == {
        "translation": (tf.string, [None]),
        "score": (tf.float32, [None]),
    }


def test_an_existing_directory_is_left_alone(translator, tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(FileExistsError, match="nothing was written"):
        kt.export.save(translator, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_check_tells_another_model(demo_run, translator):
    directory = demo_run / "saved_model" / "1"
    texts = [pair.source for pair in kt.data.illustrated_corpus().dev[:5]]
    kt.export.check(directory, translator, texts)
    other = kt.Transformer(**translator.model.get_config())
    stranger = kt.Translator(other, translator.tokenizer)
    with pytest.raises(ValueError, match="The SavedModel in .* translates"):
        kt.export.check(directory, stranger, texts)
