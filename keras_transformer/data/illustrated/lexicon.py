"""The nouns, adjectives and verbs of the built-in corpus, in both languages.

The regular forms of nouns and adjectives are computed. Their irregular forms
are written here. The other words, such as pronouns, are in other modules.
"""

import dataclasses
import functools
from typing import NamedTuple


@dataclasses.dataclass(frozen=True)
class Noun:
    """An English noun and its French counterpart.

    Args:
        english: the English singular, which is also the name of the noun in
            the tables of this file and of `deeds`.
        french: the French singular.
        feminine: whether the French noun is feminine.
        english_plural, french_plural: the plurals; "" for singular + "s".
        aspirated: whether the French noun begins with an h that forbids elision
            ("la haie").
        qualities: names of adjectives that suit the noun and precede it in
            French.
        colours: names of the colours that suit the noun.
        owned: whether "my" may stand before the noun.
        inside: whether "in" may stand before the noun.
    """

    english: str
    french: str
    feminine: bool = False
    english_plural: str = ""
    french_plural: str = ""
    aspirated: bool = False
    qualities: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    owned: bool = False
    inside: bool = False

    def __post_init__(self):
        for name in ("english_plural", "french_plural"):
            if not getattr(self, name):
                singular = getattr(self, name.removesuffix("_plural"))
                object.__setattr__(self, name, singular + "s")


@dataclasses.dataclass(frozen=True)
class Adjective:
    """An English adjective, and the forms of the French adjective.

    Args:
        english: the English form, which is also the name of the adjective in
            the tables of this file and of `deeds`.
        french: the masculine singular.
        feminine: the feminine singular; "" for the regular form, which is
            `french` and an "e", or `french` if it ends with "e".
        plural: the masculine plural; "" for the regular form, which is `french`
            and an "s", or `french` if it ends with "s" or "x".
        before_vowel: the masculine singular before a vowel or a silent h, such
            as "bel"; "" if it is `french`.
    """

    english: str
    french: str
    feminine: str = ""
    plural: str = ""
    before_vowel: str = ""

    def __post_init__(self):
        stem = self.french
        if not self.feminine:
            regular = stem if stem.endswith("e") else stem + "e"
            object.__setattr__(self, "feminine", regular)
        if not self.plural:
            regular = stem if stem[-1] in "sx" else stem + "s"
            object.__setattr__(self, "plural", regular)


class Verb(NamedTuple):
    """An English verb and its French counterpart.

    english, third_person, past: the English forms; `past` is "" if no sentence
        has the verb in the past.
    present: the French forms of je, tu, il, nous and ils.
    participle: the French past participle; "" if `past` is "".
    particle: the English and the French word between verb and object; "" for
        no word.
    with_etre: whether the French past is formed with "être", not "avoir". The
        participle then agrees with the subject: "elle est entrée".
    """

    english: str
    third_person: str
    present: tuple[str, str, str, str, str]
    past: str = ""
    participle: str = ""
    particle: tuple[str, str] = ("", "")
    with_etre: bool = False


def _regular(stem: str) -> tuple[str, str, str, str, str]:
    return (stem + "e", stem + "es", stem + "e", stem + "ons", stem + "ent")


def _by_name(*entries):
    return {entry.english: entry for entry in entries}


# Names of adjectives. Those in `_GREYS` are for the field `colours` of nouns,
# all others for the field `qualities`.
_SIZES = ("small", "big")
_NATURE = (*_SIZES, "beautiful")
_WILD = (*_NATURE, "old")
_MADE = _TAME = (*_WILD, "new")
_GREYS = ("black", "white", "grey")

_tame = functools.partial(Noun, colours=_GREYS, qualities=_TAME, owned=True)
_wild = functools.partial(Noun, colours=_GREYS, qualities=_WILD)

