"""Draws the sentences of the built-in corpus, and splits them into data sets.

The contrast set tests how a model translates the pronoun *it*. In half of the
sentences *it* means the agent of an action, in the other half the object.
"""

import collections
import itertools
import random
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from keras_transformer.data import pairs
from keras_transformer.data.illustrated import (
    clauses,
    lexicon,
    people,
    sentences,
    set_phrases,
)

_ILLUSTRATED = ("animal", "street")
_HELD_OUT_SHARE = 0.13
_NUM_MINIMAL_PAIRS = 250
# The first of every 20 training pairs is a set phrase.
_PHRASE_INTERVAL = 20

_AGENTS = lexicon.AGENTS
_OBJECTS = lexicon.OBJECTS
_CAUSAL_PRONOUN = re.compile(r"(?i)\bparce\s+qu\s*['’]\s*(ils?|elles?)\b")


class ContrastExample(NamedTuple):
    """One sentence of a minimal pair, with the correct French pronoun.

    The other sentence with the same `pair_index` has another adjective, and
    therefore the other pronoun: "il" or "elle".
    """

    source: str
    target: str
    pronoun: str
    pair_index: int


class IllustratedCorpus(NamedTuple):
    """The data sets of the corpus. No source is in two data sets.

    The combinations of an agent and an object in `contrast` occur in no other
    data set. Set phrases, such as "Thanks.", are only in `train`, which may
    repeat them. Every source that is not a set phrase occurs once.
    """

    train: list[pairs.SentencePair]
    dev: list[pairs.SentencePair]
    test: list[pairs.SentencePair]
    contrast: list[ContrastExample]


def illustrated_corpus(
    seed: int = 0,
    train_size: int = 24000,
    dev_size: int = 500,
    test_size: int = 500,
) -> IllustratedCorpus:
    """Makes the English-French corpus. Equal arguments give equal corpora.

    Every source has exactly one translation, and the data sets are disjoint.
    One in 20 training pairs is a set phrase, from a repeated list of 104 pairs.

    Args:
        seed: the seed of all random choices. Only the seed changes `contrast`.
        train_size: the number of training pairs.
        dev_size: the number of development pairs.
        test_size: the number of test pairs.

    Raises:
        ValueError: a size is below 0, or the grammar yields too few sentences.

    Example:

    >>> corpus = illustrated_corpus(train_size=1000)
    >>> len(corpus.train), len(corpus.dev), len(corpus.test)
    (1000, 500, 500)
    >>> corpus.train[0]
    SentencePair(source='I am a student.', target='Je suis étudiant.')
    >>> for example in corpus.contrast[:2]:
    ...     print(example.source)
    ...     print(example.target)
    The animal didn't cross the street because it was too tired.
    L'animal n'a pas traversé la rue parce qu'il était trop fatigué.
    The animal didn't cross the street because it was too wide.
    L'animal n'a pas traversé la rue parce qu'elle était trop large.
    """
    rng = random.Random(seed)
    held_out = _held_out_combinations(rng)
    contrast = _contrast_set(rng, held_out)
    patterns = [
        *sentences.because_patterns(held_out),
        *sentences.everyday_patterns(held_out),
        *people.patterns(),
    ]
    sizes = (dev_size, test_size, train_size)
    capacity = sum(len(pattern.arguments) for pattern in patterns)
    if min(sizes) < 0 or sum(sizes) > capacity:
        raise ValueError(
            f"Received: train_size={train_size}, dev_size={dev_size}, "
            f"test_size={test_size}. Expected: no size below 0 and at most "
            f"{capacity} in all, which is what the grammar yields. Ask for "
            "fewer sentences."
        )
    drawn = iter(_draw(rng, patterns, sum(sizes)))
    dev, test = (list(itertools.islice(drawn, n)) for n in sizes[:2])
    phrases = itertools.cycle(set_phrases.PAIRS)
    train = [
        next(drawn if place % _PHRASE_INTERVAL else phrases)
        for place in range(train_size)
    ]
    return IllustratedCorpus(train, dev, test, contrast)


