"""Compares an imported model with the results of the other system."""

import numpy as np
import tensorflow as tf

from keras_transformer import models


def check(golden, model):
    """Checks the memory and the logits of the first sentences of `golden`.

    The model computes in float64, so most rounding errors are those of the
    other system. A norm of a vector with a small variance makes them larger: in
    the memory they reach 1.4e-5.
    """
    model = models.in_precision(model, "float64")
    few = len(golden["memory"])
    source_ids = golden["source_ids"][:few]
    is_source = source_ids != model.pad_id
    memory = model.encode(source_ids).numpy()
    np.testing.assert_allclose(
        memory[is_source], golden["memory"][is_source], rtol=0, atol=2e-5
    )
    target_ids = tf.constant(golden["target_ids"][:few], tf.int32)
    logits = model(
        {
            "source_ids": source_ids,
            "target_input_ids": model.shift_right(target_ids),
        }
    ).numpy()
    is_target = (target_ids != model.pad_id).numpy()
    np.testing.assert_allclose(
        logits[is_target], golden["logits"][is_target], rtol=0, atol=1e-4
    )
