"""Recipes for the base and big models of "Attention Is All You Need".

If settings come from the paper, a comment above them names the section.
"""

from trainers.recipes.recipe import Recipe, Stage

_SETTINGS = {
    # Section 5.1: about 37,000 pieces that both languages share, and batches of
    # about 25,000 source tokens and 25,000 target tokens.
    "vocabulary_size": 37_000,
    "tokens_per_batch": 25_000,
    # Section 5.3.
    "optimizer": "adam",
    "schedule": "paper",
    "learning_rate_factor": 1.0,
    "warmup_steps": 4000,
    # Section 5.4; P_drop is in the presets.
    "label_smoothing": 0.1,
    # Section 6.1.
    "beam_size": 4,
    "length_penalty": 0.6,
    "length_penalty_form": "gnmt",
    # The paper does not add rare characters to sources.
    "rare_characters": 0.0,
}
BASE = Recipe(
    "WMT14 en-de, 4.5 million pairs; in the paper 12 hours on 8 P100, BLEU "
    "27.3. Not trained here.",
    (
        Stage(
            "base",
            {
                **_SETTINGS,
                "preset": "base",
                # Sections 5.2 and 6.1: 100,000 steps of 0.4 s; the mean of the
                # last 5 checkpoints, which are 10 minutes (1,500 steps) apart.
                "steps": 100_000,
                "evaluation_interval": 1500,
                "average_checkpoints": 5,
            },
        ),
    ),
)
BIG = Recipe(
    "WMT14 en-de, 4.5 million pairs; in the paper 3.5 days on 8 P100, BLEU "
    "28.4. Not trained here.",
    (
        Stage(
            "big",
            {
                **_SETTINGS,
                "preset": "big",
                # The same sections: 300,000 steps of 1 s; the mean of the last
                # 20 checkpoints. They are also 10 minutes (600 steps) apart.
                "steps": 300_000,
                "evaluation_interval": 600,
                "average_checkpoints": 20,
            },
        ),
    ),
)
