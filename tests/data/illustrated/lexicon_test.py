"""The lexicon against a dictionary, and its tables against each other."""

from absl.testing import absltest

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


class LexiconTest(absltest.TestCase):
    def test_genders(self):
        nouns = [*lexicon.AGENTS.values(), *lexicon.OBJECTS.values()]
        for feminine, expected in ((False, _MASCULINE), (True, _FEMININE)):
            found = sorted(n.french for n in nouns if n.feminine == feminine)
            self.assertEqual(" ".join(found), expected)

    def test_every_name_is_in_the_tables(self):
        for noun in (*lexicon.AGENTS.values(), *lexicon.OBJECTS.values()):
            self.assertLessEqual(
                {*noun.qualities, *noun.colours}, set(lexicon.ADJECTIVES)
            )


if __name__ == "__main__":
    absltest.main()
