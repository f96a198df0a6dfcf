"""Compares models read from checkpoints with slow models in NumPy."""

import numpy as np

SOURCES = ([4, 7, 5, 9], [6, 6], [3])
TARGETS = ([5, 11, 4], [8], [10, 3, 7, 7, 6])


def check_logits(imported, logits, end_id):
    """Checks the logits of some pairs of source and target ids."""
    model = imported.build()
    tokenizer = imported.tokenizer
    ending = list(tokenizer.special_ids.source_ending)
    for source, target in zip(SOURCES, TARGETS, strict=True):
        source_ids, target_ids = [*source, *ending], [*target, end_id]
        made = model(
            {
                "source_ids": np.array([source_ids]),
                "target_input_ids": model.shift_right(np.array([target_ids])),
            }
        )
        np.testing.assert_allclose(
            made[0], logits(source_ids, target_ids), rtol=0, atol=1e-4
        )
