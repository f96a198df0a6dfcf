"""Training stops where the loss is no number."""

import math

import keras


class StopOnNaN(keras.callbacks.Callback):
    """Ends training with an error as soon as the loss is not a number.

    Put it before whatever saves checkpoints: the last good one then stays.

    Raises:
        FloatingPointError: at the end of the step that gave such a loss.
    """

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            step = int(
                keras.ops.convert_to_numpy(self.model.optimizer.iterations)
            )
            raise FloatingPointError(
                f"The training loss became {loss} at step {step}. The last "
                "checkpoint before it was kept. Use a lower learning rate, "
                "more warm-up steps or float32, and a new output directory."
            )
