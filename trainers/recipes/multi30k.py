"""Multi30k, or other text of about thirty thousand pairs, on two CPU cores.

Both recipes have two stages, as Bi-SimCut (Gao et al. 2022): first both
directions in one model, then the wanted one with SimCut, with optimizer and
learning rate begun anew. They read raw text, or lower-cased and tokenized text.
"""

from trainers.recipes.recipe import Recipe, Stage

_MODEL = {
    # Wu et al. 2021 ("Good for Misconceived Reasons", their Transformer-Tiny):
    # 4 + 4 layers, d 128, d_ff 256, 4 heads, P_drop 0.3, one vocabulary of
    # 10,000 pieces. Larger models were worse with 29,000 pairs.
    "preset": "tiny",
    "vocabulary_size": 10_000,
    # Araabi and Monz 2020 tune dropout of attention and activations for small
    # text; the values are ours.
    "attention_dropout": 0.1,
    "activation_dropout": 0.1,
    # Pairs of Multi30k are short.
    "max_length": 64,
    # Wu et al. have 8k tokens. More steps of half the size fit into the time.
    "tokens_per_batch": 4096,
    "label_smoothing": 0.1,
    # After 700 steps in one direction, Muon was better than Adam at the same
    # learning rate; docs/results.md has both.
    "optimizer": "muon",
    # With 1e-9, rounding errors of tiny gradients move weights.
    "adam_epsilon": 1e-8,
    # The text of the test sets has no characters that the training text lacks.
    "rare_characters": 0.0,
    # As in Wu et al.
    "beam_size": 5,
    "length_penalty_form": "average",
    "length_penalty": 1.0,
}
_BOTH = {
    **_MODEL,
    # Symbols that no text has; the second stage does without them.
    "direction_tags": ["<2target>", "<2source>"],
    # Wu et al.: peak 5e-3, which falls with the root of the step.
    "schedule": "inverse_square_root",
    "learning_rate": 5e-3,
    "average_checkpoints": 3,
}
_ONE = {
    **_MODEL,
    # SimCut: weight 3 and 5 % of the embeddings, the values of its authors.
    "consistency": "simcut",
    "consistency_weight": 3.0,
    "cut_off": 0.05,
    # BPE-dropout (Provilkov et al. 2020): 0.1 is their value.
    "segmentation_sampling": 0.1,
    # Lower than in the first stage, since the weights are good already; the
    # cool-down takes the last third (Hägele et al. 2024 find a fifth enough).
    "schedule": "inverse_square_root",
    "learning_rate": 3e-3,
    "average_checkpoints": 5,
}
# The sizes are those of the text and of the model above, so the second stage
# takes both from the first one.
_TAKEN = ("preset", "vocabulary_size")


def _recipe(summary, both, one):
    """Makes a recipe from the numbers of steps of its two stages."""
    second = {k: v for k, v in {**_ONE, **one}.items() if k not in _TAKEN}
    return Recipe(
        summary, (Stage("both", {**_BOTH, **both}), Stage("one", second))
    )


# A step of the second stage has two passes, and takes twice as long.
RECIPE = _recipe(
    "About 30,000 pairs; for up to three hours on two CPU cores.",
    {"steps": 8400, "warmup_steps": 1000, "evaluation_interval": 700},
    {
        "steps": 4400,
        "warmup_steps": 300,
        "cooldown_steps": 1540,
        "evaluation_interval": 220,
    },
)
ONE_HOUR = _recipe(
    "About 30,000 pairs; for up to one hour on two CPU cores.",
    {"steps": 2600, "warmup_steps": 500, "evaluation_interval": 325},
    {
        "steps": 1400,
        "warmup_steps": 120,
        "cooldown_steps": 490,
        "evaluation_interval": 70,
    },
)
