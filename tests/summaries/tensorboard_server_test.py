"""TensorBoard serves what the callbacks write."""

import contextlib
import http.client
import io
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import summaries, translation
from tests.assertions import assert_all_equal

pytestmark = pytest.mark.process

# In seconds. TensorBoard starts in three seconds on an idle machine.
PATIENCE = 120
BATCHES, EPOCHS = 3, 2
SOURCE_TOKENS = ["\u2581the", "\u2581cat", "\u2581sle", "eps", "</s>"]
TARGET_TOKENS = ["\u2581le", "\u2581ch", "at", "\u2581d", "or", "t", "</s>"]


def explain(text):
    generator = np.random.default_rng(len(text))

    def scores(*shape):
        weights = np.exp(generator.normal(size=shape))
        return weights / weights.sum(axis=-1, keepdims=True)

    source, target = len(SOURCE_TOKENS), len(TARGET_TOKENS)
    return translation.Explanation(
        SOURCE_TOKENS,
        TARGET_TOKENS,
        ["<s>", *TARGET_TOKENS[:-1]],
        encoder=scores(2, 3, source, source),
        decoder=scores(2, 3, target, target),
        cross=scores(2, 3, target, source),
    )


def train(log_dir):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    # The model is too small to be worth a graph, and Keras would compile it.
    model.compile("sgd", "mse", run_eagerly=True, jit_compile=False)
    with contextlib.redirect_stdout(io.StringIO()):
        model.fit(
            np.zeros((2 * BATCHES, 2)),
            np.zeros((2 * BATCHES, 1)),
            batch_size=2,
            epochs=EPOCHS,
            verbose=0,
            callbacks=[
                keras.callbacks.TensorBoard(log_dir),
                summaries.AttentionImages(
                    os.path.join(log_dir, "attention"), ["the cat"], explain
                ),
                summaries.SampleTranslations(
                    os.path.join(log_dir, "translations"),
                    [("the cat", "le chat"), ("a|b", "c * d * e <unk>")],
                    lambda texts: [text.upper() for text in texts],
                ),
            ],
        )


class Server:
    """A TensorBoard process that reads a folder of logs."""

    def __init__(self, log_dir, output):
        self.output = output
        with output.open("wb") as stream:
            # Port 0 means any free port. The logs are read in Python, because
            # the fast reader does not exist on every platform.
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tensorboard.main"),
                    *("--logdir", log_dir, "--host", "127.0.0.1"),
                    *("--port", "0", "--load_fast", "false"),
                ],
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def wait(self):
        self.address = self.wait_for(self.find_address).group()
        # The server already answers before it has read the logs.
        self.wait_for(
            lambda: (
                self.get_json("data/plugin/images/tags").get("attention")
                and self.get_json("data/plugin/text/tags").get("translations")
            )
        )

    def find_address(self):
        text = self.output.read_text()
        if self.process.poll() is not None:
            raise RuntimeError(f"TensorBoard ended: {text}")
        return re.search(r"http://127\.0\.0\.1:\d+/", text)

    def wait_for(self, condition):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(
                urllib.error.URLError, http.client.HTTPException, OSError
            ):
                if result := condition():
                    return result
            time.sleep(0.1)
        raise TimeoutError(f"TensorBoard said: {self.output.read_text()}")

    def get(self, path, **query):
        url = self.address + path + "?" + urllib.parse.urlencode(query)
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:
            return response.read()

    def get_json(self, path, **query):
        return json.loads(self.get(path, **query))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tensorboard")
    log_dir = str(folder / "logs")
    train(log_dir)
    server = Server(log_dir, folder / "output")
    try:
        server.wait()
        yield server
    finally:
        server.process.kill()
        server.process.wait()


class TestTensorBoardServer:
    @pytest.fixture(autouse=True)
    def use_server(self, server):
        self.server = server

    @pytest.mark.grid
    def test_every_image_is_served_as_it_was_drawn(self):
        figures = {
            f"attention/sentence_1/{name}": heads
            for name, heads in summaries.attention_figures(
                explain("the cat"), summaries.attention_cards
            )
        }
        assert len(figures) == 6
        tags = self.server.get_json("data/plugin/images/tags")["attention"]
        assert sorted(tags) == sorted(figures)
        for tag, heads in figures.items():
            for sample, figure in enumerate(heads):
                self.check_image(tag, sample, figure)

    def check_image(self, tag, sample, figure):
        served = self.server.get_json(
            "data/plugin/images/images",
            run="attention",
            tag=tag,
            sample=sample,
        )
        assert [image["step"] for image in served] == [
            BATCHES * (epoch + 1) for epoch in range(EPOCHS)
        ]
        expected = summaries.figure_to_image(figure)
        for image in served:
            query = dict(urllib.parse.parse_qsl(image["query"]))
            png = self.server.get("data/plugin/images/individualImage", **query)
            pixels = tf.io.decode_png(png).numpy()
            assert pixels.std() > 10
            assert_all_equal(pixels, expected)

    @pytest.mark.grid
    def test_translations_are_served_as_a_table(self):
        served = self.server.get_json(
            "data/plugin/text/text",
            run="translations",
            tag="sample_translations",
        )
        assert [text["step"] for text in served] == [3, 6]
        cells = re.findall(r"<td>(.*?)</td>", served[-1]["text"])
        assert cells == (
            ["the cat", "THE CAT", "le chat"]
            + ["a|b", "A|B", "c * d * e &lt;unk&gt;"]
        )

    @pytest.mark.grid
    def test_the_curves_of_keras_are_beside_them(self):
        runs = self.server.get_json("data/runs")
        assert sorted(runs) == sorted(["attention", "train", "translations"])
        scalars = self.server.get_json("data/plugin/scalars/tags")
        assert "epoch_loss" in scalars["train"]
