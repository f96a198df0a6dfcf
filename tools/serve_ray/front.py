"""The deployment of Ray Serve that reads requests and writes responses.

Its process does not import TensorFlow. The translations come from the
deployment `Model`, which has its own processes.
"""

import asyncio
import time

from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request
from starlette.responses import Response

from tools.serve_ray import answers, rows

# If a request is refused because too many requests wait, the response tells the
# client to try again after this number of seconds.
_RETRY_SECONDS = "1"


class Front:
    """A deployment that checks requests, calls `Model` and writes responses.

    Args:
        model: the handle of the deployment `Model`.
        name: the name of the model in URLs.
        version: the version of the model.
        limits: the largest sizes of a request.
    """

    async def __init__(
        self,
        model: DeploymentHandle,
        name: str,
        version: str,
        limits: rows.Limits,
    ) -> None:
        self._model = model
        self._name, self._version, self._limits = name, version, limits
        self._signatures = await model.describe.remote()
        self._inputs = {
            name: list(signature["inputs"])
            for name, signature in self._signatures.items()
        }
        self._is_draining = False
        self._ongoing = 0

    async def __call__(self, request: Request) -> Response:
        """Returns the response to a request, also if the request is refused."""
        self._ongoing += 1
        try:
            status, body = 200, await self._answer(request)
        except rows.RefusedError as error:
            status, body = error.status, answers.write_error(str(error))
        finally:
            self._ongoing -= 1
        headers = {"Retry-After": _RETRY_SECONDS} if status == 429 else None
        return Response(body, status, headers, "application/json")

    async def drain(self, seconds: float) -> int:
        """Refuses new calls of the model, and waits for all responses.

        Requests for the status and the metadata are still answered.

        Args:
            seconds: the longest time to wait.

        Returns:
            The number of requests that have no response at the end.
        """
        self._is_draining = True
        end = time.monotonic() + seconds
        while self._ongoing and time.monotonic() < end:
            await asyncio.sleep(0.05)
        return self._ongoing

    async def _answer(self, request):
        action = rows.action_of(
            request.method, request.url.path, self._name, self._version
        )
        if action == "status":
            return answers.write_status(self._version, not self._is_draining)
        if action == "metadata":
            return answers.write_metadata(
                self._name, self._version, self._signatures
            )
        if self._is_draining:
            raise rows.RefusedError(
                503, "This server is shutting down. Ask another one."
            )
        body = await self._read(request)
        call = rows.read_call(body, self._inputs, self._limits)
        try:
            return answers.write_answer(await self._model.call.remote(call))
        except BackPressureError as error:
            raise rows.RefusedError(
                429, "Too many requests wait. Try again later."
            ) from error

    async def _read(self, request):
        """Returns the body of a request.

        Raises RefusedError as soon as it has read too many bytes.
        """
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > self._limits.body_bytes:
                raise rows.RefusedError(
                    413,
                    "The request is too large. Expected at most "
                    f"{self._limits.body_bytes} bytes. Send several requests.",
                )
        return bytes(body)
