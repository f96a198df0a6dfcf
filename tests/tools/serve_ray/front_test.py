"""The front refuses bad requests, and waits for open ones at its end."""

import asyncio
import json

import pytest

from tests.tools.serve_ray import event_loop
from tools.serve_ray import rows

pytest.importorskip("ray.serve", reason="ray[serve] is not installed")

from ray.serve.exceptions import BackPressureError  # noqa: E402
from starlette.requests import Request  # noqa: E402

from tools.serve_ray.front import Front  # noqa: E402

LIMITS = rows.Limits(instances=3, text_bytes=17)
SIGNATURES = {
    "serving_default": {
        "inputs": {"text": ["string", [None]]},
        "outputs": {"upper": ["string", [None]]},
    }
}


class Method:
    """A method of a deployment's handle: `remote` starts it."""

    def __init__(self, function):
        self.remote = function


class Handle:
    """The handle of a model that answers after `may_answer` is set."""

    def __init__(self):
        self.describe = Method(self._describe)
        self.call = Method(self._call)
        self.may_answer = asyncio.Event()
        self.is_full = False
        self.called = 0

    async def _describe(self):
        return SIGNATURES

    async def _call(self, call):
        if self.is_full:
            raise BackPressureError(3, 2)
        self.called += 1
        await self.may_answer.wait()
        return {
            "upper": [text.decode().upper() for text in call.inputs["text"]]
        }


async def made():
    handle, front = Handle(), Front.__new__(Front)
    await front.__init__(handle, "toy", "7", LIMITS)
    return handle, front


async def ask(front, *parts, method="POST", path="/v1/models/toy:predict"):
    """Sends a body in parts; returns response, answer and unread messages."""
    messages = [
        {"type": "http.request", "body": part, "more_body": True}
        for part in parts
    ] + [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        return messages.pop(0)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    response = await front(Request(scope, receive))
    assert response.headers["content-type"] == "application/json"
    return response, json.loads(response.body), messages


def test_a_body_in_parts():
    async def work():
        handle, front = await made()
        handle.may_answer.set()
        response, answer, _ = await ask(front, b'{"instances": ["b', b'a"]}')
        assert response.status_code == 200
        assert answer == {"predictions": ["BA"]}

    event_loop.run(work())


def test_reads_no_more_than_fits():
    async def work():
        _, front = await made()
        part = b" " * (LIMITS.body_bytes // 2 + 1)
        response, answer, left = await ask(front, part, part, part, part)
        assert response.status_code == 413
        assert f"at most {LIMITS.body_bytes} bytes" in answer["error"]
        assert len(left) == 3

    event_loop.run(work())


def test_a_full_queue():
    async def work():
        handle, front = await made()
        handle.is_full = True
        response, answer, _ = await ask(front, b'{"instances": ["a"]}')
        assert response.status_code == 429
        assert response.headers["retry-after"] == "1"
        assert answer == {"error": "Too many requests wait. Try again later."}

    event_loop.run(work())


def test_metadata_and_status():
    async def work():
        _, front = await made()
        how = {"method": "GET", "path": "/v1/models/toy/metadata"}
        _, answer, _ = await ask(front, **how)
        assert answer["model_spec"]["version"] == "7"
        response, _, _ = await ask(front, **{**how, "path": "/v1/models/x"})
        assert response.status_code == 404

    event_loop.run(work())


def test_drains():
    async def work():
        handle, front = await made()
        status = {"method": "GET", "path": "/v1/models/toy"}
        _, answer, _ = await ask(front, **status)
        assert answer["model_version_status"][0]["state"] == "AVAILABLE"
        taken = [
            asyncio.create_task(ask(front, b'{"instances": ["ba"]}'))
            for _ in range(3)
        ]
        while handle.called < 3:
            await asyncio.sleep(0)
        # The time limit ends before the three requests are answered.
        assert await front.drain(0.1) == 3
        _, answer, _ = await ask(front, **status)
        assert answer["model_version_status"][0]["state"] == "UNLOADING"
        response, answer, _ = await ask(front, b'{"instances": ["de"]}')
        assert response.status_code == 503
        assert answer["error"] == (
            "This server is shutting down. Ask another one."
        )
        draining = asyncio.create_task(front.drain(60))
        await asyncio.sleep(0.1)
        assert not draining.done()
        handle.may_answer.set()
        for response, answer, _ in await asyncio.gather(*taken):
            assert response.status_code == 200
            assert answer == {"predictions": ["BA"]}
        assert await draining == 0

    event_loop.run(work())
