"""The actions in the built-in corpus, with reasons for and against them.

Nouns and adjectives are given by their English names in `lexicon`. The module
`sentences` makes sentences from these tables.
"""

from typing import NamedTuple

from keras_transformer.data.illustrated import lexicon


class Fit(NamedTuple):
    """Names of adjectives that are reasons against or for an action.

    too: reasons against the action. Sentences have "too" before these
        adjectives, as in "too tired".
    plain: reasons for the action, such as "hungry".
    """

    too: tuple[str, ...]
    plain: tuple[str, ...]


class Deed(NamedTuple):
    """An action: its verb, the possible agents and objects, and adjectives.

    The adjectives are reasons for or against the action. Those in `reasons`
    describe the agent. Each object in `objects` has its own adjectives, which
    describe the object.
    """

    verb: lexicon.Verb
    agents: tuple[str, ...]
    reasons: Fit
    objects: dict[str, Fit]


# Maps an agent that swims, flies or is tiny to adjectives of objects. These
# adjectives give no reason against the actions of the agent. For example, a
# deep river does not stop a duck.
UNHINDERED = {
    **dict.fromkeys(("duck", "frog", "goose", "turtle"), ("deep", "muddy")),
    **dict.fromkeys(("ant", "mouse"), ("low", "narrow")),
    "owl": ("deep", "muddy", "slippery"),
}

# Adjectives that describe the agent and are reasons against an action.
# `_AFRAID` and `_TIMID` are for actions that may frighten the agent.
_UNFIT = ("tired", "sick", "young", "lazy")
_AFRAID = (*_UNFIT, "frightened")
_TIMID = (*_AFRAID, "shy")

_JUMPERS = "animal dog cat horse donkey rabbit wolf fox cow goat frog panther"
DEEDS: tuple[Deed, ...] = (
    Deed(
        lexicon.CROSS,
        tuple(lexicon.AGENTS),
        Fit(_TIMID, ("hungry", "thirsty", "brave", "angry", "lost")),
        {
            "street": Fit(("wide", "crowded", "slippery"), ("empty", "narrow")),
            "road": Fit(("wide", "slippery", "muddy"), ("empty", "dry")),
            "avenue": Fit(("wide", "crowded"), ("empty",)),
            "square": Fit(("crowded", "slippery", "muddy"), ("empty",)),
            "river": Fit(("wide", "deep"), ("narrow", "frozen")),
            "valley": Fit(("wide", "deep", "muddy"), ("narrow",)),
            "bridge": Fit(("narrow", "slippery", "crowded"), ("wide", "empty")),
            "field": Fit(("muddy", "wide"), ("dry", "empty")),
            "garden": Fit(("muddy", "crowded"), ("empty", "dry")),
            "lake": Fit(("deep", "wide"), ("frozen", "narrow")),
            "pond": Fit(("deep", "muddy"), ("frozen", "dry")),
            "stream": Fit(("deep", "wide"), ("narrow", "frozen", "dry")),
            "ditch": Fit(("deep", "wide", "muddy"), ("dry", "narrow")),
        },
    ),
    Deed(
        lexicon.CLIMB,
        tuple("animal dog cat wolf fox goat mouse ant panther".split()),
        Fit(_AFRAID, ("hungry", "thirsty", "brave", "frightened")),
        {
            "hill": Fit(("steep", "high", "slippery"), ("low", "dry")),
            "mountain": Fit(("steep", "high"), ()),
            "cliff": Fit(("steep", "high", "slippery"), ("low", "dry")),
            "fence": Fit(("high",), ("low",)),
            "wall": Fit(("high", "slippery"), ("low", "dry")),
            "rock": Fit(("high", "slippery", "steep"), ("low", "dry")),
            "roof": Fit(("high", "steep", "slippery"), ("low", "dry")),
            "gate": Fit(("high",), ("low",)),
        },
    ),
    Deed(
        lexicon.JUMP,
        tuple(_JUMPERS.split()),
        Fit(_AFRAID, ("hungry", "angry", "brave", "frightened")),
        {
            "hedge": Fit(("high", "wide"), ("low", "narrow")),
            "fence": Fit(("high",), ("low",)),
            "table": Fit(("high", "wide"), ("low", "narrow")),
            "wall": Fit(("high", "wide"), ("low",)),
            "gate": Fit(("high", "wide"), ("low",)),
            "bench": Fit(("high", "wide"), ("low", "narrow")),
            "ditch": Fit(("wide",), ("narrow",)),
            "stream": Fit(("wide",), ("narrow",)),
        },
    ),
    Deed(
        lexicon.ENTER,
        tuple(lexicon.AGENTS),
        Fit(_TIMID, ("tired", "hungry", "thirsty", "frightened", "lost")),
        {
            "house": Fit(("crowded", "smoky"), ("open", "empty")),
            "barn": Fit(("crowded", "smoky", "low"), ("open", "empty", "dry")),
            "stable": Fit(("crowded", "low", "smoky"), ("open", "empty")),
            "kitchen": Fit(("narrow", "crowded", "smoky"), ("open", "empty")),
            "cave": Fit(("narrow", "low", "smoky"), ("wide", "dry", "empty")),
            "tunnel": Fit(("narrow", "low", "smoky"), ("wide", "dry", "empty")),
            "garage": Fit(("narrow", "crowded", "smoky"), ("open", "empty")),
            "shed": Fit(("low", "crowded", "smoky"), ("open", "empty", "dry")),
            "hotel": Fit(("crowded", "smoky"), ("open", "empty")),
            "castle": Fit(("crowded", "smoky"), ("open", "empty")),
        },
    ),
    Deed(
        lexicon.PUSH,
        tuple("animal dog horse donkey wolf cow goat hen panther".split()),
        Fit(_UNFIT, ("hungry", "thirsty", "angry")),
        {
            "table": Fit(("heavy", "wide"), ()),
            "cart": Fit(("heavy", "wide"), ("empty",)),
            "box": Fit(("heavy", "slippery"), ("empty",)),
            "stone": Fit(("heavy", "slippery"), ()),
            "barrel": Fit(("heavy", "slippery"), ("empty",)),
            "bag": Fit(("heavy",), ("empty",)),
        },
    ),
)
