"""Runs a SavedModel in a replica of Ray Serve, a process with TensorFlow."""

import asyncio
from typing import Any

import tensorflow as tf
import tensorflow_text  # noqa: F401  SavedModels contain its operations.
from ray import serve

from tools.inspect_saved_model import probe
from tools.serve_ray import batches
from tools.serve_ray.rows import Call


class Model:
    """A SavedModel. Calls that arrive at about the same time run together.

    `batches.answers_of` decides which of these calls are one batch.

    Args:
        directory: the directory of the SavedModel.
        texts: texts for a first call of each signature. The constructor makes
            these calls, because a first call takes much longer than later ones.
        max_batch_size: the largest number of rows, over all calls that run
            together. A row has one text for each input.
        batch_wait_seconds: the longest time that a call waits for other calls.
    """

    def __init__(
        self,
        directory: str,
        texts: list[str],
        max_batch_size: int,
        batch_wait_seconds: float,
    ) -> None:
        self._model = tf.saved_model.load(directory)
        self._signatures = self._model.signatures
        self._together.set_max_batch_size(max_batch_size)
        self._together.set_batch_wait_timeout_s(batch_wait_seconds)
        encoded = [text.encode("utf-8") for text in texts]
        for name, described in self.describe().items():
            batches.call_signature(
                self._signatures[name],
                [Call(name, dict.fromkeys(described["inputs"], encoded))],
            )

    def describe(self) -> dict[str, Any]:
        """Maps the name of each signature to the result of `probe.describe`."""
        return {
            name: probe.describe(signature)
            for name, signature in self._signatures.items()
        }

    async def check_health(self) -> None:
        """Calls the model without texts.

        If the call fails, Ray replaces the replica.
        """
        call = Call("serving_default", {"text": []})
        await asyncio.to_thread(batches.answers_of, self._signatures, [call])

    async def call(self, call: Call) -> dict[str, list]:
        """Returns the outputs of a call, as lists with an item for each row."""
        return await self._together(call)

    @serve.batch(batch_size_fn=lambda calls: sum(call.rows for call in calls))
    async def _together(self, calls: list[Call]) -> list[dict[str, list]]:
        # The model runs in a thread, so that more calls can arrive meanwhile.
        return await asyncio.to_thread(
            batches.answers_of, self._signatures, calls
        )
