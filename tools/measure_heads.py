"""Finds the heads that link "it" to its noun, and translates without them.

    python -m tools.measure_heads --model=runs/demo

The program reads the contrast set of the built-in corpus. In its sentences an
adjective tells which noun "it" refers to. A question of `QUESTIONS` is, for
example, how much "it" attends to its noun. For each question the program ranks
the heads by their mean attention weight, switches off the best three heads, and
translates the contrast set. For comparison, the program also translates the
contrast set with all heads, and several times without three random heads that
are not among the best. The program prints JSON: for each question the best
heads with their mean weights, and for each translation of the contrast set the
share of correct pronouns.
"""

import dataclasses
import json
import random
import re
from collections.abc import Sequence
from typing import NamedTuple

import keras_transformer as kt
from keras_transformer import data, interpretation
from tools.model_flags import loading, settings
from trainers import program
from trainers.settings_flags import only, setting

_OFF = 3


@dataclasses.dataclass(frozen=True)
class Measure:
    """The flags of the measured sentences, and of the draws of random heads."""

    sentences: int = setting(
        "Sentences of which attention is measured.", 60, least=2
    )
    draws: int = setting("Draws of three other heads.", 10, least=1)
    seed: int = setting("Seed of the draws.", 0)


class Words(NamedTuple):
    """The words that `QUESTIONS` are about, in a sentence and its translation.

    it: the word "it".
    noun: the noun to which "it" refers.
    adjective: the adjective that tells to which noun "it" refers.
    pronoun: the translation of "it".
    """

    it: str
    noun: str
    adjective: str
    pronoun: str


# For each question: a part of the names of the attention layers whose heads are
# ranked, the query word and the key word. The words are fields of `Words`.
QUESTIONS = {
    "it to its noun": ("encoder", "it", "noun"),
    "it to the adjective": ("encoder", "it", "adjective"),
    "the adjective to the noun": ("encoder", "adjective", "noun"),
    "the pronoun to the noun": ("cross", "pronoun", "noun"),
    "the pronoun to the adjective": ("cross", "pronoun", "adjective"),
}


@program.main(only(settings.ModelSettings, "model"), Measure)
def main(models, measure):
    translator = loading.load_translator(models, settings.SearchSettings())
    contrast = data.illustrated_corpus(train_size=0).contrast
    print(json.dumps(measured(translator, contrast, measure), indent=1))


def measured(
    translator: kt.Translator,
    contrast: Sequence[data.ContrastExample],
    measure: Measure,
) -> dict:
    """Ranks heads for each of `QUESTIONS`; translates without the best heads.

    Args:
        translator: a `Translator` of one `Transformer`.
        contrast: the contrast set. The two sentences of each minimal pair are
            adjacent.
        measure: the flags, with the numbers of sentences and of draws.

    Returns:
        A dict. `all_heads` is the share of correct pronouns with all heads.
        `questions` has a dict for each question: `best` lists the best three
        heads with their mean weights, and `referent_accuracy` is the share of
        correct pronouns without these heads. `others_off` is a list: for each
        draw of three random heads, the share of correct pronouns without the
        three heads. The best heads are not drawn.

    Raises:
        ValueError: `find_heads` or `without_heads` refuses the model or the
            sentences, or fewer than three heads are left to draw from.
        FloatingPointError: the model's output is NaN.
    """

    def accuracy(heads):
        weaker = interpretation.without_heads(translator, heads)
        texts = [example.source for example in contrast]
        return data.referent_accuracy(contrast, weaker.translate(texts))

    questions, asked = {}, set()
    for name in QUESTIONS:
        heads = ranked(translator, contrast[: measure.sentences], name)
        best = [each[:2] for each in heads[:_OFF]]
        asked |= set(best)
        questions[name] = {
            "best": [
                (*each[:2], round(each.weight, 3)) for each in heads[:_OFF]
            ],
            "referent_accuracy": accuracy(best),
        }
    generator = random.Random(measure.seed)
    others = [head for head in all_heads(translator.model) if head not in asked]
    return {
        "all_heads": accuracy([]),
        "questions": questions,
        "others_off": [
            accuracy(generator.sample(others, _OFF))
            for _ in range(measure.draws)
        ],
    }


def ranked(
    translator: kt.Translator,
    examples: Sequence[data.ContrastExample],
    question: str,
) -> list[interpretation.HeadWeight]:
    """Ranks the heads by their mean weight between the words of a question.

    Only heads of the question's kind of attention are ranked, such as those of
    the encoder.

    Args:
        translator: a `Translator` of one `Transformer`.
        examples: sentences from the start of the contrast set.
        question: a key of `QUESTIONS`.

    Returns:
        The heads, the largest mean weight first.

    Raises:
        ValueError: `find_heads` refuses the model or the sentences.
    """
    stack, query, key = QUESTIONS[question]
    words = [words_of(example, i) for i, example in enumerate(examples)]
    heads = interpretation.find_heads(
        translator,
        [example.source for example in examples],
        [getattr(each, query) for each in words],
        [getattr(each, key) for each in words],
        [example.target for example in examples],
    )
    return [each for each in heads if stack in each.attention]


def words_of(example: data.ContrastExample, index: int) -> Words:
    """Returns the words of a sentence that `QUESTIONS` are about.

    Args:
        example: a sentence of the contrast set.
        index: the index of the sentence in the contrast set. In the first
            sentence of a minimal pair, "it" refers to the first noun; in the
            second sentence, "it" refers to the second noun.
    """
    nouns = re.findall(r"\bthe (\w+)", example.source, re.IGNORECASE)
    adjective = re.findall(r"\w+", example.source)[-1]
    return Words("it", nouns[index % 2], adjective, example.pronoun)


def all_heads(model: kt.Transformer) -> list[tuple[str, int]]:
    """Returns the name of the attention layer and the index of each head."""
    return [
        (name, head)
        for name, layer in interpretation.attentions(model).items()
        for head in range(layer.num_heads)
    ]


if __name__ == "__main__":
    main.run()
