"""A recipe for text of 5,000 to 50,000 sentence pairs."""

from trainers.recipes.recipe import Recipe, Stage

_SETTINGS = {
    # For a small corpus, Araabi and Monz 2020 use fewer merges, a narrower
    # feed-forward network, and more dropout of all kinds. This recipe does the
    # same, but its values are our own.
    "preset": "tiny",
    "vocabulary_size": 4000,
    "dropout": 0.3,
    "attention_dropout": 0.1,
    "activation_dropout": 0.3,
    "word_dropout": 0.1,
    "label_smoothing": 0.2,
    # This is BPE-dropout. In Provilkov et al. 2020, BPE-dropout helps more if
    # there is less text.
    "segmentation_sampling": 0.1,
    "tokens_per_batch": 4096,
    "schedule": "inverse_square_root",
    "learning_rate": 3e-3,
    "adam_epsilon": 1e-8,
}
RECIPE = Recipe(
    "5,000 to 50,000 pairs; both directions first, then one.",
    (
        Stage(
            "both",
            {
                **_SETTINGS,
                "direction_tags": ["<2target>", "<2source>"],
                "epochs": 40,
                "average_checkpoints": 3,
            },
        ),
        Stage(
            "one",
            {
                **{
                    name: value
                    for name, value in _SETTINGS.items()
                    if name not in ("preset", "vocabulary_size")
                },
                "epochs": 40,
                "learning_rate": 1e-3,
                # With little text, the last checkpoints differ much in quality,
                # so the best ones are chosen.
                "select_by": "bleu",
                "average_checkpoints": 5,
                "patience": 10,
            },
            initial="both",
        ),
    ),
)
