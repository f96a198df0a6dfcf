"""Golden sentences, one for each rule of French (and English) grammar."""

import re

import pytest

from keras_transformer.data.illustrated import clauses, grammar, lexicon

_NOUNS = {**lexicon.AGENTS, **lexicon.OBJECTS, **lexicon.PEOPLE}


def phrase(name, determiner="the", before="", after="", plural=False):
    noun = _NOUNS[name]
    return grammar.noun_phrase(noun, determiner, before, after, plural)


class TestSentence:
    def check(self, pair, source, target):
        assert tuple(pair) == (source, target)

    def test_the_illustrated_sentence(self):
        animal, street = phrase("animal"), phrase("street")
        for it, adjective, target in (
            (animal, "tired", "parce qu'il était trop fatigué."),
            (street, "wide", "parce qu'elle était trop large."),
        ):
            self.check(
                clauses.because(
                    animal, lexicon.CROSS, street, it, adjective, True
                ),
                "The animal didn't cross the street because it was too "
                f"{adjective}.",
                f"L'animal n'a pas traversé la rue {target}",
            )

    def test_participle_agrees_with_the_subject_under_etre_alone(self):
        cows, barn = phrase("cow", plural=True), phrase("barn")
        self.check(
            clauses.because(cows, lexicon.ENTER, barn, cows, "lost", False),
            "The cows entered the barn because they were lost.",
            "Les vaches sont entrées dans la grange parce qu'elles étaient "
            "perdues.",
        )
        self.check(
            clauses.event(
                phrase("goose"), lexicon.ENTER, phrase("hotel"), True, True
            ),
            "The goose didn't enter the hotel.",
            "L'oie n'est pas entrée dans l'hôtel.",
        )
        self.check(
            clauses.event(
                phrase("dog", plural=True), lexicon.ENTER, barn, True
            ),
            "The dogs entered the barn.",
            "Les chiens sont entrés dans la grange.",
        )
        self.check(
            clauses.event(cows, lexicon.PUSH, phrase("bag"), True, True),
            "The cows didn't push the bag.",
            "Les vaches n'ont pas poussé le sac.",
        )

    def test_opening_and_particle(self):
        goat, hedge = phrase("goat"), phrase("hedge", before="old")
        self.check(
            clauses.because(
                goat,
                lexicon.JUMP,
                hedge,
                hedge,
                "high",
                True,
                ("yesterday,", "hier,"),
            ),
            "Yesterday, the goat didn't jump over the old hedge because it "
            "was too high.",
            "Hier, la chèvre n'a pas sauté par-dessus la vieille haie parce "
            "qu'elle était trop haute.",
        )

    @pytest.mark.parametrize(
        ("who", "source", "target"),
        [
            ("I", "I don't climb the wall.", "Je n'escalade pas le mur."),
            ("you", "You don't climb the wall.", "Tu n'escalades pas le mur."),
            ("he", "He doesn't climb the wall.", "Il n'escalade pas le mur."),
            ("we", "We don't climb the wall.", "Nous n'escaladons pas le mur."),
            (
                "they",
                "They don't climb the wall.",
                "Ils n'escaladent pas le mur.",
            ),
        ],
    )
    def test_present_of_every_person(self, who, source, target):
        subject = grammar.PRONOUNS[who]
        pair = clauses.event(
            subject, lexicon.CLIMB, phrase("wall"), negative=True
        )
        self.check(pair, source, target)

    @pytest.mark.parametrize(
        ("who", "past", "denial"),
        [
            ("I", "J'ai traversé la rue.", "Je ne vois pas de vieil âne."),
            (
                "she",
                "Elle a traversé la rue.",
                "Elle ne voit pas de vieil âne.",
            ),
            (
                "we",
                "Nous avons traversé la rue.",
                "Nous ne voyons pas de vieil âne.",
            ),
        ],
    )
    def test_past_and_denial(self, who, past, denial):
        subject = grammar.PRONOUNS[who]
        crossed = clauses.event(
            subject, lexicon.CROSS, phrase("street"), past=True
        )
        assert crossed.target == past
        donkey = phrase("donkey", "no", "old")
        found = clauses.event(subject, lexicon.SEE, donkey, negative=True)
        assert found.target == denial
        assert found.source.endswith(" see an old donkey.")

    def test_third_person(self):
        self.check(
            clauses.event(phrase("owl"), lexicon.SLEEP),
            "The owl sleeps.",
            "La chouette dort.",
        )
        self.check(
            clauses.event(phrase("ant"), lexicon.CROSS, phrase("road")),
            "The ant crosses the road.",
            "La fourmi traverse la route.",
        )

    def test_state(self):
        self.check(
            clauses.state(phrase("stable", "this"), "dry", ("very", "très")),
            "This stable is very dry.",
            "Cette écurie est très sèche.",
        )
        self.check(
            clauses.state(phrase("mouse", plural=True), "angry", negative=True),
            "The mice aren't angry.",
            "Les souris ne sont pas furieuses.",
        )

    @pytest.mark.parametrize(
        ("who", "source", "target"),
        [
            ("I", "I am not a student.", "Je ne suis pas étudiant."),
            ("you", "You are not a student.", "Tu n'es pas étudiant."),
            ("he", "He is not a student.", "Il n'est pas étudiant."),
            ("she", "She is not a student.", "Elle n'est pas étudiante."),
            ("we", "We are not students.", "Nous ne sommes pas étudiants."),
            ("they", "They are not students.", "Ils ne sont pas étudiants."),
        ],
    )
    def test_profession_of_every_person(self, who, source, target):
        subject = grammar.PRONOUNS[who]
        self.check(
            clauses.state(subject, "student", negative=True, short=False),
            source,
            target,
        )
        self.check(
            clauses.state(subject, "student", short=False),
            source.replace(" not", ""),
            re.sub("(ne |n')(.*) pas", r"\2", target),
        )

    @pytest.mark.parametrize(
        ("who", "negative", "source", "target"),
        [
            ("I", False, "I'm tired.", "Je suis fatigué."),
            ("I", True, "I'm not tired.", "Je ne suis pas fatigué."),
            ("you", False, "You're tired.", "Tu es fatigué."),
            ("you", True, "You aren't tired.", "Tu n'es pas fatigué."),
            ("she", False, "She's tired.", "Elle est fatiguée."),
            ("she", True, "She isn't tired.", "Elle n'est pas fatiguée."),
            ("they", False, "They're tired.", "Ils sont fatigués."),
        ],
    )
    def test_short_forms_mean_the_same(self, who, negative, source, target):
        subject = grammar.PRONOUNS[who]
        self.check(
            clauses.state(subject, "tired", negative=negative), source, target
        )
        long = clauses.state(subject, "tired", negative=negative, short=False)
        assert long.target == target
        assert "'" not in long.source

    @pytest.mark.parametrize(
        ("who", "source", "target"),
        [
            ("I", "Am I a lawyer?", "Suis-je avocat ?"),
            ("you", "Are you a lawyer?", "Es-tu avocat ?"),
            ("she", "Is she a lawyer?", "Est-elle avocate ?"),
            ("we", "Are we lawyers?", "Sommes-nous avocats ?"),
            ("they", "Are they lawyers?", "Sont-ils avocats ?"),
        ],
    )
    def test_question(self, who, source, target):
        subject = grammar.PRONOUNS[who]
        self.check(clauses.question(subject, "lawyer"), source, target)

    def test_question_about_a_noun_has_its_pronoun_too(self):
        sisters = phrase("sister", "my", plural=True)
        self.check(
            clauses.question(sisters, "engineer"),
            "Are my sisters engineers?",
            "Mes sœurs sont-elles ingénieures ?",
        )
        self.check(
            clauses.question(phrase("man", "this"), "happy"),
            "Is this man happy?",
            "Cet homme est-il heureux ?",
        )

    def test_opening_of_a_state(self):
        self.check(
            clauses.state(
                phrase("woman"),
                "nurse",
                negative=True,
                short=False,
                opening=("no,", "non,"),
            ),
            "No, the woman is not a nurse.",
            "Non, la femme n'est pas infirmière.",
        )

    def test_there_is(self):
        bridge = grammar.at(("near", "près de"), phrase("bridge"))
        self.check(
            clauses.there_is(phrase("ant", "a"), bridge),
            "There is an ant near the bridge.",
            "Il y a une fourmi près du pont.",
        )
        self.check(
            clauses.there_is(phrase("animal", "no"), bridge, negative=True),
            "There isn't an animal near the bridge.",
            "Il n'y a pas d'animal près du pont.",
        )
        self.check(
            clauses.there_is(phrase("fox", "two", plural=True), bridge),
            "There are two foxes near the bridge.",
            "Il y a deux renards près du pont.",
        )
