"""Small text gets more dropout than the preset has."""

import keras_transformer as kt
from trainers.recipes import low_resource


def test_all_kinds_of_dropout_act():
    both, one = low_resource.RECIPE.stages
    for stage in (both, one):
        for name in ("attention_dropout", "activation_dropout", "word_dropout"):
            default = getattr(kt.TransformerConfig(), name)
            assert stage.settings[name] > default == 0
    assert one.settings["select_by"] == "bleu"
