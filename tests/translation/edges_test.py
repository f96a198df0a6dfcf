"""Outer spaces and unknown words change nothing. Bad input raises an error."""

import functools

import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from tests.translation import toy

TEXTS = ["ba de fi", "go hu ka le mi no", "ra"]
EDGES = (
    "{} ",
    " {}",
    "{}\n",
    "{}\r\n",
    "\t{}\t",
    "{}\u00a0",
    "\u3000{}",
    "\ufeff{}",
    "\u202a{}\u200e",
    " \ufeff {} \u2028",
)
NOTHING = ("", " ", "\n", "\u00a0", "\u3000\u2009", "\ufeff", "\ufeff \u200b")


@functools.cache
def short():
    """Returns the toy translator with a limit of four source tokens."""
    live = toy.translator()
    return kt.Translator(live.model, live.tokenizer, max_source_length=4)


@functools.cache
def broken(search=None, jit_compile=False):
    """Returns a translator with the toy's vocabulary; one weight is NaN."""
    # A small model, because each call below traces a graph of it.
    config = kt.TransformerConfig(
        toy.translator().tokenizer.vocabulary_size,
        *(1, 1, 8, 2, 13),
        normalization="pre",
    )
    model = kt.build_transformer(config)
    weight = model.decoder.final_norm.weights[0]
    weight.assign(np.where(np.arange(weight.shape[0]) == 7, np.nan, weight))
    return kt.Translator(
        model, toy.translator().tokenizer, search, jit_compile=jit_compile
    )


def test_spaces_and_marks_at_the_ends_mean_nothing():
    translator = toy.translator()

    def edged(texts):
        return [edge.format(text) for edge in EDGES for text in texts]

    expected = translator.translate(TEXTS)
    assert len(set(expected)) == 3 and all(expected)
    assert translator.translate(edged(TEXTS)) == expected * len(EDGES)
    prefixes = ["NO", "", "GO"]
    prefixed = translator.hypotheses(edged(TEXTS), prefixes=edged(prefixes))
    plain = translator.hypotheses(TEXTS, prefixes=prefixes)
    assert [h[0].text for h in prefixed] == [h[0].text for h in plain] * len(
        EDGES
    )
    # Without a prefix, the second translation begins with its usual token.
    assert [h[0].text[:2] for h in plain] == ["NO", expected[1][:2], "GO"]
    scored = translator.score(TEXTS * len(EDGES), edged(expected))
    plain = [h.score for h in translator.score(TEXTS, expected)]
    # Each score is the sum of at most 8 float32 numbers. Batches of other sizes
    # round differently.
    assert [h.score for h in scored] == pytest.approx(
        plain * len(EDGES), abs=1e-5
    )
    assert max(plain) < 0


@pytest.mark.parametrize("space", ["  ", "\t", "\u00a0", " \u2003 "], ids=ascii)
def test_spaces_inside_are_one_space(space):
    translator = toy.translator()
    texts = [text.replace(" ", space) for text in TEXTS]
    expected = translator.translate(TEXTS)
    assert len(set(expected)) == 3 and all(expected)
    assert translator.translate(texts) == expected


@pytest.mark.parametrize(
    "word", ["\u674e", "\U0001f642", "\u0418\u0432\u0430\u043d"]
)
@pytest.mark.parametrize("place", range(4))
def test_words_that_are_unknown_change_nothing(word, place):
    """An unknown word changes no translation; alignments have its column."""
    translator = toy.translator()
    words = "ba de fi".split()
    [[plain]] = translator.hypotheses(["ba de fi"], align=True)
    assert plain.text == "FI DE BA"
    words.insert(place, word)
    [[found]] = translator.hypotheses([" ".join(words)], align=True)
    assert found.text == plain.text and found.score == plain.score
    assert found.alignment.shape == (3, 4)
    assert not found.alignment[:, place].any()
    rest = np.delete(found.alignment, place, axis=1)
    np.testing.assert_array_equal(rest, plain.alignment)
    # The alignment also fits if the text is cut.
    [[cut]] = short().hypotheses([" ".join(words)], align=True)
    assert cut.alignment.shape[1] <= 4 and cut.alignment.any()
    answer = translator(tf.constant([" ".join(words)]))
    assert answer["translation"].numpy().tolist() == [b"FI DE BA"]


@pytest.mark.parametrize("text", NOTHING, ids=ascii)
def test_nothing_is_translated_to_nothing(text):
    translator = toy.translator()
    assert translator.translate([text, "ba"]) == ["", "BA"]
    [[hypothesis]] = translator.hypotheses([text])
    assert hypothesis[:3] == ("", 0.0, [])
    answer = translator(tf.constant([text, "ba"]))
    assert answer["translation"].numpy().tolist() == [b"", b"BA"]
    assert answer["score"][0] == 0 and answer["score"][1] < 0
    scored = translator.log_probability(
        tf.constant([text, text]), tf.constant([text, "BA"])
    )["log_probability"].numpy()
    assert scored[0] == 0 and scored[1] < -1
    assert [h.score for h in translator.score([text], [text])] == [0]


def test_nothing_has_no_tokens_to_explain():
    attention = kt.translation.explain_in_graph(
        toy.translator(), tf.constant([*NOTHING, "ba"])
    )
    *blank, last = attention["target_tokens"].numpy().tolist()
    assert len(blank) == len(NOTHING)
    assert not any(token for tokens in blank for token in tokens)
    assert last[-1] == b"<eos>"


