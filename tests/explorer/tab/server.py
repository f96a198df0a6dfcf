"""TensorBoard in this process, with the tab and example logs."""

import contextlib
import json
import time
import urllib.error
import urllib.parse
import urllib.request

import tensorflow as tf
from tensorboard import default, program

from keras_transformer import interpretation, summaries
from keras_transformer.explorer.tab import plugin
from tests.explorer import sample_trace

PREFIX = "data/plugin/keras_transformer"
PATIENCE = 60  # Seconds.


class Server:
    """A TensorBoard for a folder of logs. It reads the logs every second.

    Args:
        folder: the folder of the logs.
        flags: further flags. Without `--load_fast=true` the logs are read in
            Python.
    """

    def __init__(self, folder, *flags):
        # If the package is installed, its entry point adds the plugin a second
        # time.
        others = [
            each
            for each in default.get_plugins()
            if getattr(each, "plugin_name", "") != "keras_transformer"
        ]
        tensorboard = program.TensorBoard(
            plugins=[*others, plugin.TransformerPlugin]
        )
        tensorboard.configure(
            argv=[
                *("tensorboard", f"--logdir={folder}", "--port=0"),
                *("--host=127.0.0.1", "--reload_interval=1"),
                *(flags or ["--load_fast=false"]),
            ]
        )
        self.address = tensorboard.launch()

    def get(self, path, **query):
        """Returns the status, the headers and the body of a response."""
        url = f"{self.address}{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def get_json(self, path, **query):
        return json.loads(self.get(f"{PREFIX}/{path}", **query)[2])

    def wait_for(self, condition):
        """Waits until TensorBoard has read the logs in the background."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(KeyError, OSError, ValueError):
                if answer := condition():
                    return answer
            time.sleep(0.1)
        raise TimeoutError("TensorBoard has not read the logs.")


def trace(text=sample_trace.TIRED, seed=0, pieces=None):
    """Returns a trace of random numbers."""
    fields = sample_trace.trace(text, pieces, seed=seed)
    return interpretation.Trace.from_json(json.dumps(fields))


def write(folder, traces, step, tag="traces/sentence_{}"):
    """Writes traces of several sentences at one step."""
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(step):
        for number, each in enumerate(traces, start=1):
            assert summaries.write_trace(tag.format(number), each)
    writer.close()
