"""Golden sentences, one for each rule of French (and English) grammar."""

from absl.testing import absltest, parameterized

from keras_transformer.data.illustrated import grammar, lexicon


def phrase(name, determiner="the", before="", after="", plural=False):
    noun = lexicon.AGENTS.get(name) or lexicon.OBJECTS[name]
    return grammar.noun_phrase(noun, determiner, before, after, plural)


class JoinTest(parameterized.TestCase):
    @parameterized.parameters(
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
    )
    def test_french(self, phrases, expected):
        self.assertEqual(grammar.french(phrases), expected)

    @parameterized.parameters(
        ("a dog", "a dog"),
        ("a animal", "an animal"),
        ("a", "old dog", "an old dog"),
        ("a hotel", "a hotel"),
    )
    def test_english(self, *phrases):
        *phrases, expected = phrases
        self.assertEqual(grammar.english(*phrases), expected)


class NounPhraseTest(parameterized.TestCase):
    @parameterized.parameters(
        # Five adjectives stand before the noun, colours after it.
        (("horse", "a", "big", "black"), "a big black", "un grand cheval noir"),
        (
            ("goat", "a", "big", "white"),
            "a big white",
            "une grande chèvre blanche",
        ),
        # Before a masculine vowel or mute h.
        (("animal", "a", "beautiful"), "a beautiful", "un bel animal"),
        (("donkey", "my", "old"), "my old", "mon vieil âne"),
        (("hotel", "the", "new"), "the new", "le nouvel hôtel"),
        (("hedgehog", "a", "old"), "an old", "un vieux hérisson"),
        (("goose", "a", "beautiful"), "a beautiful", "une belle oie"),
        # Between two forms of a determiner the next word decides.
        (("animal", "this"), "this", "cet animal"),
        (("animal", "this", "small"), "this small", "ce petit animal"),
        (("hotel", "this"), "this", "cet hôtel"),
        (("hedgehog", "this"), "this", "ce hérisson"),
        (("avenue", "this"), "this", "cette avenue"),
        (("stable", "my"), "my", "mon écurie"),
        (("stable", "my", "new"), "my new", "ma nouvelle écurie"),
        (("hedge", "my"), "my", "ma haie"),
    )
    def test_singular(self, arguments, english, french):
        found = phrase(*arguments)
        self.assertEqual(
            grammar.english(found.english),
            grammar.english(f"{english} {arguments[0]}"),
        )
        self.assertEqual(grammar.french(found.french), french)

    @parameterized.parameters(
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
        (("goose", "my", "", "white"), "my white geese", "mes oies blanches"),
        (("mouse", "these", "new"), "these new mice", "ces nouvelles souris"),
        (
            ("wolf", "three", "", "black"),
            "three black wolves",
            "trois loups noirs",
        ),
    )
    def test_plural(self, arguments, english, french):
        name, determiner, *adjectives = arguments
        determiner = "this" if determiner == "these" else determiner
        found = phrase(name, determiner, *adjectives, plural=True)
        self.assertEqual(found.english, english)
        self.assertEqual(grammar.french(found.french), french)

    @parameterized.parameters(
        ("tired", "fatigué fatiguée fatigués fatiguées"),
        ("lazy", "paresseux paresseuse paresseux paresseuses"),
        ("dry", "sec sèche secs sèches"),
        ("low", "bas basse bas basses"),
        ("grey", "gris grise gris grises"),
        ("white", "blanc blanche blancs blanches"),
        ("beautiful", "beau belle beaux belles"),
        ("wide", "large large larges larges"),
    )
    def test_agreement(self, name, forms):
        found = [
            grammar.agree(name, feminine, plural)
            for plural in (False, True)
            for feminine in (False, True)
        ]
        self.assertEqual(" ".join(found), forms)


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
                grammar.because(
                    animal, lexicon.CROSS, street, it, adjective, True
                ),
                "The animal didn't cross the street because it was too "
                f"{adjective}.",
                f"L'animal n'a pas traversé la rue {target}",
            )

    def test_participle_agrees_with_the_subject_under_etre_alone(self):
        cows, barn = phrase("cow", plural=True), phrase("barn")
        self.check(
            grammar.because(cows, lexicon.ENTER, barn, cows, "lost", False),
            "The cows entered the barn because they were lost.",
            "Les vaches sont entrées dans la grange parce qu'elles étaient "
            "perdues.",
        )
        self.check(
            grammar.event(
                phrase("goose"), lexicon.ENTER, phrase("hotel"), True, True
            ),
            "The goose didn't enter the hotel.",
            "L'oie n'est pas entrée dans l'hôtel.",
        )
        self.check(
            grammar.event(
                phrase("dog", plural=True), lexicon.ENTER, barn, True
            ),
            "The dogs entered the barn.",
            "Les chiens sont entrés dans la grange.",
        )
        self.check(
            grammar.event(cows, lexicon.PUSH, phrase("bag"), True, True),
            "The cows didn't push the bag.",
            "Les vaches n'ont pas poussé le sac.",
        )

    def test_opening_and_particle(self):
        goat, hedge = phrase("goat"), phrase("hedge", before="old")
        self.check(
            grammar.because(
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
        pair = grammar.event(
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
        crossed = grammar.event(
            subject, lexicon.CROSS, phrase("street"), past=True
        )
        self.assertEqual(crossed.target, past)
        donkey = phrase("donkey", "no", "old")
        found = grammar.event(subject, lexicon.SEE, donkey, negative=True)
        self.assertEqual(found.target, denial)
        self.assertEndsWith(found.source, " see an old donkey.")

    def test_third_person(self):
        self.check(
            grammar.event(phrase("owl"), lexicon.SLEEP),
            "The owl sleeps.",
            "La chouette dort.",
        )
        self.check(
            grammar.event(phrase("ant"), lexicon.CROSS, phrase("road")),
            "The ant crosses the road.",
            "La fourmi traverse la route.",
        )

    def test_state(self):
        self.check(
            grammar.state(phrase("stable", "this"), "dry", ("very", "très")),
            "This stable is very dry.",
            "Cette écurie est très sèche.",
        )
        self.check(
            grammar.state(phrase("mouse", plural=True), "angry", negative=True),
            "The mice aren't angry.",
            "Les souris ne sont pas furieuses.",
        )

    def test_there_is(self):
        bridge = grammar.at(("near", "près de"), phrase("bridge"))
        self.check(
            grammar.there_is(phrase("ant", "a"), bridge),
            "There is an ant near the bridge.",
            "Il y a une fourmi près du pont.",
        )
        self.check(
            grammar.there_is(phrase("animal", "no"), bridge, negative=True),
            "There isn't an animal near the bridge.",
            "Il n'y a pas d'animal près du pont.",
        )
        self.check(
            grammar.there_is(phrase("fox", "two", plural=True), bridge),
            "There are two foxes near the bridge.",
            "Il y a deux renards près du pont.",
        )


if __name__ == "__main__":
    absltest.main()
