"""The table of deeds, against the lexicon and in itself."""

from absl.testing import absltest

from keras_transformer.data.illustrated import deeds, lexicon


class DeedsTest(absltest.TestCase):
    def test_a_reason_fits_the_agent_or_the_object_never_both(self):
        of_agents, of_objects = set(), set()
        for deed in deeds.DEEDS:
            of_agents.update(*deed.reasons)
            for fit in deed.objects.values():
                of_objects.update(*fit)
        self.assertEmpty(of_agents & of_objects)
        self.assertGreater(min(len(of_agents), len(of_objects)), 3)
        self.assertLessEqual(of_agents | of_objects, set(lexicon.ADJECTIVES))

    def test_every_name_is_in_the_lexicon(self):
        for deed in deeds.DEEDS:
            self.assertLessEqual(set(deed.agents), set(lexicon.AGENTS))
            self.assertLessEqual(set(deed.objects), set(lexicon.OBJECTS))
        self.assertLessEqual(set(deeds.UNHINDERED), set(lexicon.AGENTS))


if __name__ == "__main__":
    absltest.main()
