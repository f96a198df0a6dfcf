"""Training, translation and serving with the special ids of another system."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from tests.translation import toy

IDS = kt.text.SpecialIds(pad=7, begin=5, end=0, unknown=1)
TEXTS = ["ba de fi", "", "go hu ka le", "ra"]


@pytest.fixture(scope="module")
def translators():
    """Two translators with the same training: one with `IDS`, one without."""
    pairs = toy.random_pairs(499, longest=4)
    texts = [text for pair in pairs for text in pair]
    made = []
    for ids in (IDS, kt.text.SpecialIds()):
        tokenizer = kt.Tokenizer(
            kt.learn_vocabulary(texts, may_be_smaller=True, special_ids=ids)
        )
        keras.utils.set_random_seed(0)
        model = kt.build_transformer(
            kt.TransformerConfig(
                tokenizer.vocabulary_size,
                num_encoder_layers=1,
                num_decoder_layers=1,
                model_dim=32,
                num_heads=2,
                feed_forward_dim=67,
                dropout=0.0,
                # Rounding errors must stay small over eighty updates. At the
                # corner of a ReLU they would become large.
                activation="gelu",
                pad_id=ids.pad,
                start_id=ids.begin,
            )
        )
        # Equal pieces get equal weights, although their ids differ.
        order = np.argsort(tokenizer.pieces(range(tokenizer.vocabulary_size)))
        table = model.source_embedding.weights[0]
        values = table.numpy()
        table.assign(values[np.argsort(order)])
        model.compile(
            kt.training.paper_adam(32, 31, factor=0.5, epsilon=1e-4),
            kt.training.SmoothedCrossEntropy(0.1),
            weighted_metrics=["sparse_categorical_accuracy"],
        )
        batches = kt.data.TokenBatches(
            kt.data.encode_pairs(pairs, tokenizer, 17), 512, 17
        )
        history = model.fit(
            batches.training_dataset(),
            steps_per_epoch=40,
            epochs=2,
            verbose=0,
            shuffle=False,
        ).history
        translator = kt.Translator(
            model, tokenizer, kt.search.BeamSearch(beam_size=3, top_beams=2)
        )
        made.append((translator, history))
    return made


@pytest.mark.grid
def test_trains_as_with_the_usual_ids(translators):
    (_, found), (_, expected) = translators
    # Both trainings add the same numbers, in different orders.
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-3)
    assert expected["loss"][1] < expected["loss"][0]


@pytest.mark.grid
def test_batches_have_them(translators):
    [(translator, _), _] = translators
    source_ids = translator.encode_source(tf.constant(TEXTS)).numpy()
    assert source_ids[1].tolist() == [0] + [7] * (source_ids.shape[1] - 1)
    assert translator.tokenizer.special_ids == IDS
    result = translator.search_ids(source_ids)
    for ids, length in zip(
        result.ids.numpy()[:, 0], result.lengths.numpy()[:, 0], strict=True
    ):
        assert not set(ids[:length]) & {7, 5}
        assert set(ids[length:]) <= {7}


@pytest.mark.grid
def test_translates_explains_and_scores(translators):
    [(translator, _), _] = translators
    found = translator.hypotheses(
        TEXTS, prefixes=["FI", "", "", ""], align=True
    )
    assert found[0][0].text.startswith("FI") and found[1][0].text == ""
    assert len({best[0].text for best in found}) > 1
    assert translator.translate(TEXTS)[1] == ""
    plain = [best[0] for best in translator.hypotheses(TEXTS)]
    scored = translator.score(TEXTS, [best.text for best in plain])
    for best, again in zip(plain, scored, strict=True):
        if best.tokens[-1:] == ["<eos>"] == again.tokens[-1:]:
            assert again.score == pytest.approx(best.score, abs=1e-4)
    explained = kt.translation.explain(translator, TEXTS[0])
    assert explained.source_tokens[-1] == "<eos>"
    assert explained.target_input_tokens[0] == "<bos>"
    np.testing.assert_allclose(explained.cross.sum(-1), 1, atol=1e-5)


@pytest.mark.grid
def test_served_as_live(translators, tmp_path):
    [(translator, _), _] = translators
    kt.export.save(
        translator, tmp_path / "1", signatures=["n_best", "attention"]
    )
    kt.export.check(tmp_path / "1", translator, TEXTS)
    loaded = tf.saved_model.load(str(tmp_path / "1")).signatures
    live = translator.with_n_best().n_best(TEXTS)
    served = loaded["n_best"](text=tf.constant(TEXTS))
    np.testing.assert_array_equal(served["translations"], live["translations"])
    np.testing.assert_allclose(served["scores"], live["scores"], atol=1e-5)
    attention = loaded["attention"](text=tf.constant(TEXTS))
    assert attention["source_tokens"].numpy()[0, 3] == b"<eos>"


@pytest.mark.grid
def test_a_model_that_pads_with_another_id(translators):
    [(translator, _), (usual, _)] = translators
    with pytest.raises(ValueError, match="Received: 0 of the model, 7 of `tok"):
        kt.Translator(usual.model, translator.tokenizer)
    with pytest.raises(ValueError, match="7 of `target_tokenizer`"):
        kt.Translator(
            usual.model, usual.tokenizer, target_tokenizer=translator.tokenizer
        )


@pytest.mark.grid
def test_a_search_of_ones_own(translators):
    """Any object with `__call__` can search, in a graph and outside."""
    [(translator, _), _] = translators

    class Twice:
        """Greedy search that returns each hypothesis twice."""

        def __call__(self, step, state, task):
            result = kt.search.GreedySearch()(step, state, task)
            return result._replace(
                **{
                    name: tf.repeat(getattr(result, name), 2, axis=1)
                    for name in ("ids", "lengths", "scores", "log_probs")
                }
            )

    greedy = translator.with_search(kt.search.GreedySearch())
    expected = greedy.translate(TEXTS)
    found = translator.with_search(Twice()).hypotheses(TEXTS)
    assert [len(best) for best in found] == [2, 1, 2, 2]
    assert [best[0].text for best in found] == expected
    # A function can be a search too.
    twice = translator.with_search(lambda *args: Twice()(*args))
    answer = twice(tf.constant(TEXTS))["translation"].numpy()
    assert [text.decode() for text in answer] == expected

    class Blind:
        """A search that returns no attention."""

        def __call__(self, step, state, task):
            result = kt.search.GreedySearch()(step, state, task)
            return result._replace(attention=None)

    blind = translator.with_search(Blind())
    assert blind.translate(TEXTS) == expected
    with pytest.raises(
        ValueError, match="a search whose result has no attention"
    ):
        blind.hypotheses(TEXTS, align=True)
    with pytest.raises(ValueError, match="Give an object such as `Beam"):
        translator.with_search(kt.search.BeamSearch)
