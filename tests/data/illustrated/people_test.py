"""Sentences about people are generated as a reader would type them."""

import re

import pytest

from keras_transformer import data
from keras_transformer.data.illustrated import people, set_phrases

# Typed from a grammar: the forms of one profession and of one adjective.
_STUDENT = ("étudiant", "étudiante", "étudiants", "étudiantes")
_HAPPY = ("heureux", "heureuse", "heureux", "heureuses")
# For each French subject and verb, the index of the form that agrees.
_AGREEMENT = {
    "Je suis": 0,
    "Tu es": 0,
    "Il est": 0,
    "Mon frère est": 0,
    "Cet homme est": 0,
    "Le garçon est": 0,
    "Elle est": 1,
    "Ma sœur est": 1,
    "Cette femme est": 1,
    "Nous sommes": 2,
    "Ils sont": 2,
    "Mes frères sont": 2,
    "Les hommes sont": 2,
    "Mes sœurs sont": 3,
    "Ces filles sont": 3,
}


class TestPeople:
    @classmethod
    def setup_class(cls):
        cls.pairs = {
            pair for pattern in people.patterns() for pair in pattern.arguments
        }
        cls.targets = {pair.target for pair in cls.pairs}

    def test_a_source_has_one_target(self):
        assert len({pair.source for pair in self.pairs}) == len(self.pairs)
        assert set_phrases.PAIRS[0] not in self.pairs

    @pytest.mark.parametrize(
        ("source", "target"),
        [
            ("I am not a student.", "Je ne suis pas étudiant."),
            ("I'm a student.", "Je suis étudiant."),
            ("She is a teacher.", "Elle est professeure."),
            ("He isn't a doctor.", "Il n'est pas médecin."),
            ("We are students.", "Nous sommes étudiants."),
            ("You are a singer.", "Tu es chanteur."),
            ("I am tired.", "Je suis fatigué."),
            ("They're too old.", "Ils sont trop vieux."),
            ("Are you happy?", "Es-tu heureux ?"),
            ("Hello, I am an engineer.", "Bonjour, je suis ingénieur."),
            ("Yes, my sisters are nurses.", "Oui, mes sœurs sont infirmières."),
            ("No, she isn't sad.", "Non, elle n'est pas triste."),
        ],
    )
    def test_sentences(self, source, target):
        assert data.SentencePair(source, target) in self.pairs

    @pytest.mark.parametrize(("subject", "form"), _AGREEMENT.items())
    def test_agreement(self, subject, form):
        for forms in (_STUDENT, _HAPPY):
            found = {
                word
                for word in forms
                if any(
                    f"{start} {word}." in self.targets
                    for start in (subject, subject + " très")
                )
            }
            assert found == {forms[form]}

    def test_what_does_not_fit(self):
        for source, _ in self.pairs:
            # Nouns have no short form ("brother's"); some words have no degree.
            assert not re.search(r"(brother|sister|woman|man)s?'", source)
            assert not re.search(r"(very|too) (lost|angry|an? )", source)
            # After "Hello", the sentence is about the speaker.
            assert not re.search(r"^Hello, (?!I\b|we\b)", source)
        hello = [s for s, _ in self.pairs if re.match("Hello, (I|we)", s)]
        assert len(hello) > 31
