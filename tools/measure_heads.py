"""Measures which heads find what "it" is, and what is lost without them.

    python -m tools.measure_heads --model=runs/demo

For the contrast set of the built-in corpus, it ranks the heads by their weight
from "it" or its French pronoun to the noun that it refers to, and to the
adjective that tells which noun this is. Then it switches off the best three
heads of each question, and as many draws of three other heads, and translates
the contrast set. The program prints JSON: of each question the best heads with
their mean weights, and `referent_accuracy` with these heads off, with others
off (of each draw), and with all heads on.
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
    """The flags of the sentences and of the other heads."""

    sentences: int = setting(
        "Sentences of which attention is measured.", 60, least=2
    )
    draws: int = setting("Draws of three other heads.", 10, least=1)
    seed: int = setting("Seed of the draws.", 0)


class Words(NamedTuple):
    """The words of a contrast sentence, by which heads are ranked."""

    it: str
    noun: str
    adjective: str
    pronoun: str


# Attention, query and key of each question, by its name.
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
    """Ranks heads for each question, and measures what is lost without them.

    Args:
        translator: a `Translator` of one `Transformer`.
        contrast: the contrast set, both sentences of each pair side by side.
        measure: the flags.
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
    """Ranks the heads of one question by their mean weight."""
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
    """Returns the words of a sentence.

    Args:
        example: a sentence of the contrast set.
        index: its index. In the first sentence of a pair, "it" is the agent;
            in the second, it is the object.
    """
    nouns = re.findall(r"\bthe (\w+)", example.source, re.IGNORECASE)
    adjective = re.findall(r"\w+", example.source)[-1]
    return Words("it", nouns[index % 2], adjective, example.pronoun)


def all_heads(model: kt.Transformer) -> list[tuple[str, int]]:
    """Returns the names of all attentions with the indices of their heads."""
    return [
        (name, head)
        for name, layer in interpretation.attentions(model).items()
        for head in range(layer.num_heads)
    ]


if __name__ == "__main__":
    main.run()
