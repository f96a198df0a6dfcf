"""The models that `--model` accepts."""

import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer.training import hardware
from tests import graphs
from tests.translation import toy
from tools.model_flags import loading, settings

TEXTS = ["ba de fi", "", "ra", "go hu ka le mi no"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return toy.write_run(
        tmp_path_factory.mktemp("runs") / "toy", {"beam_size": 3}
    )


@pytest.fixture(scope="module")
def saved_model(run):
    directory = run / "saved_model" / "1"
    kt.export.save(kt.load_translator(run), directory, signatures=["n_best"])
    return directory


def load(*paths, ensemble=None, precision=None, jit=None, **given):
    return loading.load(
        settings.ModelSettings(
            [str(path) for path in paths], ensemble, precision, jit
        ),
        settings.SearchSettings(**given),
    )


def texts_and_scores(answers):
    texts = [[h.text for h in hypotheses] for hypotheses in answers]
    return texts, [h.score for hypotheses in answers for h in hypotheses]


@pytest.mark.parametrize(
    ("n_best", "batch_size"),
    [
        (2, 1),
        pytest.param(None, 3, marks=pytest.mark.grid),
        pytest.param(3, 3, marks=pytest.mark.grid),
    ],
)
def test_run_and_saved_model_agree(run, saved_model, n_best, batch_size):
    live, served = (
        texts_and_scores(
            load(path, n_best=n_best).hypotheses(TEXTS, batch_size)
        )
        for path in (run, saved_model)
    )
    assert live[0] == served[0]
    assert len({texts[0] for texts in live[0]}) == len(TEXTS)
    np.testing.assert_allclose(live[1], served[1], rtol=1e-4, atol=1e-5)
    assert [len(texts) for texts in live[0]] == [
        1 if not text else n_best or 1 for text in TEXTS
    ]


def test_too_many_for_a_saved_model(saved_model):
    with pytest.raises(
        ValueError, match=f"{saved_model} was exported with 3 .*--n_best=5. E"
    ):
        load(saved_model, n_best=5)


@pytest.mark.parametrize("name", ["serving_default", "double"])
def test_a_saved_model_of_another_kind(name, tmp_path):
    module = tf.Module()
    module.double = tf.function(
        lambda x: {"y": 2 * x}, [tf.TensorSpec([None], name="x")]
    )
    path = str(tmp_path / "1")
    tf.saved_model.save(module, path, {name: module.double})
    with pytest.raises(
        ValueError,
        match=f"{path} is a SavedModel of another kind. Received the "
        f"signatures: {name}. Expected serving_default, from text",
    ):
        load(path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"beam_size": 3}, "--beam_size=3"),
        ({"sample": True, "top_k": 5}, "--sample=True --top_k=5"),
        ({"max_length": 5, "n_best": 2}, "--max_length=5"),
        ({"precision": "bfloat16"}, "--precision=bfloat16"),
        ({"jit": True}, "--jit_compile=True"),
    ],
)
def test_a_saved_model_is_asked_for_nothing_else(saved_model, given, message):
    with pytest.raises(ValueError, match=f"its own search, .*{message}. Leave"):
        load(saved_model, **given)


def test_a_saved_model_translates_alone(run, saved_model):
    with pytest.raises(ValueError, match="be in an ensemble.*--model="):
        load(run, saved_model)
    with pytest.raises(ValueError, match="is a SavedModel. Give its run"):
        loading.load_translator(
            settings.ModelSettings([str(saved_model)]),
            settings.SearchSettings(),
        )


def test_settings_reach_the_translator(run):
    wide = load(run, n_best=5, max_length=3, min_length=3, jit=True)
    assert wide.lengths == kt.translation.Lengths(maximum=3, minimum=3)
    assert wide.jit_compile
    assert wide.search == kt.search.BeamSearch(beam_size=5, top_beams=5)
    drawn = load(run, sample=True, n_best=2).search
    assert drawn == kt.search.SamplingSearch(num_samples=2)
    assert load(run).jit_compile is False
    with graphs.run_as_python():
        plain = load(run, length_penalty=0.0).hypotheses(["ba de fi"])
        [[default]] = load(run).hypotheses(["ba de fi"])
    assert plain[0][0].score < default.score < 0
    np.testing.assert_allclose(
        plain[0][0].score, default.log_probs.sum(), atol=1e-4
    )


def test_precision(run):
    # `translator_test.py` compares the translations of two precisions.
    variables = load(run, precision="bfloat16").model.variables
    assert {variable.dtype for variable in variables} == {"bfloat16"}
    for fast, slow in zip(
        variables, toy.translator().model.variables, strict=True
    ):
        np.testing.assert_allclose(
            np.asarray(fast, "float32"), slow, rtol=0.01, atol=1e-6
        )


def test_bfloat16_is_slow_on_some_machines(run, monkeypatch, capsys):
    warning = "warning: bfloat16 is probably slower than float32 here: the CPU"
    for feature, warns in (("amx_bf16", 0), ("sse2", 1)):
        cpu = hardware.Hardware("CPU", cpu_features=frozenset([feature]))
        monkeypatch.setattr(hardware, "read_hardware", lambda *_, cpu=cpu: cpu)
        load(run, precision="bfloat16")
        assert capsys.readouterr().err.count(warning) == warns
    # The last machine is slow with bfloat16.
    load(run)
    load(run, precision="float32")
    assert capsys.readouterr().err == ""


@pytest.mark.grid
def test_ensemble(run, tmp_path):
    other = toy.write_run(tmp_path / "other", {"length_penalty": 0.0})
    changed = kt.load_translator(other)
    generator = np.random.default_rng(0)
    for variable in changed.model.trainable_variables:
        noise = generator.normal(0, 0.03, variable.shape)
        variable.assign_add(noise.astype("float32"))
    changed.model.save(other / "model.keras")
    first, second = load(run).model, changed.model
    ids = {
        "source_ids": np.array([[5, 7, 2]]),
        "target_input_ids": np.array([[1, 11, 13]]),
    }
    logits = [np.asarray(model(ids), "float64") for model in (first, second)]
    logs = [x - np.log(np.exp(x).sum(-1, keepdims=True)) for x in logits]
    for ensemble, expected in (
        (None, np.log(np.mean(np.exp(logs), axis=0))),
        ("probabilities", np.log(np.mean(np.exp(logs), axis=0))),
        ("log_probabilities", np.mean(logs, axis=0)),
    ):
        model = load(run, other, ensemble=ensemble).model
        assert isinstance(model, kt.Ensemble)
        np.testing.assert_allclose(model(ids), expected, atol=2e-5)
    # The first run decides the search; `other` has no length penalty.
    assert load(other, run).search.alpha == 0
    assert load(run, other).search.alpha == 0.6


def test_ensemble_of_two_vocabularies(run, tmp_path):
    other = toy.write_run(tmp_path / "other")
    kt.Tokenizer(kt.learn_vocabulary(["un deux"], may_be_smaller=True)).save(
        other / "target_tokenizer.model"
    )
    with pytest.raises(ValueError, match=f"{run} and {other}.*target_token"):
        load(run, other)


def test_beam_above_the_vocabulary(run):
    with pytest.raises(ValueError, match="beam_size=1009, 3.. target tokens"):
        load(run, beam_size=1009)


def test_unfinished_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="no tokenizer.model"):
        load(tmp_path)


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such model: .*absent"):
        load(tmp_path / "absent")


def test_is_saved_model(run, saved_model):
    assert loading.is_saved_model(saved_model)
    assert not loading.is_saved_model(run)
