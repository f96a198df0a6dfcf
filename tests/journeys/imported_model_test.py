"""An imported model is served, trained on and drawn like any other."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from tests.interchange import ctranslate2_models, marian_models

pytestmark = pytest.mark.seconds


def translators():
    """A model of each kind of vocabulary, and texts of it."""
    theirs = ctranslate2_models.answers("post_norm")
    marian = marian_models.answers("shared")
    return {
        "ctranslate2": (
            ctranslate2_models.translator("post_norm"),
            theirs["sources"],
            theirs["targets"],
        ),
        "marian": (
            marian_models.translator("shared"),
            marian["texts"].tolist(),
            marian["targets"].tolist(),
        ),
    }


KINDS = pytest.mark.parametrize("kind", ["ctranslate2", "marian"])


@KINDS
def test_served_as_live(kind, tmp_path):
    translator, texts, targets = translators()[kind]
    texts, targets = [*texts[:7], ""], [*targets[:7], ""]
    kt.export.save(translator, tmp_path / "1")
    loaded = tf.saved_model.load(str(tmp_path / "1")).signatures
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


@KINDS
def test_trains_on(kind):
    translator, texts, targets = translators()[kind]
    # The model of the other tests stays as it is.
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

    # What the loss sees is what the translator scores.
    scored = translator.score(texts, targets)
    total = sum(float(each.log_probs.sum()) for each in scored)
    count = sum(len(each.log_probs) for each in scored)
    before = loss()
    assert before == pytest.approx(-total / count, rel=1e-4)
    model.fit(
        batches.training_dataset(), steps_per_epoch=20, verbose=0, shuffle=False
    )
    assert loss() < 0.8 * before


@KINDS
def test_is_drawn(kind, tmp_path):
    translator, texts, _ = translators()[kind]
    trace = kt.interpretation.trace(translator, texts[0])
    best = translator.hypotheses([texts[0]])[0][0]
    assert trace.target.text == best.text
    is_live = kt.explorer.save_page(
        tmp_path / "page.html", translator, [texts[0]]
    )
    assert not is_live
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "This page cannot compute a vocabulary of the kind" in page