AGENTS: dict[str, Noun] = _by_name(
    _tame("animal", "animal", french_plural="animaux"),
    _tame("dog", "chien"),
    _tame("cat", "chat"),
    _tame("horse", "cheval", french_plural="chevaux"),
    _tame("donkey", "âne"),
    _tame("rabbit", "lapin"),
    _tame("duck", "canard"),
    _wild("wolf", "loup", english_plural="wolves"),
    _wild("fox", "renard", english_plural="foxes"),
    _wild("hedgehog", "hérisson", aspirated=True, colours=("grey",)),
    _tame("cow", "vache", feminine=True),
    _tame("goat", "chèvre", feminine=True),
    _tame("hen", "poule", feminine=True),
    _tame("turtle", "tortue", feminine=True, colours=("black", "grey")),
    _tame("goose", "oie", feminine=True, english_plural="geese"),
    _tame("mouse", "souris", True, "mice", french_plural="souris"),
    _wild("frog", "grenouille", feminine=True, colours=("black",)),
    _wild("ant", "fourmi", True, colours=("black",), qualities=_SIZES),
    _wild("panther", "panthère", feminine=True, colours=("black",)),
    _wild("owl", "chouette", feminine=True),
)

# In sentences, relatives have the determiner "my" (`owned`). Other people have
# "the" or "this".
PEOPLE: dict[str, Noun] = _by_name(
    Noun("man", "homme", english_plural="men"),
    Noun("woman", "femme", feminine=True, english_plural="women"),
    Noun("boy", "garçon"),
    Noun("girl", "fille", feminine=True),
    Noun("brother", "frère", owned=True),
    Noun("sister", "sœur", feminine=True, owned=True),
)

_natural = functools.partial(Noun, qualities=_NATURE)
_built = functools.partial(Noun, qualities=_MADE)
_made = functools.partial(_built, colours=_GREYS, owned=True)

OBJECTS: dict[str, Noun] = _by_name(
    _built("street", "rue", feminine=True),
    _built("road", "route", feminine=True),
    _built("avenue", "avenue", feminine=True),
    _built("square", "place", feminine=True),
    _natural("river", "rivière", feminine=True),
    _natural("valley", "vallée", feminine=True),
    _built("bridge", "pont"),
    _natural("field", "champ", owned=True, inside=True),
    _built("garden", "jardin", owned=True, inside=True),
    _natural("lake", "lac"),
    _natural("pond", "étang"),
    _natural("stream", "ruisseau", french_plural="ruisseaux"),
    Noun("ditch", "fossé", english_plural="ditches", qualities=_SIZES),
    _natural("hill", "colline", feminine=True),
    _natural("mountain", "montagne", feminine=True),
    _natural("cliff", "falaise", feminine=True),
    _natural("rock", "rocher", colours=_GREYS),
    _made("fence", "clôture", feminine=True),
    _made("hedge", "haie", feminine=True, aspirated=True),
    _made("wall", "mur"),
    _made("gate", "portail"),
    _made("roof", "toit"),
    _made("house", "maison", feminine=True, inside=True),
    _made("barn", "grange", feminine=True, inside=True),
    _made("stable", "écurie", feminine=True, inside=True),
    _made("kitchen", "cuisine", feminine=True, inside=True),
    _natural("cave", "grotte", feminine=True, inside=True),
    _built("tunnel", "tunnel", inside=True),
    _made("garage", "garage", inside=True),
    _made("shed", "hangar", aspirated=True, inside=True),
    _made("hotel", "hôtel", inside=True),
    _made("castle", "château", french_plural="châteaux", inside=True),
    _made("table", "table", feminine=True),
    _made("cart", "charrette", feminine=True),
    _made("box", "caisse", english_plural="boxes", feminine=True),
    _natural("stone", "pierre", colours=_GREYS, feminine=True),
    _made("bench", "banc", english_plural="benches"),
    _made("barrel", "tonneau", french_plural="tonneaux"),
    _made("bag", "sac"),
)

