"""Settings that the user did not give get their defaults."""

import pytest

import keras_transformer as kt
from trainers import defaults, settings, tokenizers


def test_defaults_depend_on_the_data():
    completed = defaults.with_defaults(settings.TrainingSettings(), 118)
    assert (completed.preset, completed.steps) == ("demo", 4 * 118)
    assert completed.evaluation_interval == 118
    assert completed.learning_rate_factor == 0.5
    assert completed.average_checkpoints == 2
    mine = settings.TrainingSettings(
        train_tsv=["mine"], steps=2001, steps_per_execution=10
    )
    completed = defaults.with_defaults(mine, 3000)
    assert (completed.preset, completed.steps) == ("small", 2010)
    assert completed.evaluation_interval == 1000
    assert (completed.warmup_steps, completed.learning_rate_factor) == (502, 1)


def test_a_convention_sets_loss_and_search_unless_a_flag_does():
    def chosen(**values):
        completed = defaults.with_defaults(
            settings.TrainingSettings(**values), 118
        )
        return (
            completed.label_smoothing,
            completed.smoothing_over,
            completed.length_penalty,
            completed.length_penalty_form,
        )

    assert chosen() == chosen(convention="paper") == (0.1, "all", 0.6, "gnmt")
    assert chosen(convention="fairseq") == (0.1, "others", 1.0, "average")
    assert chosen(
        convention="fairseq", label_smoothing=0.0, length_penalty=0.0
    ) == (0.0, "others", 0.0, "average")


def test_architecture_is_preset_then_convention_then_flags():
    text = ["zero one two", "zéro un deux"]
    tokenizer = kt.Tokenizer(kt.learn_vocabulary(text, may_be_smaller=True))
    config = defaults.architecture_of(
        settings.TrainingSettings(convention="fairseq"),
        {"biases": "none", "vocabulary_size": 5},
        tokenizers.Tokenizers(tokenizer),
    )
    assert config.model_dim == kt.PRESETS["demo"].model_dim
    assert (config.positions, config.start_id) == ("fairseq", 2)
    assert config.biases == "none"
    assert config.vocabulary_size == tokenizer.vocabulary_size
    assert config.target_vocabulary_size is None


def test_before_there_is_a_vocabulary_its_size_is_as_asked():
    mine = settings.TrainingSettings(train_tsv=["mine"])
    assert defaults.architecture_of(mine, {}).vocabulary_size == 8000
    config = defaults.architecture_of(mine, {"vocabulary_size": 300})
    assert config.vocabulary_size == 300


def test_shards_give_the_special_ids_of_an_initial_model(tmp_path):
    ids = kt.text.SpecialIds(pad=4, begin=None, end=1, unknown=0)
    vocabulary = kt.text.TokenList(["<unk>", "</s>", "a", "b", "<pad>"], ids)
    pairs = [kt.data.SentencePair("a", "b")] * 3
    kt.data.shard_pairs(pairs, tmp_path / "shards", vocabulary)
    mine = settings.TrainingSettings(train_shards=[str(tmp_path / "shards")])
    config = defaults.architecture_of(mine, {"pad_id": 4, "start_id": 4})
    assert (config.pad_id, config.start_id) == (4, 4)
    with pytest.raises(ValueError, match="pad with 4"):
        defaults.architecture_of(mine, {})


def test_the_tokenization_follows_the_language():
    def chosen(**values):
        asked = settings.TrainingSettings(**values)
        return defaults.with_defaults(asked, 118).tokenize

    assert chosen() == chosen(target_language="fr") == "13a"
    assert chosen(target_language="zh-TW") == "zh"
    assert chosen(target_language="th", tokenize="flores200") == "flores200"


def test_what_depends_on_the_end_stays_when_a_run_goes_on():
    begun = defaults.with_defaults(settings.TrainingSettings(steps=40), 8)
    existing_settings = {
        "steps": 40,
        "evaluation_interval": 8,
        "average_checkpoints": 2,
        "warmup_steps": 10,
    }
    assert existing_settings.items() <= vars(begun).items()

    longer = settings.TrainingSettings(epochs=50)
    completed = defaults.with_defaults(longer, 8, existing_settings)
    assert {**existing_settings, "steps": 400}.items() <= vars(
        completed
    ).items()
    # A new run of that length has other defaults.
    anew = defaults.with_defaults(longer, 8)
    assert (anew.average_checkpoints, anew.warmup_steps) == (5, 100)

    # Flags replace the old settings. Without a flag the end stays too.
    asked = settings.TrainingSettings(warmup_steps=3)
    completed = defaults.with_defaults(asked, 8, existing_settings)
    assert (completed.steps, completed.warmup_steps) == (40, 3)
    assert defaults.with_defaults(settings.TrainingSettings(), 8).steps == 32


def test_whole_executions():
    asked = settings.TrainingSettings(
        steps=11, evaluation_interval=4, steps_per_execution=3
    )
    completed = defaults.with_defaults(asked, 8)
    assert completed.steps == 12
    # The setting stays as given, since `steps_per_execution` may change.
    assert completed.evaluation_interval == 4
    assert (
        defaults.whole_executions(completed.evaluation_interval, completed) == 6
    )
