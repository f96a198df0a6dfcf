"""The searches in the browser find what those in Python find."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer.explorer import embedded_model
from keras_transformer.search import BeamSearch, Constraints, GreedySearch, Task
from tests import costs
from tests.explorer import engine_calls, translators, variants

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.seconds]

SEARCHES = {
    "greedy": GreedySearch(),
    "paper": BeamSearch(top_beams=4),
    "one": BeamSearch(beam_size=1),
    "average": BeamSearch(5, 3, alpha=1.0, penalty="average"),
    "none": BeamSearch(3, 2, penalty="none"),
    "coverage": BeamSearch(4, 4, coverage=0.3),
    "constrained": BeamSearch(
        4,
        4,
        constraints=Constraints(
            min_length=5, banned_ids=(290, 301), no_repeat_ngram_size=2
        ),
    ),
    "no_token_twice": GreedySearch(Constraints(no_repeat_ngram_size=1)),
}


def assert_same(page, translator):
    engine = engine_calls.Engine(page, embedded_model.embed_model(translator))
    expected = translator.hypotheses(translators.SENTENCES)
    for text, hypotheses in zip(translators.SENTENCES, expected, strict=True):
        found = engine.translate(text)
        assert [each["text"] for each in found] == [
            each.text for each in hypotheses
        ]
        for each, now in zip(hypotheses, found, strict=True):
            tokens = translator.target_tokenizer.pieces(now["ids"])
            assert tokens == each.tokens
            assert now["score"] == pytest.approx(each.score, rel=1e-5)
            assert now["log_probability"] == pytest.approx(
                each.log_probs.sum(), rel=1e-5
            )
    return expected


# `trace_test.py` compares each step of two variants' searches.
@pytest.mark.grid
@pytest.mark.parametrize("name", variants.VARIANTS)
@pytest.mark.parametrize("search", ("greedy", "paper"))
def test_variant(front_end, name, search):
    settings = variants.VARIANTS[name]
    live = translators.translator(SEARCHES[search], **settings)
    assert_same(front_end, live)


# `test_equal_scores` also tests a width of one and no penalty. The three
# settings that are kept contain the rest.
@pytest.mark.parametrize(
    "name",
    costs.grid(SEARCHES, keep=("average", "constrained", "no_token_twice")),
)
def test_search(front_end, name):
    live = translators.translator_that_ends(SEARCHES[name], seed=1)
    assert_same(front_end, live)


# With other seeds, only few hypotheses end before their limit. `test_search`
# and `test_equal_scores` test such hypotheses too.
@pytest.mark.grid
@pytest.mark.parametrize("seed", [0, 1, 4])
def test_hypotheses_that_end(front_end, seed):
    live = translators.translator_that_ends(BeamSearch(6, 6), seed)
    found = assert_same(front_end, live)
    lengths = {len(each.tokens) for row in found for each in row}
    assert len(lengths) > 3


@pytest.mark.parametrize("seed", costs.grid(range(4), keep=(0, 1)))
@pytest.mark.parametrize("width", (1, 3, 5))
def test_equal_scores(front_end, seed, width):
    """All scores are equal, so only the order of ties decides."""
    generator = np.random.default_rng(seed)
    logits = np.full([11, 11], -200.0, "float32")
    for row in logits:
        row[generator.choice(np.arange(2, 11), 4, replace=False)] = 0
    # Mean log-probabilities are equal for all lengths, too.
    penalty = generator.choice(["average", "none"])
    beam = BeamSearch(width, width, alpha=1.0, penalty=str(penalty))
    task = Task(1, 6, start_id=1, end_id=2, pad_id=0, banned_ids=(0, 1))
    expected = beam(
        lambda ids, position, state: (tf.gather(logits, ids), state), (), task
    )
    found = front_end.evaluate(
        """async ([logits, settings]) => {
          const { beamSearch } = await import("/engine/beam.js");
          const step = (ids, position, states) => ({
            logits: ids.map((id) => Float32Array.from(logits[id])),
            states,
            attention: ids.map(() => new Float32Array(0)),
          });
          const task = {
            startId: 1, endId: 2, minLength: 0, maxLength: 6, prefix: [],
            banned: new Set([0, 1]), noRepeatSize: 0,
          };
          return beamSearch({ start: [], step }, task, settings).hypotheses;
        }""",
        [logits.tolist(), dataclasses.asdict(beam)],
    )
    for i, each in enumerate(found):
        length = int(expected.lengths[0, i])
        assert each["ids"] == expected.ids[0, i, :length].numpy().tolist()
    assert len(found) == width


@pytest.mark.grid
def test_start_that_is_the_end(front_end):
    live = translators.translator_that_ends(SEARCHES["paper"], 2, start_id=2)
    found = assert_same(front_end, live)
    assert any(row[0].tokens[-1] == "<eos>" for row in found)


LENGTHS = {
    "ratio": kt.translation.Lengths(ratio=0.7, extra=1),
    "both": kt.translation.Lengths(maximum=9, minimum=2, minimum_ratio=0.45),
    "minimum": kt.translation.Lengths(minimum=7, extra=2),
}


@pytest.mark.grid
@pytest.mark.parametrize("name", costs.grid(LENGTHS, keep=("ratio",)))
def test_most_lengths(front_end, name):
    live = translators.translator(seed=2, lengths=LENGTHS[name])
    assert_same(front_end, live)


# Without these limits, the best hypothesis of a sentence has 5 tokens.
@pytest.mark.grid
@pytest.mark.parametrize(
    ("name", "least"),
    costs.grid_of_several((("both", 6), ("minimum", 7)), keep=(("both", 6),)),
)
def test_least_lengths(front_end, name, least):
    live = translators.translator_that_ends(seed=4, lengths=LENGTHS[name])
    found = assert_same(front_end, live)
    assert min(len(each.tokens) for row in found for each in row) == least


def test_prefix(front_end):
    live = translators.translator(SEARCHES["paper"], seed=1)
    engine = engine_calls.Engine(front_end, embedded_model.embed_model(live))
    ids = live.tokenizer.encode(["the cat"])[0].numpy().tolist()
    trace = engine.trace(translators.SENTENCES[1], prefixIds=ids)
    (expected,) = live.hypotheses(
        [translators.SENTENCES[1]], prefixes=["the cat"]
    )
    found = [each["ids"] for each in trace["search"]["hypotheses"]]
    assert [live.tokenizer.pieces(each) for each in found] == [
        each.tokens for each in expected
    ]
    assert all(each[: len(ids)] == ids for each in found)


def test_search_of_a_call(front_end):
    """A call may have other settings of the search than the page."""
    live = translators.translator(seed=4)
    engine = engine_calls.Engine(front_end, embedded_model.embed_model(live))
    changed = BeamSearch(7, 2, alpha=1.3, penalty="average")
    settings = {"kind": "beam", **dataclasses.asdict(changed)}
    text = translators.SENTENCES[2]
    found, before = engine.translate(text, settings), engine.translate(text)
    data = embedded_model.embed_model(live.with_search(changed))
    expected = engine_calls.Engine(front_end, data).translate(text)
    assert found == expected != before


REFUSED = (
    ("engine.tokenize(' \\u3000')", "no word that the model can read"),
    ("engine.tokenize('cat '.repeat(600))", "at most 512"),
    ("engine.trace('cat', {target: ' '})", "translation has no word"),
    ("engine.trace('cat', {prefixIds: [0]})", "padding token"),
    ("engine.trace('cat', {prefixIds: Array(99).fill(9)})", "at most"),
    (
        "engine.trace('cat', {offHeads: [{attention: 'x', head: 0}]})",
        'no head 0 of "x"',
    ),
    (
        "engine.translate('cat', {...engine.search, beam_size: 9999})",
        "Received: 9999",
    ),
    (
        "engine.translate('cat', {...engine.search, top_beams: 5})",
        "5 returned",
    ),
    (
        "engine.translate('cat', {...engine.search, alpha: -1})",
        "alpha -1",
    ),
    (
        "engine.translate('cat', {...engine.search, penalty: 'x'})",
        'no length penalty "x"',
    ),
)


def test_errors(front_end):
    live = translators.translator()
    engine = engine_calls.Engine(front_end, embedded_model.embed_model(live))
    for call, message in REFUSED:
        with pytest.raises(Exception, match=message):
            engine.page.evaluate(f"() => {call}")


def test_a_model_of_nan(front_end):
    live = translators.translator()
    live.model.encoder.blocks[0].attention.out.kernel.assign(
        live.model.encoder.blocks[0].attention.out.kernel * float("nan")
    )
    engine = engine_calls.Engine(front_end, embedded_model.embed_model(live))
    with pytest.raises(Exception, match="not a number"):
        engine.translate("cat")