# Objects that are not landmarks. No sentence says that an animal walks to them,
# sleeps near them, or is near them.
NOT_LANDMARKS = {"bag", "barrel", "box", "cart", "stone", "table", "roof"}

# Only these objects occur in the plural, which keeps the vocabulary small.
PLURAL_OBJECTS = ("castle", "hedge", "hotel", "house")

ADJECTIVES: dict[str, Adjective] = _by_name(
    # These adjectives precede the noun in French.
    Adjective("small", "petit"),
    Adjective("big", "grand"),
    Adjective("old", "vieux", "vieille", before_vowel="vieil"),
    Adjective("beautiful", "beau", "belle", "beaux", "bel"),
    Adjective("new", "nouveau", "nouvelle", "nouveaux", "nouvel"),
    # These adjectives follow the noun in French.
    Adjective("black", "noir"),
    Adjective("white", "blanc", "blanche"),
    Adjective("grey", "gris"),
    # These adjectives describe agents and people only.
    Adjective("tired", "fatigué"),
    Adjective("sick", "malade"),
    Adjective("young", "jeune"),
    Adjective("lazy", "paresseux", "paresseuse"),
    Adjective("frightened", "effrayé"),
    Adjective("shy", "timide"),
    Adjective("hungry", "affamé"),
    Adjective("thirsty", "assoiffé"),
    Adjective("brave", "courageux", "courageuse"),
    Adjective("angry", "furieux", "furieuse"),
    Adjective("lost", "perdu"),
    Adjective("happy", "heureux", "heureuse"),
    Adjective("sad", "triste"),
    # These adjectives describe objects only.
    Adjective("wide", "large"),
    Adjective("narrow", "étroit"),
    Adjective("deep", "profond"),
    Adjective("high", "haut"),
    Adjective("low", "bas", "basse"),
    Adjective("steep", "escarpé"),
    Adjective("slippery", "glissant"),
    Adjective("muddy", "boueux", "boueuse"),
    Adjective("crowded", "encombré"),
    Adjective("smoky", "enfumé"),
    Adjective("heavy", "lourd"),
    Adjective("empty", "vide"),
    Adjective("open", "ouvert"),
    Adjective("frozen", "gelé"),
    Adjective("dry", "sec", "sèche"),
)

# In French a profession has no article after "être", and agrees with the
# subject like an adjective. So a profession is an `Adjective` here. The English
# plurals are regular, so they are not written here.
PROFESSIONS: dict[str, Adjective] = _by_name(
    Adjective("student", "étudiant"),
    Adjective("teacher", "professeur"),
    Adjective("doctor", "médecin", "médecin"),
    Adjective("nurse", "infirmier", "infirmière"),
    Adjective("singer", "chanteur", "chanteuse"),
    Adjective("lawyer", "avocat"),
    Adjective("engineer", "ingénieur"),
    Adjective("artist", "artiste"),
)

SEE = Verb("see", "sees", ("vois", "vois", "voit", "voyons", "voient"))
LIKE = Verb("like", "likes", _regular("aim"))
WATCH = Verb("watch", "watches", _regular("regard"))
SLEEP = Verb("sleep", "sleeps", ("dors", "dors", "dort", "dormons", "dorment"))
WALK = Verb("walk", "walks", _regular("march"))
CROSS = Verb("cross", "crosses", _regular("travers"), "crossed", "traversé")
CLIMB = Verb("climb", "climbs", _regular("escalad"), "climbed", "escaladé")
PUSH = Verb("push", "pushes", _regular("pouss"), "pushed", "poussé")
JUMP = Verb("jump", "jumps", _regular("saut"), "jumped", "sauté")
JUMP = JUMP._replace(particle=("over", "par-dessus"))
ENTER = Verb("enter", "enters", _regular("entr"), "entered", "entré")
ENTER = ENTER._replace(particle=("", "dans"), with_etre=True)