def referent_accuracy(
    examples: Sequence[ContrastExample], translations: Sequence[str]
) -> float:
    """Returns the share of translations with the correct "parce qu'il/elle".

    A translation is wrong if it has no "parce qu'il/elle", if it has both
    "parce qu'il" and "parce qu'elle", or if the pronoun is plural.

    Args:
        examples: sentences of the contrast set.
        translations: the translations of their sources, in the same order.

    Raises:
        ValueError: there are no examples, or the numbers of examples and
            translations differ.

    Example:

    >>> examples = illustrated_corpus(train_size=0).contrast[:2]
    >>> referent_accuracy(examples, [example.target for example in examples])
    1.0
    >>> referent_accuracy(examples, [examples[0].target] * 2)
    0.5
    """
    if len(examples) != len(translations) or not examples:
        raise ValueError(
            "`referent_accuracy` compares one translation with each example. "
            f"Received: {len(examples)} examples, {len(translations)} "
            "translations. Expected: as many of one as of the other, at least "
            "one. Translate exactly the sources of `examples`."
        )
    pronouns = [
        {pronoun.lower() for pronoun in _CAUSAL_PRONOUN.findall(translation)}
        for translation in translations
    ]
    judged = zip(examples, pronouns, strict=True)
    return sum({e.pronoun} == each for e, each in judged) / len(examples)


def _draw(rng, patterns, count):
    """Draws pairs from the patterns, in proportion to the patterns' shares.

    If all pairs of a pattern are drawn, the other patterns give the rest.
    """
    queue: list[tuple[float, Callable[..., pairs.SentencePair], tuple]] = []
    for pattern in patterns:
        shuffled = rng.sample(pattern.arguments, len(pattern.arguments))
        queue.extend(
            ((rank + rng.random()) / pattern.share, pattern.derive, arguments)
            for rank, arguments in enumerate(shuffled)
        )
    queue.sort(key=lambda entry: entry[0])
    return [derive(*arguments) for _, derive, arguments in queue[:count]]


def _held_out_combinations(rng: random.Random) -> frozenset[tuple[str, str]]:
    """Returns pairs of agent and object that only the contrast set may have.

    At most a quarter of the combinations of each noun are held out, so that the
    training set still combines the noun with nouns of both genders.
    """
    combinations = sorted(
        {(one, two) for _, one, two in sentences.meetings(())}
    )
    partners = collections.Counter(
        name for combination in combinations for name in combination
    )
    rng.shuffle(combinations)
    held_out: list[tuple[str, str]] = []
    lost: collections.Counter[str] = collections.Counter()
    for combination in [_ILLUSTRATED, *combinations]:
        if len(held_out) >= _HELD_OUT_SHARE * len(combinations):
            break
        if combination not in held_out and all(
            4 * (lost[name] + 1) <= partners[name] for name in combination
        ):
            held_out.append(combination)
            lost.update(combination)
    return frozenset(held_out)


def _contrast_set(rng, held_out):
    candidates = [
        (agent, thing, deed.verb, negative, opening, *reasons)
        for deed, agent, thing in sentences.meetings(held_out, wanted=True)
        if _AGENTS[agent].feminine != _OBJECTS[thing].feminine
        for negative in (True, False)
        for opening in (sentences.NONE, *sentences.OPENINGS)
        for reasons in itertools.product(
            *sentences.reasons(deed, agent, thing, negative)
        )
    ]
    rng.shuffle(candidates)
    # The minimal pair of the article "The Illustrated Transformer" comes first,
    # then those without an opening, then those with an opening, such as
    # "Yesterday,". The sort is stable, so the order in each group stays random.
    first = (
        *_ILLUSTRATED,
        lexicon.CROSS,
        True,
        sentences.NONE,
        "tired",
        "wide",
    )
    candidates.sort(key=lambda act: (act != first, act[4] != sentences.NONE))
    examples: list[tuple] = []
    used: set[tuple] = set()
    for agent, thing, verb, negative, opening, *reasons in candidates:
        nouns = sentences.the(_AGENTS[agent]), sentences.the(_OBJECTS[thing])
        acts = [
            (nouns[0], verb, nouns[1], nouns[side], reason, negative, opening)
            for side, reason in enumerate(reasons)
        ]
        # No sentence is in two minimal pairs. Otherwise `referent_accuracy`
        # would count the sentence twice.
        if used.isdisjoint(acts) and len(examples) < 2 * _NUM_MINIMAL_PAIRS:
            used.update(acts)
            for it, act in zip(nouns, acts, strict=True):
                pronoun = "elle" if it.feminine else "il"
                identity = pronoun, len(examples) // 2
                examples.append((*clauses.because(*act), *identity))
    return [ContrastExample(*example) for example in examples]
