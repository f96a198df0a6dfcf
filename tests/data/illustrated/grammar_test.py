"""Golden phrases, one for each rule of French (and English) grammar."""

import pytest

from keras_transformer.data.illustrated import grammar, lexicon


def phrase(name, determiner="the", before="", after="", plural=False):
    noun = lexicon.AGENTS.get(name) or lexicon.OBJECTS[name]
    return grammar.noun_phrase(noun, determiner, before, after, plural)


class TestJoin:
    @pytest.mark.parametrize(
        ("phrases", "expected"),
        [
            ("le animal", "l'animal"),
            ("la oie ne escalade pas", "l'oie n'escalade pas"),
            ("je aime la écurie", "j'aime l'écurie"),
            ("je ne aime pas", "je n'aime pas"),
            ("parce que elle", "parce qu'elle"),
            ("il ne y a pas de âne", "il n'y a pas d'âne"),
            # Mute h elides, aspirated h does not.
            ("le hôtel", "l'hôtel"),
            ("la haie", "la haie"),
            ("pas de hérisson", "pas de hérisson"),
            ("près de le hangar", "près du hangar"),
            # "de" and "à" contract with "le" and "les", but not with "l'".
            ("près de le pont", "près du pont"),
            ("près de le étang", "près de l'étang"),
            ("près de les ponts", "près des ponts"),
            ("près de la rue", "près de la rue"),
            ("jusque à le mur", "jusqu'au mur"),
            ("jusque à les haies", "jusqu'aux haies"),
            ("jusque à la écurie", "jusqu'à l'écurie"),
        ],
    )
    def test_french(self, phrases, expected):
        assert grammar.french(phrases) == expected

    @pytest.mark.parametrize(
        "phrases",
        [
            ("a dog", "a dog"),
            ("a animal", "an animal"),
            ("a", "old dog", "an old dog"),
            ("a hotel", "a hotel"),
        ],
    )
    def test_english(self, phrases):
        *phrases, expected = phrases
        assert grammar.english(*phrases) == expected


class TestNounPhrase:
    @pytest.mark.parametrize(
        ("arguments", "english", "french"),
        [
            # Five adjectives stand before the noun, colours after it.
            (
                ("horse", "a", "big", "black"),
                "a big black",
                "un grand cheval noir",
            ),
            (
                ("goat", "a", "big", "white"),
                "a big white",
                "une grande chèvre blanche",
            ),
            # Forms before a masculine noun with a vowel or a mute h.
            (("animal", "a", "beautiful"), "a beautiful", "un bel animal"),
            (("donkey", "my", "old"), "my old", "mon vieil âne"),
            (("hotel", "the", "new"), "the new", "le nouvel hôtel"),
            (("hedgehog", "a", "old"), "an old", "un vieux hérisson"),
            (("goose", "a", "beautiful"), "a beautiful", "une belle oie"),
            # The next word decides between two forms of a determiner.
            (("animal", "this"), "this", "cet animal"),
            (("animal", "this", "small"), "this small", "ce petit animal"),
            (("hotel", "this"), "this", "cet hôtel"),
            (("hedgehog", "this"), "this", "ce hérisson"),
            (("avenue", "this"), "this", "cette avenue"),
            (("stable", "my"), "my", "mon écurie"),
            (("stable", "my", "new"), "my new", "ma nouvelle écurie"),
            (("hedge", "my"), "my", "ma haie"),
        ],
    )
    def test_singular(self, arguments, english, french):
        found = phrase(*arguments)
        assert grammar.english(found.english) == grammar.english(
            f"{english} {arguments[0]}"
        )
        assert grammar.french(found.french) == french

    @pytest.mark.parametrize(
        ("arguments", "english", "french"),
        [
            (
                ("animal", "the", "beautiful"),
                "the beautiful animals",
                "les beaux animaux",
            ),
            (
                ("horse", "two", "old", "grey"),
                "two old grey horses",
                "deux vieux chevaux gris",
            ),
            (
                ("goose", "my", "", "white"),
                "my white geese",
                "mes oies blanches",
            ),
            (
                ("mouse", "these", "new"),
                "these new mice",
                "ces nouvelles souris",
            ),
            (
                ("wolf", "three", "", "black"),
                "three black wolves",
                "trois loups noirs",
            ),
        ],
    )
    def test_plural(self, arguments, english, french):
        name, determiner, *adjectives = arguments
        determiner = "this" if determiner == "these" else determiner
        found = phrase(name, determiner, *adjectives, plural=True)
        assert found.english == english
        assert grammar.french(found.french) == french

    @pytest.mark.parametrize(
        ("name", "forms"),
        [
            ("tired", "fatigué fatiguée fatigués fatiguées"),
            ("lazy", "paresseux paresseuse paresseux paresseuses"),
            ("dry", "sec sèche secs sèches"),
            ("low", "bas basse bas basses"),
            ("grey", "gris grise gris grises"),
            ("white", "blanc blanche blancs blanches"),
            ("beautiful", "beau belle beaux belles"),
            ("wide", "large large larges larges"),
        ],
    )
    def test_agreement(self, name, forms):
        found = [
            grammar.agree(name, feminine, plural)
            for plural in (False, True)
            for feminine in (False, True)
        ]
        assert " ".join(found) == forms
