"""A callback that stops training when the loss is not a finite number."""

import math
from typing import Any

import keras


class StopOnNaN(keras.callbacks.Callback):
    """Callback that ends training with an error if the loss is not finite.

    In the list of callbacks, put it before the callbacks that save checkpoints.
    Then these callbacks do not run after the error, and the last good
    checkpoint is kept.

    Raises:
        FloatingPointError: the mean loss of the epoch's steps so far is
            infinite or NaN. This is checked after each `steps_per_execution`
            steps.
    """

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        loss = float((logs or {})["loss"])
        if not math.isfinite(loss):
            step = int(
                keras.ops.convert_to_numpy(self.model.optimizer.iterations)
            )
            raise FloatingPointError(
                f"The training loss became {loss} at step {step}. The last "
                "checkpoint before it was kept. Use a lower learning rate, "
                "more warm-up steps or float32, and a new output directory."
            )
