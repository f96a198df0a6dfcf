"""The lexicon agrees with a dictionary, and its tables with each other."""

from keras_transformer.data.illustrated import lexicon

# Typed from a dictionary, not from the lexicon.
_MASCULINE = (
    "animal banc canard champ chat cheval chien château fossé garage hangar "
    "hérisson hôtel jardin lac lapin loup mur pont portail renard rocher "
    "ruisseau sac toit tonneau tunnel âne étang"
)
_FEMININE = (
    "avenue caisse charrette chouette chèvre clôture colline cuisine falaise "
    "fourmi grange grenouille grotte haie maison montagne oie panthère pierre "
    "place poule rivière route rue souris table tortue vache vallée écurie"
)


class TestLexicon:
    def test_genders(self):
        nouns = [*lexicon.AGENTS.values(), *lexicon.OBJECTS.values()]
        for feminine, expected in ((False, _MASCULINE), (True, _FEMININE)):
            found = sorted(n.french for n in nouns if n.feminine == feminine)
            assert " ".join(found) == expected

    def test_forms_of_people_and_professions(self):
        people = {n.french: n.feminine for n in lexicon.PEOPLE.values()}
        assert people == {
            **dict.fromkeys(("homme", "garçon", "frère"), False),
            **dict.fromkeys(("femme", "fille", "sœur"), True),
        }
        found = {
            word.english: (word.french, word.feminine, word.plural)
            for word in lexicon.PROFESSIONS.values()
        }
        assert found == {
            "student": ("étudiant", "étudiante", "étudiants"),
            "teacher": ("professeur", "professeure", "professeurs"),
            "doctor": ("médecin", "médecin", "médecins"),
            "nurse": ("infirmier", "infirmière", "infirmiers"),
            "singer": ("chanteur", "chanteuse", "chanteurs"),
            "lawyer": ("avocat", "avocate", "avocats"),
            "engineer": ("ingénieur", "ingénieure", "ingénieurs"),
            "artist": ("artiste", "artiste", "artistes"),
        }

    def test_every_name_is_in_the_tables(self):
        for noun in (*lexicon.AGENTS.values(), *lexicon.OBJECTS.values()):
            assert {*noun.qualities, *noun.colours} <= set(lexicon.ADJECTIVES)
        # A name means an adjective or a profession, never both.
        assert len(set(lexicon.ADJECTIVES) & set(lexicon.PROFESSIONS)) == 0
