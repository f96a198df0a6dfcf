"""An imported model can be served, trained further and drawn."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from tests.interchange import ctranslate2_models, marian_models
from tests.tools import in_process
from tests.trainers import light_training, trainer_command

pytestmark = pytest.mark.seconds


@functools.cache
def listed():
    """Returns a translator with token lists, and its sources and targets."""
    theirs = ctranslate2_models.answers("post_norm")
    translator = ctranslate2_models.translator("post_norm")
    return translator, theirs["sources"], theirs["targets"]


def check_served(directory, translator, texts, targets):
    """Compares the signatures of a SavedModel with the translator."""
    loaded = tf.saved_model.load(str(directory)).signatures
    live = translator.with_n_best().n_best(texts)
    served = loaded["n_best"](text=tf.constant(texts))
    np.testing.assert_array_equal(served["translations"], live["translations"])
    np.testing.assert_allclose(served["scores"], live["scores"], atol=1e-5)
    scored = loaded["score"](
        text=tf.constant(texts), target=tf.constant(targets)
    )
    np.testing.assert_allclose(
        scored["log_probability"],
        translator.log_probability(texts, targets)["log_probability"],
        atol=1e-4,
    )


@pytest.mark.grid
def test_served_as_live(tmp_path):
    translator, texts, targets = listed()
    kt.export.save(translator, tmp_path / "1", signatures=["n_best", "score"])
    check_served(
        tmp_path / "1", translator, [*texts[:7], ""], [*targets[:7], ""]
    )


def mean_loss(translator, texts, targets):
    """Returns the mean loss of a token, from scores of the translator."""
    scored = translator.score(texts, targets)
    total = sum(float(each.log_probs.sum()) for each in scored)
    return -total / sum(len(each.log_probs) for each in scored)


@pytest.mark.grid
def test_trains_on_in_a_script():
    translator, texts, targets = listed()
    # A copy is trained, since other tests use the model.
    model = keras.models.clone_model(translator.model)
    model.set_weights(translator.model.get_weights())
    pairs = [
        kt.data.SentencePair(*pair) for pair in zip(texts, targets, strict=True)
    ]
    encoded = kt.data.encode_pairs(
        pairs, translator.tokenizer, 64, translator.target_tokenizer
    )
    assert encoded.num_pairs == len(pairs)
    batches = kt.data.TokenBatches(
        encoded, 4096, 64, start_id=model.start_id, packed=True
    )
    model.compile(
        keras.optimizers.Adam(0.01), kt.training.SmoothedCrossEntropy(0.0)
    )

    def loss():
        return model.evaluate(batches.evaluation_dataset(), verbose=0)

    # The loss equals the loss from the scores of the translator.
    before = loss()
    assert before == pytest.approx(
        mean_loss(translator, texts, targets), rel=1e-4
    )
    model.fit(
        batches.training_dataset(), steps_per_epoch=20, verbose=0, shuffle=False
    )
    assert loss() < 0.8 * before


@pytest.mark.grid
@pytest.mark.training
def test_by_the_programs(tmp_path, caplog, monkeypatch):
    """Programs import a model, train it further, export it and draw it."""
    golden = marian_models.answers("shared")
    texts, targets = golden["texts"].tolist(), golden["targets"].tolist()
    imported, trained = tmp_path / "imported", tmp_path / "trained"
    source = str(marian_models.directory("shared"))
    run("import_model", "--from=marian", source, f"--output_dir={imported}")
    before = kt.load_translator(imported)
    flags = []
    for each, count in (("train", 100), ("dev", 13)):
        for name, lines in (("source", texts), ("target", targets)):
            path = tmp_path / f"{each}.{name}"
            path.write_text("\n".join(lines[:count]) + "\n", "utf-8")
            flags.append(f"--{each}_{name}={path}")
    # No export by the trainer: `train_translation_test.py` tests that.
    with monkeypatch.context() as patch, caplog.at_level("INFO", "trainers"):
        light_training.train_light(patch)
        trainer_command.train_here(
            trained,
            *flags,
            f"--initial_model={imported}",
            "--precision=float32",
            "--schedule=constant",
            "--learning_rate=0.01",
            "--label_smoothing=0",
            "--steps=12",
            "--evaluation_interval=12",
            "--average_checkpoints=1",
            "--tokens_per_batch=1024",
            "--max_length=64",
        )
    assert "0 with rows of another vocabulary, 0 kept" in caplog.text
    after = kt.load_translator(trained)
    loss = kt.runs.RunDirectory(trained).read_metrics()["dev"]["loss"]
    dev = texts[:13], targets[:13]
    assert loss < 0.8 * mean_loss(before, *dev)
    assert loss == pytest.approx(mean_loss(after, *dev), rel=1e-4)
    # Search, lengths and tokenizers are those of the imported model.
    assert after.search == before.search
    assert after.lengths == before.lengths
    assert after.tokenizer.model == before.tokenizer.model
    assert after.target_tokenizer.model == before.target_tokenizer.model
    run(
        "export_saved_model",
        f"--model={imported}",
        f"--output_dir={tmp_path}",
        "--signatures=n_best,score",
    )
    check_served(tmp_path / "1", before, [*texts[:7], ""], [*targets[:7], ""])
    page = tmp_path / "page.html"
    shown = run(
        "explore",
        f"--model={trained}",
        f"--text={texts[0]}",
        f"--output={page}",
    )
    assert b"recorded traces" in shown
    assert "This page cannot compute" in page.read_text(encoding="utf-8")


def run(name, *arguments):
    result = in_process.call(name, *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.grid
def test_is_drawn(tmp_path):
    translator, texts, _ = listed()
    trace = kt.interpretation.trace(translator, texts[0])
    best = translator.hypotheses([texts[0]])[0][0]
    assert trace.target.text == best.text
    is_live = kt.explorer.save_page(
        tmp_path / "page.html", translator, [texts[0]]
    )
    assert not is_live
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "This page cannot compute a vocabulary of the kind" in page
