"""Checkpoints a killed run continues from, and their average (section 6.1)."""

import keras
import numpy as np
import tensorflow as tf

# How tf.train.Checkpoint names the value of a variable in its file.
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


class TrainingCheckpoints:
    """The last checkpoints of a compiled model in one directory.

    A checkpoint holds the weights, the states of the random generators, the
    optimizer and named counters, so that training goes on where it stopped.

    Args:
        directory: where the files go.
        model: a built and compiled `keras.Model`.
        keep: how many checkpoints stay; older ones are deleted.
        counters: names of float64 numbers to store beside the weights.

    Example:

    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> checkpoints = TrainingCheckpoints(tempfile.mkdtemp(), model)
    >>> checkpoints.save()
    >>> checkpoints.restore()
    True
    """

    def __init__(self, directory, model, keep=5, counters=()):
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        self.counters = {
            name: tf.Variable(0.0, dtype=tf.float64, trainable=False)
            for name in counters
        }
        # By position, since names depend on what else the process made.
        self._model = [v.value for v in model.variables]
        self._checkpoint = tf.train.Checkpoint(
            model=self._model,
            optimizer=[v.value for v in model.optimizer.variables],
            counters=self.counters,
        )
        self._iterations = model.optimizer.iterations
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(directory), max_to_keep=keep
        )

    @property
    def step(self) -> int:
        """The number of updates the optimizer has made."""
        return int(keras.ops.convert_to_numpy(self._iterations))

    def restore(self) -> bool:
        """Loads the newest checkpoint; False if there is none."""
        newest = self._manager.latest_checkpoint
        if newest is None:
            return False
        self._checkpoint.restore(newest).assert_consumed()
        return True

    def save(self) -> None:
        """Writes a checkpoint named by the step."""
        self._manager.save(checkpoint_number=self.step)

    def load_average(self, newest: int | None = None) -> int:
        """Sets the weights to the mean of the kept checkpoints.

        Args:
            newest: how many of the newest to average; all kept if `None`.

        Returns:
            The number of checkpoints averaged.

        Raises:
            ValueError: there is no checkpoint.
        """
        if not self._manager.checkpoints:
            raise ValueError(
                f"There is no checkpoint in {self._manager.directory}. Call "
                "`save` before `load_average`."
            )
        paths = self._manager.checkpoints[-newest if newest else 0 :]
        readers = [tf.train.load_checkpoint(path) for path in paths]
        for i, variable in enumerate(self._model):
            if not variable.dtype.is_floating:
                continue  # States of random generators have no mean.
            stored = f"model/{i}{_VALUE}"
            # Summed in float64, so that the order does not matter.
            total = sum(
                np.asarray(reader.get_tensor(stored), "float64")
                for reader in readers
            )
            variable.assign((total / len(readers)).astype("float32"))
        return len(readers)
