"""A real TensorBoard over a real run's logs serves what a user looks for."""

import io
import json
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import matplotlib.image
import pytest


@pytest.fixture(scope="module")
def server(demo_run):
    """Address of a TensorBoard over the demo's logs."""
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
    """TensorBoard reads its logs in the background."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = json.loads(get(f"{server}{path}"))
        if is_there(found):
            return found
        time.sleep(0.3)
    pytest.fail(f"{path} never had what was expected: {found}")


def test_attention_images(server, demo_run):
    config = json.loads((demo_run / "config.json").read_text())
    tags = wait_for(
        server,
        "/data/plugin/images/tags",
        lambda runs: len(runs.get("attention", {})) >= 12,
    )["attention"]
    layers = {
        "encoder": config["architecture"]["num_encoder_layers"],
        "decoder": config["architecture"]["num_decoder_layers"],
        "encoder-decoder": config["architecture"]["num_decoder_layers"],
    }
    assert set(tags) == {
        f"attention/sentence_{sentence}/{kind}/layer_{layer + 1}"
        for sentence in (1, 2)
        for kind, count in layers.items()
        for layer in range(count)
    }
    settings = config["settings"]
    for tag in tags:
        query = urllib.parse.urlencode({"run": "attention", "tag": tag})
        images = json.loads(get(f"{server}/data/plugin/images/images?{query}"))
        # One at every evaluation, at the step it belongs to.
        assert [image["step"] for image in images] == list(
            range(
                settings["evaluation_interval"],
                settings["steps"] + 1,
                settings["evaluation_interval"],
            )
        )
        png = get(
            f"{server}/data/plugin/images/individualImage?{images[-1]['query']}"
        )
        pixels = matplotlib.image.imread(io.BytesIO(png))
        assert pixels.shape[:2] == (212, 324)
        assert pixels[..., :3].std() > 0.05


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
