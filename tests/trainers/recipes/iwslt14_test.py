"""The recipe of IWSLT14 is that of fairseq's example."""

from trainers.recipes import iwslt14


def test_numbers_of_the_example():
    [stage] = iwslt14.RECIPE.stages
    expected = {
        "learning_rate": 5e-4,
        "warmup_steps": 4000,
        "weight_decay": 1e-4,
        "dropout": 0.3,
        "label_smoothing": 0.1,
        "tokens_per_batch": 4096,
        "num_heads": 4,
        "feed_forward_dim": 1024,
    }
    assert {name: stage.settings[name] for name in expected} == expected
