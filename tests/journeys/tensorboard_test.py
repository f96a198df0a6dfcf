"""A real TensorBoard serves the images, scalars and texts of a real run."""

import io
import json
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import matplotlib.image
import pytest
import tensorflow as tf

from tests.summaries import events


@pytest.fixture(scope="module")
def server(demo_run):
    """The address of a TensorBoard that shows the demo's logs."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tensorboard.main",
            f"--logdir={demo_run / 'logs'}",
            "--host=127.0.0.1",
            "--port=0",
            "--load_fast=false",
            "--samples_per_plugin=images=100",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for line in process.stdout:
            if "http://" in line:
                address = line[line.index("http://") :].split()[0]
                break
        else:
            pytest.fail("TensorBoard did not start.")
        yield address.rstrip("/")
    finally:
        process.kill()
        process.wait()


def get(address):
    with urllib.request.urlopen(address, timeout=30) as response:
        return response.read()


def wait_for(server, path, is_there):
    """Asks until the answer is complete; TensorBoard reads logs meanwhile."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = json.loads(get(f"{server}{path}"))
        if is_there(found):
            return found
        time.sleep(0.3)
    pytest.fail(f"{path} never had what was expected: {found}")


def attention_tags(config):
    """The tags of all attention images of a run."""
    layers = {
        "encoder": config["architecture"]["num_encoder_layers"],
        "decoder": config["architecture"]["num_decoder_layers"],
        "encoder-decoder": config["architecture"]["num_decoder_layers"],
    }
    return {
        f"attention/sentence_{sentence}/{kind}/layer_{layer + 1}"
        for sentence in (1, 2)
        for kind, count in layers.items()
        for layer in range(count)
    }


def evaluated_steps(config):
    settings = config["settings"]
    interval = settings["evaluation_interval"]
    return list(range(interval, settings["steps"] + 1, interval))


# This test reads the log files. The tests of the grid, and
# `tensorboard_server_test.py`, send requests as a browser does.
def test_the_logs_have_what_a_user_looks_for(demo_run):
    config = json.loads((demo_run / "config.json").read_text())
    steps = evaluated_steps(config)
    assert len(steps) > 2
    images = {}
    for step, value in events.values(demo_run / "logs/attention"):
        width, height, *pictures = tf.make_ndarray(value.tensor)
        assert (int(width), int(height)) == (324, 212)
        # There is one picture for each head.
        assert len(pictures) == config["architecture"]["num_heads"]
        for png in pictures:
            pixels = matplotlib.image.imread(io.BytesIO(png))
            assert pixels.shape[:2] == (212, 324)
            assert pixels[..., :3].std() > 0.05
        images.setdefault(value.tag, []).append(step)
    assert images == dict.fromkeys(attention_tags(config), steps)
    for name, tag in (
        ("train", "evaluation/loss"),
        ("validation", "evaluation/loss"),
        ("bleu", "evaluation/bleu"),
    ):
        found = events.scalars(demo_run / "logs" / name)[tag]
        assert [step for step, _ in found] == steps
    texts = events.values(demo_run / "logs/translations")
    assert [step for step, _ in texts] == steps


@pytest.mark.grid
def test_attention_images(server, demo_run):
    config = json.loads((demo_run / "config.json").read_text())
    tags = wait_for(
        server,
        "/data/plugin/images/tags",
        lambda runs: len(runs.get("attention", {})) >= 12,
    )["attention"]
    assert set(tags) == attention_tags(config)
    for tag in tags:
        query = urllib.parse.urlencode({"run": "attention", "tag": tag})
        images = json.loads(get(f"{server}/data/plugin/images/images?{query}"))
        # There is one image at the step of each evaluation.
        assert [image["step"] for image in images] == evaluated_steps(config)
        png = get(
            f"{server}/data/plugin/images/individualImage?{images[-1]['query']}"
        )
        pixels = matplotlib.image.imread(io.BytesIO(png))
        assert pixels.shape[:2] == (212, 324)
        assert pixels[..., :3].std() > 0.05


@pytest.mark.grid
def test_scalars_and_translations(server):
    runs = wait_for(
        server,
        "/data/plugin/scalars/tags",
        lambda runs: {"train", "validation", "bleu"} <= set(runs),
    )
    assert "sacrebleu" not in runs["bleu"]
    assert "nrefs:1" in runs["bleu"]["evaluation/bleu"]["description"]
    texts = wait_for(
        server, "/data/plugin/text/tags", lambda runs: "translations" in runs
    )
    assert texts["translations"]