CALLS = {
    "translate": lambda t, text: t.translate(text),
    "hypotheses": lambda t, text: t.hypotheses(text),
    "prefixes": lambda t, text: t.hypotheses(["a"], prefixes=text),
    "score": lambda t, text: t.score(text, [text]),
    "targets": lambda t, text: t.score(["a"], text),
    "call": lambda t, text: t(text),
    "n_best": lambda t, text: t.n_best(text),
    "log_probability": lambda t, text: t.log_probability(text, [text]),
    "in_batches": lambda t, text: kt.translation.in_batches(list, text, 3),
    "explain_in_graph": kt.translation.explain_in_graph,
    "export_check": lambda t, text: kt.export.check("nowhere", t, text),
}


@pytest.mark.parametrize("text", ["ba", b"ba", tf.constant("ba")])
@pytest.mark.parametrize("call", CALLS)
def test_one_string_is_no_list(call, text):
    with pytest.raises(ValueError, match="list of strings.*Give a list"):
        CALLS[call](toy.translator(), text)


def test_several_are_not_explained_at_once():
    with pytest.raises(ValueError, match="one sentence.*'ba', 'de'"):
        kt.translation.explain(toy.translator(), ["ba", "de"])


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batches_of_no_text(batch_size):
    translator = toy.translator()
    for call in (
        lambda: translator.translate(["ba"], batch_size),
        lambda: translator.hypotheses(["ba"], batch_size),
        lambda: translator.score(["ba"], ["BA"], batch_size),
        lambda: kt.translation.in_batches(list, ["ba"], batch_size),
    ):
        with pytest.raises(ValueError, match=f"at least 1.*{batch_size}"):
            call()


SEARCHES = {
    "beam": kt.search.BeamSearch(),
    "greedy": kt.search.GreedySearch(),
    "sampling": kt.search.SamplingSearch(num_samples=3),
}


# `test_numbers_of_some_rows` tests each search, also compiled.
@pytest.mark.grid
@pytest.mark.parametrize(
    ("search", "jit_compile"),
    [
        ("beam", False),
        *(
            pytest.param(*each, marks=[pytest.mark.xla, pytest.mark.grid])
            for each in (("greedy", True), ("beam", True), ("sampling", True))
        ),
        pytest.param("greedy", False, marks=pytest.mark.grid),
        pytest.param("sampling", False, marks=pytest.mark.grid),
    ],
)
def test_no_numbers_are_an_error(search, jit_compile):
    translator = broken(SEARCHES[search], jit_compile)
    for call in (
        lambda: translator.translate(["", "ba de"]),
        lambda: translator.hypotheses(["ba de"]),
        lambda: translator.score(["ba de"], ["DE BA"]),
        lambda: kt.translation.explain(translator, "ba de"),
    ):
        with pytest.raises(FloatingPointError, match="not a number.*'ba de'"):
            call()
    # A blank text is translated without the model, so without an error.
    assert translator.translate([""]) == [""]
    answer = translator(tf.constant(["ba", ""]))
    assert np.isnan(answer["score"][0]) and answer["score"][1] == 0
    assert answer["translation"].numpy().tolist() == [b"", b""]
    assert np.isnan(translator.with_n_best().n_best(["ba"])["scores"]).all()


@pytest.mark.grid
def test_no_numbers_in_a_saved_model(tmp_path):
    kt.export.save(broken(), tmp_path / "1", signatures=["n_best"])
    loaded = tf.saved_model.load(str(tmp_path / "1")).signatures
    answer = loaded["serving_default"](text=tf.constant(["ba", ""]))
    assert np.isnan(answer["score"][0]) and answer["score"][1] == 0
    scores = loaded["n_best"](text=tf.constant(["ba", ""]))["scores"].numpy()
    assert np.isnan(scores[0]).all() and not np.isnan(scores[1]).any()
    with pytest.raises(FloatingPointError, match="not a number.*'ba'"):
        kt.export.check(tmp_path / "1", broken(), ["ba"])


@pytest.mark.parametrize(
    ("search", "jit_compile"),
    [
        (kt.search.BeamSearch(beam_size=2, alpha=0.0), False),
        (kt.search.GreedySearch(), False),
        (kt.search.SamplingSearch(seed=3), False),
        pytest.param(
            kt.search.BeamSearch(beam_size=2, alpha=0.0),
            True,
            marks=pytest.mark.xla,
        ),
        *(
            pytest.param(each, True, marks=[pytest.mark.xla, pytest.mark.grid])
            for each in (
                kt.search.GreedySearch(),
                kt.search.SamplingSearch(seed=3),
            )
        ),
    ],
)
def test_numbers_of_some_rows(search, jit_compile):
    """A row with NaN does not change the other rows."""
    chain = tf.math.log([[0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [1.0, 0.0, 0.0]])

    def step(ids, position, state):
        logits = tf.gather(chain, ids)
        is_bad = state["row"] == 1
        # The model returns NaN only from the second step on.
        return tf.where(
            (is_bad & (position > 0))[:, None] & (tf.range(3) == 2),
            np.nan,
            logits,
        ), state

    task = kt.search.Task(3, max_lengths=5, start_id=0, end_id=2, pad_id=0)

    def run(rows):
        return search(step, {"row": rows}, task)

    if jit_compile:
        run = tf.function(run, jit_compile=True, autograph=False)
    result, alone = run(tf.range(3)), run(tf.zeros([3], tf.int32))
    assert np.isnan(result.scores[1]).all()
    for row in (0, 2):
        assert result.scores[row] == alone.scores[row] < 0
        assert result.ids[row].numpy().tolist() == (
            alone.ids[row].numpy().tolist()
        )
