"""The recipes of Multi30k have the numbers that their comments name."""

from trainers.recipes import multi30k


def test_two_stages_with_the_model_of_the_paper():
    for recipe in (multi30k.RECIPE, multi30k.ONE_HOUR):
        both, one = recipe.stages
        assert both.settings["preset"] == "tiny"
        assert both.settings["vocabulary_size"] == 10_000
        # The second stage has the vocabulary of the first.
        assert not {"preset", "vocabulary_size"} & set(one.settings)
        assert len(both.settings["direction_tags"]) == 2
        assert "direction_tags" not in one.settings
        assert one.settings["cut_off"] == 0.05


def test_an_hour_is_a_third_of_three():
    def passes(recipe):
        both, one = (stage.settings["steps"] for stage in recipe.stages)
        return both + 2 * one

    assert passes(multi30k.ONE_HOUR) <= 0.36 * passes(multi30k.RECIPE)
