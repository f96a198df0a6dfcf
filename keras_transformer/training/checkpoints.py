"""Writes and restores checkpoints of a run, and averages their weights.

The paper averages checkpoints in section 6.1.
"""

import os
from collections.abc import Callable, Collection, Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_transformer.training import checkpoint_files

# The end of a variable's name in a file of tf.train.Checkpoint.
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
# An error message lists at most this many differences between a checkpoint
# and a model.
_MAX_DIFFERENCES = 5


class TrainingCheckpoints:
    """The newest checkpoints of a compiled model, in one directory.

    A checkpoint holds the weights, the states of the random generators, the
    optimizer and named counters, so that training continues where it stopped.
    It is written completely or not at all. The log has a warning for each
    damaged checkpoint. Damaged checkpoints are not restored and not averaged,
    and `max_to_keep` does not count them.

    Replicas share one checkpoint, so it can be restored with another number of
    replicas. If several workers train one model in one directory, one worker
    writes and all workers read. If one worker calls `restore`, `save` or
    `forget`, all workers must call it, because these methods wait for all
    workers.

    Args:
        directory: the directory of the files.
        model: a built and compiled `keras.Model`.
        max_to_keep: how many of the newest undamaged checkpoints are kept.
        counters: names of numbers to store beside the weights. The attribute
            `counters` is a dict from each name to a float64 variable.
        is_writer: whether this process writes to the directory.
        pinned: a function without arguments that returns steps. The checkpoints
            of these steps, such as the best ones, are kept too.

    Raises:
        ValueError: `max_to_keep` is less than 1, or `counters` is a string
            instead of a list.

    Example:

    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> checkpoints = TrainingCheckpoints(tempfile.mkdtemp(), model)
    >>> checkpoints.restore()
    False
    >>> checkpoints.save()
    >>> checkpoints.restore()
    True
    """

    def __init__(
        self,
        directory: str | os.PathLike,
        model: keras.Model,
        max_to_keep: int = 5,
        counters: Sequence[str] = (),
        is_writer: bool = True,
        pinned: Callable[[], Collection[int]] = tuple,
    ):
        if isinstance(counters, str):
            raise ValueError(
                "`counters` must be a list of names. Received: the one string "
                f"{counters!r}. Put it into a list."
            )
        self._strategy = model.distribute_strategy
        if not model.optimizer.built:
            with self._strategy.scope():
                model.optimizer.build(model.trainable_variables)
        self.counters = {
            name: tf.Variable(0.0, dtype=tf.float64, trainable=False)
            for name in counters
        }
        self._files = checkpoint_files.CheckpointFiles(
            directory, max_to_keep, pinned
        )
        self._max_to_keep = max_to_keep
        self._is_writer = is_writer
        self._iterations = model.optimizer.iterations
        # Variables are stored by index, because the name of a variable depends
        # on the layers that this process made before.
        self._model = list(model.variables)
        self._optimizer = list(model.optimizer.variables)
        self._checkpoint = tf.train.Checkpoint(
            model=[v.value for v in self._model],
            optimizer=[v.value for v in self._optimizer],
            counters=self.counters,
        )

    @property
    def step(self) -> int:
        """The number of steps that the optimizer has made."""
        return int(keras.ops.convert_to_numpy(self._iterations))

    @property
    def steps(self) -> list[int]:
        """The steps of the undamaged checkpoints, ascending."""
        return self._good()

    def restore(self) -> bool:
        """Loads the newest undamaged checkpoint.

        First the writer completes or undoes the work of a killed process.

        Returns:
            Whether there was a checkpoint to load.

        Raises:
            ValueError: all checkpoints are damaged, or the newest undamaged
                checkpoint belongs to another model or optimizer, or has other
                counters. This error leaves the model unchanged.
            RuntimeError: the workers are at different steps, before or after
                they load.
        """
        if self._is_writer:
            self._files.tidy()
        self._wait_for_workers()
        good = self._good()
        if not good:
            return False
        path = self._files.path(good[-1])
        self._check_same(path, with_optimizer=True)
        self._checkpoint.read(path).assert_consumed()
        self._wait_for_workers()
        return True

    def save(self) -> None:
        """Writes a checkpoint of the current step, and deletes old ones.

        A checkpoint is deleted if `max_to_keep` undamaged checkpoints are newer
        and `pinned` does not return its step. Only one worker writes and
        deletes, see `is_writer`. The others wait.

        Raises:
            ValueError: the directory has an undamaged checkpoint of a later
                step.
            RuntimeError: the workers are at different steps.
        """
        if self._is_writer:
            self._files.write(self.step, self._checkpoint.write)
        self._wait_for_workers()

    def forget(self, step: int) -> bool:
        """Deletes an undamaged checkpoint, but not the only undamaged one.

        Args:
            step: the step of the checkpoint.

        Returns:
            Whether this worker deleted the checkpoint. Only the worker that
            writes checkpoints deletes them.

        Raises:
            ValueError: all checkpoints are damaged.
            RuntimeError: the workers are at different steps.
        """
        is_deleted = False
        if self._is_writer:
            good = self._good()
            is_deleted = step in good and len(good) > 1
            if is_deleted:
                self._files.remove(step)
        self._wait_for_workers()
        return is_deleted

    def load_average(
        self,
        newest: int | None = None,
        steps: Collection[int] | None = None,
    ) -> list[int]:
        """Sets the weights to the mean of several checkpoints.

        Variables of integers, such as the states of random generators, do not
        change.

        Args:
            newest: how many of the newest checkpoints to average. `None`, or a
                number above `max_to_keep`, means `max_to_keep`.
            steps: the steps of the checkpoints to average. Missing and damaged
                checkpoints are left out. If `steps` is given, `newest` has no
                effect. `None` to average the newest checkpoints.

        Returns:
            The steps of the averaged checkpoints, ascending. There are fewer
            than `newest` if there are fewer undamaged checkpoints.

        Raises:
            ValueError: `newest` is below 1, there is no checkpoint, all are
                damaged, there is no undamaged checkpoint of `steps`, or a
                checkpoint belongs to another model. This error leaves the model
                unchanged.
        """
        if newest is not None and newest < 1:
            raise ValueError(
                f"`newest` must be at least 1, or None. Received: {newest}."
            )
        good = self._good()
        if not good:
            raise ValueError(
                f"There is no checkpoint in {self._files.directory}. Call "
                "`save` before `load_average`."
            )
        if steps is None:
            good = good[-self._max_to_keep :][-(newest or self._max_to_keep) :]
        else:
            good = self._only(good, steps)
        paths = [self._files.path(step) for step in good]
        for path in paths:
            self._check_same(path, with_optimizer=False)
        readers = [tf.train.load_checkpoint(path) for path in paths]
        for i, variable in enumerate(self._model):
            variable = variable.value
            if not variable.dtype.is_floating:
                continue  # The state of a random generator has no mean.
            stored = f"model/{i}{_VALUE}"
            # The rounding errors of float64 are so small that the order of the
            # checkpoints hardly changes the mean.
            total = np.zeros(variable.shape, "float64")
            for reader in readers:
                total += np.asarray(reader.get_tensor(stored), "float64")
            mean = total / len(readers)
            variable.assign(mean.astype(variable.dtype.as_numpy_dtype))
        return good

    def _only(self, good, steps):
        """Returns the steps in `good` that are also in `steps`.

        Raises:
            ValueError: no step of `good` is in `steps`.
        """
        chosen = [step for step in good if step in steps]
        if not chosen:
            raise ValueError(
                f"{self._files.directory} has none of these checkpoints. "
                f"Received: steps={sorted(steps)}. Expected: steps of {good}."
            )
        return chosen

    def _good(self):
        """Returns the steps of the undamaged checkpoints.

        Raises:
            ValueError: there are checkpoints, but all are damaged.
        """
        good = self._files.good(anew=True)
        damaged = self._files.damaged()
        if damaged and not good:
            causes = " ".join(
                f"ckpt-{step}: {cause}" for step, cause in damaged.items()
            )
            raise ValueError(
                f"All checkpoints in {self._files.directory} are damaged. "
                f"{causes} Nothing was restored or deleted. Put back a copy of "
                "one, or move them away to train from the start."
            )
        return good

    def _check_same(self, path, with_optimizer):
        """Raises ValueError if a checkpoint belongs to another model.

        With `with_optimizer`, the optimizer and the counters must match too.
        """
        differences = self._differences("model", path, self._model)
        if with_optimizer:
            differences += self._differences("optimizer", path, self._optimizer)
            differences += self._counter_differences(path)
        if differences:
            num_hidden = len(differences) - _MAX_DIFFERENCES
            raise ValueError(
                f"The checkpoint {path} is of another model or optimizer. "
                f"{'; '.join(differences[:_MAX_DIFFERENCES])}"
                f"{f'; and {num_hidden} more' if num_hidden > 0 else ''}. "
                "Nothing was "
                "restored. Build and compile the model as when it was saved, "
                "or use another directory."
            )

    def _differences(self, prefix, path, variables):
        """Describes the differences between variables and a checkpoint."""
        reader = tf.train.load_checkpoint(path)
        shapes = reader.get_variable_to_shape_map()
        dtypes = reader.get_variable_to_dtype_map()
        stored = sum(name.startswith(f"{prefix}/") for name in shapes)
        if stored != len(variables):
            return [
                f"Variables of the {prefix}: {stored} stored, "
                f"{len(variables)} expected"
            ]
        differences = []
        for i, variable in enumerate(variables):
            name = f"{prefix}/{i}{_VALUE}"
            saved = "nothing"
            if name in shapes:
                saved = f"{dtypes[name].name} {tuple(shapes[name])}"
            expected = f"{variable.value.dtype.name} {tuple(variable.shape)}"
            if saved != expected:
                differences.append(
                    f"{variable.path}: {saved} stored, {expected} expected"
                )
        return differences

    def _counter_differences(self, path):
        shapes = tf.train.load_checkpoint(path).get_variable_to_shape_map()
        stored = {name for name in shapes if name.startswith("counters/")}
        # tf.train.Checkpoint escapes "." and "/" in names.
        expected = {
            f"counters/{name.replace('.', '..').replace('/', '.S')}{_VALUE}"
            for name in self.counters
        }
        if stored == expected:
            return []
        names = [
            sorted(n.removesuffix(_VALUE).split("/", 1)[1] for n in group)
            for group in (stored, expected)
        ]
        return [f"Counters: {names[0]} stored, {names[1]} expected"]

    def _wait_for_workers(self):
        """Waits for all workers, and checks that they are at the same step."""
        strategy = self._strategy
        if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return
        step = self.step
        # These sums give the variance of the steps. It is 0 for equal steps.
        total, squares = (
            int(strategy.reduce("SUM", strategy.run(make), axis=None))
            for make in (
                lambda: tf.constant(step, tf.int64),
                lambda: tf.constant(step**2, tf.int64),
            )
        )
        replicas = strategy.num_replicas_in_sync
        if squares * replicas != total**2:
            raise RuntimeError(
                f"The workers are at different steps. Received: {step} here, "
                f"{total / replicas} on average. Do all see the same files in "
                f"{self._files.directory}?"
            )
