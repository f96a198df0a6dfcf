"""Errors that stop a server before it starts Ray."""

import socket

import pytest

from tests.tools import in_process

pytest.importorskip("ray.serve", reason="ray[serve] is not installed")

from tools.serve_ray import deployment  # noqa: E402


@pytest.fixture
def saved_model(tmp_path):
    (tmp_path / "saved_model.pb").touch()
    return tmp_path


def test_a_port_that_is_taken(saved_model):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = in_process.call(
            "serve_ray",
            f"--model={saved_model}",
            "--name=toy",
            f"--port={port}",
        )
    assert result.returncode == 1
    assert result.stderr.decode().splitlines() == [
        f"error: Cannot listen at 127.0.0.1:{port}: Address already in use. "
        "Give another --port or --host."
    ]
    # The port is free again.
    deployment.check_port("127.0.0.1", port)


def test_an_address_of_another_machine(saved_model):
    result = in_process.call(
        "serve_ray",
        f"--model={saved_model}",
        "--name=toy",
        "--host=203.0.113.1",
    )
    assert result.returncode == 1
    assert "Cannot listen at 203.0.113.1:8501: Cannot assign " in (
        result.stderr.decode()
    )


def test_ray_that_does_not_start(saved_model, monkeypatch):
    def start(**settings):
        raise deployment.ray.exceptions.RayActorError()

    stopped = []
    monkeypatch.setattr(deployment.ray, "init", lambda **settings: None)
    monkeypatch.setattr(
        deployment.ray, "shutdown", lambda: stopped.append(True)
    )
    monkeypatch.setattr(deployment.serve, "start", start)
    result = in_process.call(
        "serve_ray", f"--model={saved_model}", "--name=toy", "--port=8719"
    )
    assert result.returncode == 1
    [line] = result.stderr.decode().splitlines()
    assert line.startswith("error: Ray Serve did not start its proxy in time")
    assert stopped
