"""Exported files equal those that CTranslate2's own converters write.

If ctranslate2 is installed, exported models also run there.
"""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer import interchange
from keras_transformer.interchange import (
    ctranslate2_export,
    ctranslate2_file,
    ctranslate2_import,
    imported,
    weight_shapes,
)
from tests.interchange import ctranslate2_models as small

QUANTIZATION = {
    "pre_norm": "int8",
    "post_norm": "float16",
    "gated": "int16",
    "zero_start": "bfloat16",
}
# These settings only tell how alignments are made.
ALIGNMENTS = {"decoder/alignment_layer", "decoder/alignment_heads"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Imports the small models of CTranslate2 as runs."""
    folder = tmp_path_factory.mktemp("runs")
    for name in small.NAMES:
        read = ctranslate2_import.read(small.directory(name))
        imported.write_run(read, folder / name)
    return folder


@pytest.mark.parametrize("name", ["pre_norm", "post_norm", "gated"])
def test_files_are_those_of_their_converters(runs, tmp_path, name):
    """The names, types and numbers are equal, but for forbidden tokens."""
    ctranslate2_export.write(runs / name, tmp_path / "it", QUANTIZATION[name])
    written = ctranslate2_file.read(tmp_path / "it" / "model.bin")
    original = ctranslate2_file.read(small.directory(name) / "model.bin")
    assert (written.spec, written.revision) == (
        original.spec,
        original.revision,
    )
    assert set(written.variables) == set(original.variables)
    for each, values in original.variables.items():
        if each in ALIGNMENTS:
            continue
        found = written.variables[each]
        assert found.dtype == values.dtype, each
        if each == "decoder/projection/bias":
            found, values = found[4:], values[4:]
        # Scales are computed again, from numbers that were already rounded.
        np.testing.assert_allclose(found, values, rtol=1e-6, err_msg=each)
    names = {path.name for path in (tmp_path / "it").iterdir()}
    assert names == {path.name for path in small.directory(name).iterdir()}


@pytest.mark.parametrize("name", small.NAMES)
def test_what_is_written_is_read_back(runs, tmp_path, name):
    ctranslate2_export.write(runs / name, tmp_path / "it")
    again = ctranslate2_import.read(tmp_path / "it")
    before = ctranslate2_import.read(small.directory(name))
    assert again.config == before.config
    assert again.tokenizer.model == before.tokenizer.model
    for each, values in before.weights.items():
        if not each.endswith("/bias") or "embedding" not in each:
            if each != "projection/bias":
                np.testing.assert_array_equal(again.weights[each], values)


def test_quantization():
    values = np.array([[1.0, -0.5, 0.25], [0, 0, 0]], "float32")
    int8 = ctranslate2_export.quantized("a/weight", values, "int8")
    assert int8["a/weight"].tolist() == [[127, -64, 32], [0, 0, 0]]
    assert int8["a/weight_scale"].tolist() == [127.0, 1.0]
    int16 = ctranslate2_export.quantized("a/weight", values, "int16")
    assert int16["a/weight"].tolist() == [[1024, -512, 256], [0, 0, 0]]
    assert int16["a/weight_scale"] == 1024
    for quantization in ("int8", "int16", None):
        made = ctranslate2_export.quantized("a/bias", values, quantization)
        assert made["a/bias"] is values
    half = ctranslate2_export.quantized("a/bias", values, "float16")
    assert half["a/bias"].dtype == "float16"
    # A matrix of zeros stays a matrix of zeros.
    zeros = ctranslate2_export.quantized("a/weight", 0 * values, "int16")
    assert not zeros["a/weight"].any() and np.isfinite(zeros["a/weight_scale"])


def write_run(config, path, seed=3):
    """Writes a run whose random weights are large, so that scores differ."""
    tokenizer = kt.Tokenizer(
        kt.learn_vocabulary(
            ["the cat sat on the mat", "le chat assis"], may_be_smaller=True
        )
    )
    size = tokenizer.vocabulary_size
    config = dataclasses.replace(config, vocabulary_size=size)
    if config.target_vocabulary_size:
        config = dataclasses.replace(config, target_vocabulary_size=size)
    random = np.random.default_rng(seed)
    weights = {
        name: (
            random.normal(size=shape) * (1.5 if len(shape) == 2 else 0.2)
            + name.endswith(("gamma", "scale"))
        ).astype("float32")
        for name, shape in weight_shapes.weight_shapes(config).items()
    }
    made = imported.Imported(config, weights, tokenizer, None, {}, {}, {})
    imported.write_run(made, path)
    return tokenizer


CONFIGS = {
    "paper": kt.TransformerConfig(11, 1, 2, 8, 2, 13),
    "fairseq": kt.CONVENTIONS["fairseq"].apply(
        kt.TransformerConfig(11, 2, 1, 8, 2, 13)
    ),
    "marian": kt.CONVENTIONS["marian"].apply(
        kt.TransformerConfig(11, 1, 1, 8, 2, 13, tying="target")
    ),
    "modern": kt.TransformerConfig(
        11,
        1,
        2,
        16,
        4,
        13,
        num_key_value_heads=2,
        normalization="pre",
        positions="rotary",
        norm="rms",
        activation="swiglu",
        biases="none",
    ),
    "learned": kt.TransformerConfig(
        11, 1, 1, 8, 2, 13, positions="learned", max_positions=37, tying="none"
    ),
}


@pytest.mark.seconds
@pytest.mark.parametrize("quantization", [None, "int8"])
@pytest.mark.parametrize("name", CONFIGS)
def test_they_score_as_we_do(tmp_path, name, quantization):
    """ctranslate2 computes our log-probabilities, for all architectures."""
    ctranslate2 = pytest.importorskip("ctranslate2")
    keras.utils.set_random_seed(0)
    tokenizer = write_run(CONFIGS[name], tmp_path / "run")
    ctranslate2_export.write(tmp_path / "run", tmp_path / "it", quantization)
    translator = kt.load_translator(tmp_path / "run")
    if quantization:
        # The exported weights are rounded. So the rounded weights are imported.
        translator = translator.with_model(
            ctranslate2_import.read(tmp_path / "it").build()
        )
    texts, targets = ["the cat", "a mat sat on the"], ["le chat", "assis le"]
    sources, references = (
        [tokenizer.pieces(ids) for ids in tokenizer.encode(side).to_list()]
        for side in (texts, targets)
    )
    theirs = ctranslate2.Translator(
        str(tmp_path / "it"), compute_type="float32"
    ).score_batch(sources, references)
    found = log_probabilities(translator, texts, targets)
    for ours, each in zip(found, theirs, strict=True):
        assert len(each.log_probs) > 2
        np.testing.assert_allclose(
            ours[: len(each.log_probs)], each.log_probs, rtol=1e-4, atol=1e-4
        )


@small.needs_real
@pytest.mark.seconds
def test_the_real_model_there_and_back(tmp_path):
    """The 4-best lists are the same, and int8 is as good as the original's."""
    ctranslate2 = pytest.importorskip("ctranslate2")
    golden = small.answers("transliteration")
    sources = [text.split() for text in golden["sources"]]
    imported.write_run(ctranslate2_import.read(small.REAL), tmp_path / "run")

    def n_best(directory, compute_type):
        translator = ctranslate2.Translator(
            str(directory), compute_type=compute_type
        )
        return translator.translate_batch(
            sources, beam_size=4, num_hypotheses=4, return_scores=True
        )

    ctranslate2_export.write(tmp_path / "run", tmp_path / "float32")
    for each, expected in zip(
        n_best(tmp_path / "float32", "float32"), golden["n_best"], strict=True
    ):
        texts = [" ".join(tokens) for tokens in each.hypotheses]
        assert texts == [text for text, _ in expected]
        np.testing.assert_allclose(
            each.scores, [score for _, score in expected], atol=1e-5
        )
    ctranslate2_export.write(tmp_path / "run", tmp_path / "int8", "int8")
    equal = {
        name: sum(
            " ".join(each.hypotheses[0]) == expected[0][0]
            for each, expected in zip(
                n_best(directory, "int8"), golden["n_best"], strict=True
            )
        )
        for name, directory in (
            ("ours", tmp_path / "int8"),
            ("theirs", small.REAL),
        )
    }
    assert equal["ours"] >= equal["theirs"] > 100


def log_probabilities(translator, texts, targets):
    """Returns log-probabilities of target tokens.

    Tokens that the search never chooses get no probability.
    """
    model = translator.model
    target_ids = translator.encode_target(tf.constant(targets))
    logits = model(
        {
            "source_ids": translator.encode_source(tf.constant(texts)),
            "target_input_ids": model.shift_right(target_ids),
        }
    ).numpy()
    end_id = translator.tokenizer.special_ids.end
    for never in {model.pad_id, model.start_id} - {end_id}:
        logits[..., never] = -1e9
    log_probs = tf.nn.log_softmax(logits)
    return tf.gather(log_probs, target_ids, batch_dims=2).numpy()


class TestBadInput:
    def test_architectures_that_they_do_not_have(self, tmp_path):
        config = kt.TransformerConfig(11, 1, 1, 8, 2, 13, positions="relative")
        tokenizer = kt.Tokenizer(
            kt.learn_vocabulary(["a cat"], may_be_smaller=True)
        )
        config = dataclasses.replace(
            config, vocabulary_size=tokenizer.vocabulary_size
        )
        directory = kt.runs.RunDirectory(tmp_path / "run")
        directory.write_config(
            {"architecture": dataclasses.asdict(config), "settings": {}}
        )
        tokenizer.save(directory.tokenizer)
        kt.build_transformer(config).save(directory.model)
        with pytest.raises(ValueError, match="positions='relative'. Supp"):
            ctranslate2_export.write(directory.path, tmp_path / "it")
        assert not (tmp_path / "it").exists()

    def test_what_else_is_refused(self, runs, tmp_path):
        with pytest.raises(ValueError, match="Received: 'int4'"):
            ctranslate2_export.write(runs / "gated", tmp_path / "it", "int4")
        with pytest.raises(ValueError, match="not an empty directory"):
            ctranslate2_export.write(runs / "gated", runs)
        with pytest.raises(FileNotFoundError, match="finished run"):
            ctranslate2_export.write(tmp_path, tmp_path / "it")
        assert list(tmp_path.iterdir()) == []

    def test_a_run_whose_weights_are_others(self, runs, tmp_path):
        read = ctranslate2_import.read(small.directory("gated"))
        interchange.write_run(read, tmp_path / "run")
        directory = kt.runs.RunDirectory(tmp_path / "run")
        config = directory.read_config()
        config["architecture"]["num_encoder_layers"] = 3
        del config["versions"]
        directory.write_config(config)
        with pytest.raises(ValueError, match="not those of its architecture"):
            ctranslate2_export.write(directory.path, tmp_path / "it")
