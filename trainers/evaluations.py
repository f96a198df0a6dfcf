"""Records the scores of all evaluations, and chooses checkpoints by them.

The chief is the worker that writes the files of a run.
"""

import json
from collections.abc import Callable, Collection

import keras
import tensorflow as tf

import keras_transformer as kt

# The criteria for choosing checkpoints, and whether a lower score is better.
CRITERIA = {"last": False, "bleu": False, "chrf": False, "loss": True}


class Evaluations:
    """A file of the development scores after each evaluation interval.

    Args:
        directory: the directory of the run.
        criterion: one of `CRITERIA`. With `"last"`, the newest checkpoints are
            the best.
        patience: the run ends early if this number of evaluations has followed
            the first one with the best score; `None` for a run that never ends
            early.
    """

    def __init__(
        self,
        directory: kt.runs.RunDirectory,
        criterion: str,
        patience: int | None = None,
    ) -> None:
        self._path = directory.evaluations
        self._criterion = criterion
        self._patience = patience

    def read(self) -> dict[int, dict[str, float]]:
        """Returns the scores of each evaluated step, in the order of the steps.

        Without a file the dict is empty.

        Raises:
            ValueError: the file is damaged.
        """
        if not self._path.exists():
            return {}
        try:
            records = json.loads(self._path.read_text(encoding="utf-8"))
            return {int(step): scores for step, scores in records.items()}
        except (ValueError, AttributeError) as error:
            raise ValueError(
                f"{self._path} is damaged ({error}). Put a copy back, or train "
                "into another directory."
            ) from error

    def record(self, step: int, scores: dict[str, float]) -> None:
        """Writes the scores of a step, and removes the scores of later steps.

        Later steps have scores if a run continues from an older checkpoint. The
        run will evaluate these steps again.

        Args:
            step: the number of steps so far.
            scores: `loss`, `bleu` and `chrf` of the development data.
        """
        earlier = {s: v for s, v in self.read().items() if s < step}
        kt.runs.write_json(
            self._path,
            {str(s): v for s, v in {**earlier, step: scores}.items()},
        )

    def forget_after(self, step: int) -> None:
        """Removes the scores of all steps after the restored checkpoint.

        Args:
            step: the step of the restored checkpoint.
        """
        self._write({s: v for s, v in self.read().items() if s <= step})

    def forget(self, step: int) -> None:
        """Removes the scores of a step whose checkpoint was deleted."""
        self._write({s: v for s, v in self.read().items() if s != step})

    def _write(self, records):
        """Writes the records, unless the file already has them."""
        if records != self.read():
            kt.runs.write_json(
                self._path, {str(s): v for s, v in records.items()}
            )

    def best(
        self, count: int, among: Collection[int] | None = None
    ) -> list[int]:
        """Returns the steps of the best evaluations, ascending.

        Of two evaluations with the same score, the later one is better.

        Args:
            count: the maximum number of steps.
            among: the steps to choose from; `None` for all evaluations.
        """
        ranked = self._ranked()
        if among is not None:
            ranked = [step for step in ranked if step in among]
        return sorted(ranked[:count])

    def is_over(self) -> bool:
        """Tells whether `--patience` ends the run early."""
        ranked, records = self._ranked(), self.read()
        if self._patience is None or self._criterion == "last" or not ranked:
            return False
        best = records[ranked[0]][self._criterion]
        # An equal score later is no better score. `ranked[0]` is for NaN, which
        # equals nothing.
        first = min(
            (s for s in records if records[s][self._criterion] == best),
            default=ranked[0],
        )
        return sum(step > first for step in records) >= self._patience

    def _ranked(self):
        """Returns all steps, the best first."""
        if self._criterion == "last":
            return sorted(self.read(), reverse=True)
        sign = -1 if CRITERIA[self._criterion] else 1
        records = self.read()
        return sorted(
            records,
            key=lambda step: (sign * records[step][self._criterion], step),
            reverse=True,
        )


class RecordEvaluation(keras.callbacks.Callback):
    """Callback of the chief that records the scores of each evaluation.

    List it after the callback that adds BLEU and chrF to the logs. List it
    before the callback that saves the checkpoint, so that every checkpoint has
    scores.

    Args:
        evaluations: the file of the scores.
        step: a function that returns the number of steps so far.
    """

    def __init__(
        self, evaluations: Evaluations, step: Callable[[], int]
    ) -> None:
        super().__init__()
        self._evaluations = evaluations
        self._step = step

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        names = ("loss", "bleu", "chrf")
        self._evaluations.record(
            self._step(),
            {name: float((logs or {})[f"val_{name}"]) for name in names},
        )


class StopEarly(keras.callbacks.Callback):
    """Callback of every worker. It ends training as soon as `is_over` is true.

    Args:
        strategy: the strategy of the run.
        evaluations: the recorded scores. Only the chief reads them.
    """

    def __init__(
        self, strategy: tf.distribute.Strategy, evaluations: Evaluations
    ) -> None:
        super().__init__()
        self._strategy = strategy
        self._evaluations = evaluations

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if is_over(self._strategy, self._evaluations):
            self.model.stop_training = True


def is_over(strategy: tf.distribute.Strategy, evaluations: Evaluations) -> bool:
    """Tells every worker whether `--patience` ends the run early.

    The chief decides, so all workers get the same answer. All workers must call
    this function.

    Args:
        strategy: the strategy of the run.
        evaluations: the recorded scores. Only the chief reads them.
    """
    answer = kt.training.from_chief(
        strategy, lambda: b"yes" if evaluations.is_over() else b"no"
    )
    return answer == b"yes"
