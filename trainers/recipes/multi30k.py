"""Two recipes for Multi30k, or for other text of about thirty thousand pairs.

They are for two CPU cores: `ONE_HOUR` for one hour, `RECIPE` for three hours.

Both recipes begin with two stages, like Bi-SimCut (Gao et al. 2022). The first
stage trains both directions in one model. The second stage starts from the
weights of the first stage, and trains only the wanted direction. The second
stage resets the state of the optimizer, and has its own learning rate schedule.
`RECIPE` repeats the two stages from other initial weights. Its last stage
trains a student, which learns from the text and from the predictions of the two
models of the second stages (Kim and Rush 2016). The recipes work on raw text,
and on lower-cased and tokenized text.
"""

import dataclasses

from trainers.recipes.recipe import Recipe, Stage

# The sizes of the model. The second stage takes them from the first stage. This
# model is wider than the Transformer-Tiny of Wu et al. 2021 ("Good for
# Misconceived Reasons"). docs/results.md has the scores of this model.
_SIZES = {
    "preset": "small",
    "feed_forward_dim": 512,
    "num_heads": 4,
    # Small text needs few merges (Araabi and Monz 2020).
    "vocabulary_size": 6000,
}
_TRAINING = {
    # Pairs of Multi30k are short.
    "max_length": 64,
    # Wu et al. use batches of 8k tokens. With half the size, more steps fit
    # into the time.
    "tokens_per_batch": 4096,
    "label_smoothing": 0.1,
    # After 700 steps in one direction, Muon was better than Adam at the same
    # learning rate; docs/results.md has the scores of both.
    "optimizer": "muon",
    # With 1e-9, rounding errors of tiny gradients would change weights.
    "adam_epsilon": 1e-8,
    # The model need not learn to ignore unknown characters, since the test sets
    # have only characters of the training text.
    "rare_characters": 0.0,
    # As in Wu et al.
    "length_penalty_form": "average",
    "length_penalty": 1.0,
    # Wu et al. use a beam of 5 and the most probable hypothesis. docs/search.md
    # compares their search with this one.
    "beam_size": 10,
    "minimum_risk": 5,
    "schedule": "inverse_square_root",
}
_BOTH = {
    **_SIZES,
    **_TRAINING,
    # A source begins with one of these two tags, which says into which language
    # to translate. No text may contain the tags. The second stage has no tags.
    "direction_tags": ["<2target>", "<2source>"],
    # Little dropout is enough, because the stage reads each pair only six times
    # in each direction.
    "dropout": 0.1,
    "learning_rate": 4e-3,
    "average_checkpoints": 1,
}
_ONE = {
    **_TRAINING,
    # Wu et al. use a dropout of 0.3, but train for far more epochs.
    "dropout": 0.2,
    # Araabi and Monz tune dropout of attention and activations for small text;
    # the values are ours.
    "attention_dropout": 0.1,
    "activation_dropout": 0.1,
    # This is lower than in the first stage, since the weights are already good.
    "learning_rate": 2.5e-3,
    "average_checkpoints": 5,
}


def _steps(steps):
    """Returns the settings of a stage with this number of steps.

    The cool-down is the last third of the steps. In Hägele et al. 2024, a fifth
    of the steps is enough.
    """
    return {
        "steps": steps,
        "warmup_steps": 150,
        "cooldown_steps": steps // 3,
        "evaluation_interval": 100,
    }


_FIRST = Stage(
    "both",
    {**_BOTH, "steps": 1300, "warmup_steps": 250, "evaluation_interval": 260},
)
_SECOND = {**_ONE, **_steps(2100)}

RECIPE = Recipe(
    "About 30,000 pairs; for up to three hours on two CPU cores.",
    (
        _FIRST,
        Stage("first_teacher", _SECOND, initial="both"),
        # The second teacher has its own first stage. docs/results.md compares
        # the student with that of teachers that share one first stage.
        dataclasses.replace(_FIRST, name="both_again", seed=2),
        Stage("second_teacher", _SECOND, initial="both_again", seed=2),
        Stage(
            "student",
            {**_ONE, **_steps(2000), "consistency": "teacher"},
            initial="first_teacher",
            teachers=("first_teacher", "second_teacher"),
            seed=2,
        ),
    ),
)
ONE_HOUR = Recipe(
    "About 30,000 pairs; for up to one hour on two CPU cores.",
    (_FIRST, Stage("one", _SECOND, initial="both")),
)
