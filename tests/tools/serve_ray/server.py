"""A server on Ray Serve, started as a user does."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile

from tests.tools import commands

PREFIX = "Serving "


class Server:
    """A process of `tools.serve_ray`, and what it prints.

    Args:
        directory: the SavedModel.
        flags: more flags of the program.
    """

    def __init__(self, directory, *flags):
        # A short path: the path of a socket in it has at most 107 bytes.
        self._folder = tempfile.TemporaryDirectory(prefix="ray")
        self._errors = tempfile.TemporaryFile("w+")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/v1/models/toy"
        self.process = subprocess.Popen(
            commands.command(
                "serve_ray",
                f"--model={directory}",
                "--name=toy",
                f"--port={port}",
                "--threads=1",
                *flags,
            ),
            cwd=commands.ROOT,
            env={
                **os.environ,
                "RAY_TMPDIR": self._folder.name,
                # By default Ray gives its workers a low priority.
                "RAY_worker_niceness": "0",
            },
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.printed = []
        for line in self.process.stdout:
            self.printed.append(line.rstrip("\n"))
            if line.startswith(PREFIX):
                return
        self.end()
        raise ChildProcessError(self.errors())

    def errors(self):
        self._errors.seek(0)
        return self._errors.read()

    def ask_to_end(self):
        self.process.send_signal(signal.SIGTERM)

    def end(self):
        """Ends the process; returns its exit code."""
        if self.process.poll() is None:
            self.ask_to_end()
        try:
            return self.process.wait(120)
        finally:
            self.process.stdout.close()
            with contextlib.suppress(OSError):
                self._folder.cleanup()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
