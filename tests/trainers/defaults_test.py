"""What a run is where nothing else was asked for."""

import keras_transformer as kt
from trainers import defaults, settings, tokenizers


def test_defaults_depend_on_the_data():
    found = defaults.with_defaults(settings.TrainingSettings(), 118)
    assert (found.preset, found.steps) == ("demo", 6 * 118)
    assert found.evaluation_interval == 118
    assert found.learning_rate_factor == 0.5
    assert found.average_checkpoints == 3
    mine = settings.TrainingSettings(
        train_tsv=["mine"], steps=2001, steps_per_execution=10
    )
    found = defaults.with_defaults(mine, 3000)
    assert (found.preset, found.steps) == ("small", 2010)
    assert found.evaluation_interval == 1000
    assert (found.warmup_steps, found.learning_rate_factor) == (502, 1)


def test_a_convention_sets_loss_and_search_unless_a_flag_does():
    def chosen(**values):
        found = defaults.with_defaults(settings.TrainingSettings(**values), 118)
        return (
            found.label_smoothing,
            found.smoothing_over,
            found.length_penalty,
            found.length_penalty_form,
        )

    assert chosen() == chosen(convention="paper") == (0.1, "all", 0.6, "gnmt")
    assert chosen(convention="fairseq") == (0.1, "others", 1.0, "average")
    assert chosen(
        convention="fairseq", label_smoothing=0.0, length_penalty=0.0
    ) == (0.0, "others", 0.0, "average")


def test_architecture_is_preset_then_convention_then_flags():
    text = ["zero one two", "zéro un deux"]
    tokenizer = kt.Tokenizer(kt.learn_vocabulary(text, may_be_smaller=True))
    found = defaults.architecture_of(
        settings.TrainingSettings(convention="fairseq"),
        {"biases": "none", "vocabulary_size": 5},
        tokenizers.Tokenizers(tokenizer),
    )
    assert found.model_dim == kt.PRESETS["demo"].model_dim
    assert (found.positions, found.start_id) == ("fairseq", 2)
    assert found.biases == "none"
    assert found.vocabulary_size == tokenizer.vocabulary_size
    assert found.target_vocabulary_size is None


def test_before_there_is_a_vocabulary_its_size_is_as_asked():
    mine = settings.TrainingSettings(train_tsv=["mine"])
    assert defaults.architecture_of(mine, {}).vocabulary_size == 8000
    found = defaults.architecture_of(mine, {"vocabulary_size": 300})
    assert found.vocabulary_size == 300


def test_the_tokenization_follows_the_language():
    def chosen(**values):
        asked = settings.TrainingSettings(**values)
        return defaults.with_defaults(asked, 118).tokenize

    assert chosen() == chosen(target_language="fr") == "13a"
    assert chosen(target_language="zh-TW") == "zh"
    assert chosen(target_language="th", tokenize="flores200") == "flores200"


def test_what_depends_on_the_end_stays_when_a_run_goes_on():
    begun = defaults.with_defaults(settings.TrainingSettings(steps=40), 8)
    of_run = {
        "steps": 40,
        "evaluation_interval": 8,
        "average_checkpoints": 2,
        "warmup_steps": 10,
    }
    assert of_run.items() <= vars(begun).items()

    longer = settings.TrainingSettings(epochs=50)
    found = defaults.with_defaults(longer, 8, of_run)
    assert {**of_run, "steps": 400}.items() <= vars(found).items()
    # It would be otherwise of a run of that length from its begin.
    anew = defaults.with_defaults(longer, 8)
    assert (anew.average_checkpoints, anew.warmup_steps) == (5, 100)

    # What is asked for holds; not asked for, the end stays too.
    asked = settings.TrainingSettings(warmup_steps=3)
    found = defaults.with_defaults(asked, 8, of_run)
    assert (found.steps, found.warmup_steps) == (40, 3)
    assert defaults.with_defaults(settings.TrainingSettings(), 8).steps == 48


def test_whole_executions():
    asked = settings.TrainingSettings(
        steps=11, evaluation_interval=4, steps_per_execution=3
    )
    found = defaults.with_defaults(asked, 8)
    assert found.steps == 12
    # As it was asked for, since the size of executions may change.
    assert found.evaluation_interval == 4
    assert defaults.whole_executions(found.evaluation_interval, found) == 6
