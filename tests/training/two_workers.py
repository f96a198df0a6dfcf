"""Runs a test module in several processes, which are workers."""

import json
import os
import pathlib
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
WORKERS = 2


def run(file, *arguments, workers=WORKERS):
    """Runs a test file in each worker process, with the worker's TF_CONFIG."""
    module = pathlib.Path(file).relative_to(ROOT).with_suffix("")
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(workers)]
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for listener in sockets:
        listener.close()
    processes = []
    for index in range(workers):
        config = {
            "cluster": {"worker": addresses},
            "task": {"type": "worker", "index": index},
        }
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", ".".join(module.parts), *arguments],
                cwd=ROOT,
                env={**os.environ, "TF_CONFIG": json.dumps(config)},
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    for process in processes:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors[-5000:]
