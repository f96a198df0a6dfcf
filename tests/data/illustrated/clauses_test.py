"""Golden sentences, one for each rule of French (and English) grammar."""

from absl.testing import absltest, parameterized

from keras_transformer.data.illustrated import clauses, grammar, lexicon


def phrase(name, determiner="the", before="", after="", plural=False):
    noun = lexicon.AGENTS.get(name) or lexicon.OBJECTS[name]
    return grammar.noun_phrase(noun, determiner, before, after, plural)


class SentenceTest(parameterized.TestCase):
    def check(self, pair, source, target):
        self.assertEqual(tuple(pair), (source, target))

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

    @parameterized.parameters(
        ("I", "I don't climb the wall.", "Je n'escalade pas le mur."),
        ("you", "You don't climb the wall.", "Tu n'escalades pas le mur."),
        ("he", "He doesn't climb the wall.", "Il n'escalade pas le mur."),
        ("we", "We don't climb the wall.", "Nous n'escaladons pas le mur."),
        ("they", "They don't climb the wall.", "Ils n'escaladent pas le mur."),
    )
    def test_present_of_every_person(self, who, source, target):
        subject = grammar.PRONOUNS[who]
        pair = clauses.event(
            subject, lexicon.CLIMB, phrase("wall"), negative=True
        )
        self.check(pair, source, target)

    @parameterized.parameters(
        ("I", "J'ai traversé la rue.", "Je ne vois pas de vieil âne."),
        ("she", "Elle a traversé la rue.", "Elle ne voit pas de vieil âne."),
        (
            "we",
            "Nous avons traversé la rue.",
            "Nous ne voyons pas de vieil âne.",
        ),
    )
    def test_past_and_denial(self, who, past, denial):
        subject = grammar.PRONOUNS[who]
        crossed = clauses.event(
            subject, lexicon.CROSS, phrase("street"), past=True
        )
        self.assertEqual(crossed.target, past)
        donkey = phrase("donkey", "no", "old")
        found = clauses.event(subject, lexicon.SEE, donkey, negative=True)
        self.assertEqual(found.target, denial)
        self.assertEndsWith(found.source, " see an old donkey.")

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


if __name__ == "__main__":
    absltest.main()
