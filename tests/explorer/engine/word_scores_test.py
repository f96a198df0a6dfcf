"""Pieces become the same words in the page and in Python."""

import random

import numpy as np
import pytest

import keras_transformer as kt
from keras_transformer.explorer import embedded_vocabulary
from keras_transformer.translation import word_scores
from keras_transformer.translation.results import Hypothesis
from tests.explorer import edited_models, hostile_texts, translators

SPACE = "\u2581"
pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.seconds]
SCORE = """async ([data, rows]) => {
    const { Tokenizer } = await import("/engine/tokenizer.js");
    const { scoreWords } = await import("/engine/word_scores.js");
    const tokenizer = new Tokenizer(data);
    return rows.map(([ids, logProbs]) => scoreWords(tokenizer, ids, logProbs));
}"""


def without_starts():
    """Returns a vocabulary in which no piece begins a word."""

    def change(_, piece, score, kind):
        return piece.replace(SPACE, "\u00a7"), score, kind

    return kt.Tokenizer(
        edited_models.with_pieces(translators.tokenizer().model, change)
    )


def unigrams():
    return kt.Tokenizer(
        kt.learn_vocabulary(
            translators.TEXTS * 3,
            431,
            may_be_smaller=True,
            algorithm="unigram",
        )
    )


VOCABULARIES = {
    "byte pairs": translators.tokenizer,
    "unigrams": unigrams,
    "no spaces": without_starts,
}


def drawn_ids(tokenizer, count=300):
    """Yields rows of ids that no text has, such as bytes anywhere."""
    generator = random.Random(3)
    pieces = tokenizer.pieces(range(tokenizer.vocabulary_size))
    kinds = [
        [0, 1, 2, 3],
        [n for n, piece in enumerate(pieces) if piece.startswith("<0x")],
        [n for n, piece in enumerate(pieces) if set(piece) == {SPACE}],
        [n for n, piece in enumerate(pieces) if piece.startswith(SPACE)],
        range(len(pieces)),
    ]
    assert all(kinds) or SPACE not in "".join(pieces)
    for _ in range(count):
        yield [
            generator.choice(generator.choice([kind for kind in kinds if kind]))
            for _ in range(generator.randint(0, 9))
        ]


def rows_of(tokenizer):
    """Returns rows of ids and log-probabilities, with and without end ids."""
    end = tokenizer.special_ids.end
    lines = hostile_texts.lines(200)
    rows = [[*ids, end] for ids in tokenizer.encode(lines).to_list()]
    rows += [*([ids[:-1] for ids in rows[:30]]), *drawn_ids(tokenizer)]
    generator = np.random.default_rng(0)
    return [
        (ids, -generator.exponential(size=len(ids)).astype("float32"))
        for ids in rows
    ]


@pytest.mark.parametrize("name", VOCABULARIES)
def test_words_and_sums(front_end, name):
    tokenizer = VOCABULARIES[name]()
    rows = rows_of(tokenizer)
    expected = word_scores.of_hypotheses(
        tokenizer,
        [
            Hypothesis("", 0.0, tokenizer.pieces(ids), log_probs, None)
            for ids, log_probs in rows
        ],
    )
    scored = front_end.evaluate(
        SCORE,
        [
            embedded_vocabulary.embed_vocabulary(tokenizer),
            [(ids, log_probs.tolist()) for ids, log_probs in rows],
        ],
    )
    assert [each["words"] for each in scored] == expected.words
    assert max(map(len, expected.words)) > 5
    for each, log_probs, mean in zip(
        scored, expected.log_probs, expected.means, strict=True
    ):
        np.testing.assert_allclose(each["logProbs"], log_probs, rtol=1e-5)
        assert each["mean"] == pytest.approx(mean, rel=1e-5)
