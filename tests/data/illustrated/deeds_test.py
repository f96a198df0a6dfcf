"""The table of deeds is consistent, and its words are in the lexicon."""

from keras_transformer.data.illustrated import deeds, lexicon


class TestDeeds:
    def test_a_reason_fits_the_agent_or_the_object_never_both(self):
        of_agents, of_objects = set(), set()
        for deed in deeds.DEEDS:
            of_agents.update(*deed.reasons)
            for fit in deed.objects.values():
                of_objects.update(*fit)
        assert len(of_agents & of_objects) == 0
        assert min(len(of_agents), len(of_objects)) > 3
        assert of_agents | of_objects <= set(lexicon.ADJECTIVES)

    def test_every_name_is_in_the_lexicon(self):
        for deed in deeds.DEEDS:
            assert set(deed.agents) <= set(lexicon.AGENTS)
            assert set(deed.objects) <= set(lexicon.OBJECTS)
        assert set(deeds.UNHINDERED) <= set(lexicon.AGENTS)
