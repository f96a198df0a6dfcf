"""A server answers as its SavedModel does, also under load and at its end."""

import concurrent.futures
import http.client
import json
import sys
import threading
import time
import urllib.request

import pytest
import tensorflow as tf

from tests.export import saved_model_test
from tests.tools import in_process
from tests.tools.serve_ray import malformed, server
from tests.translation import toy
from tools import benchmark_serving
from tools.inspect_saved_model import probe
from tools.serve_ray import __main__ as serve_ray
from tools.serve_ray import answers as writing
from tools.serve_ray import rows

pytestmark = pytest.mark.process
LIMITS = rows.Limits(instances=3, text_bytes=101)
# How many requests may wait. The replica holds two more batches.
QUEUE = 11
MOST_REQUESTS = 2 * LIMITS.instances + QUEUE


@pytest.fixture(scope="module")
def served():
    pytest.importorskip("ray.serve", reason="ray[serve] is not installed")
    running = server.Server(
        saved_model_test.saved(),
        f"--max_batch_size={LIMITS.instances}",
        f"--max_text_bytes={LIMITS.text_bytes}",
        f"--max_queued_requests={QUEUE}",
    )
    yield running
    running.end()


# A client for each test: the server closes unused connections.
@pytest.fixture
def client(served):
    return benchmark_serving.Client(served.url)


def live(signature, **inputs):
    """Returns the predictions of the SavedModel, computed in this process."""
    outputs = {
        name: probe.as_lists(output)
        for name, output in saved_model_test.loaded_signatures()[signature](
            **{name: tf.constant(texts) for name, texts in inputs.items()}
        ).items()
    }
    return json.loads(writing.write_answer(outputs))["predictions"]


TEXTS = ["ba de fi go hu", "", "ra"]


def counts(served):
    """Returns how many requests and batches the model got, by Ray's metrics."""
    url = served.printed[-2].removeprefix("Metrics: ")
    with urllib.request.urlopen(url) as response:
        lines = response.read().decode().splitlines()
    return [
        sum(
            float(line.split()[-1])
            for line in lines
            if line.startswith(name) and 'deployment="Model"' in line
        )
        for name in (
            "ray_serve_deployment_request_counter_total{",
            "ray_serve_batches_processed_total{",
        )
    ]


# Ray takes long to start. Other files test the parts without it.
@pytest.mark.grid
class TestAnswers:
    # The first test, because Ray may count requests of earlier tests late.
    def test_those_that_come_together_are_a_batch(self, served, client):
        before = counts(served)
        body = json.dumps({"instances": ["ba de fi"]}).encode()
        with concurrent.futures.ThreadPoolExecutor(QUEUE) as clients:
            answers = list(clients.map(client.post, [body] * 151))
        assert {status for status, _ in answers} == {200}
        # Ray updates its metrics every few seconds, not all at once.
        end = time.monotonic() + 60
        while time.monotonic() < end:
            after = counts(served)
            requests, batches = (
                new - old for new, old in zip(after, before, strict=True)
            )
            if requests >= 151 and batches >= 151 / LIMITS.instances:
                break
            time.sleep(1)
        assert requests >= 151  # The server itself sends one.
        assert 151 / LIMITS.instances <= batches < 0.8 * requests

    @pytest.mark.parametrize(
        "signature", ["serving_default", "n_best", "attention"]
    )
    def test_signatures(self, client, signature):
        answer = client.ask({"signature_name": signature, "instances": TEXTS})
        assert benchmark_serving.is_same(answer, live(signature, text=TEXTS))

    def test_two_inputs(self, client):
        targets = ["HU GO", "", "ra"]
        answer = client.ask(
            {
                "signature_name": "score",
                "instances": [
                    {"text": text, "target": target}
                    for text, target in zip(TEXTS, targets, strict=True)
                ],
            }
        )
        expected = live("score", text=TEXTS, target=targets)
        assert answer == pytest.approx(expected, abs=1e-3)

    def test_what_printed_urls_answer(self, served, client):
        assert client.get("")["model_version_status"][0]["state"] == (
            "AVAILABLE"
        )
        assert benchmark_serving.text_signatures(served.url) == [
            "attention",
            "n_best",
            "serving_default",
        ]
        metrics, serving = served.printed[-2:]
        assert serving == f"Serving {saved_model_test.saved()} at {served.url}"
        assert metrics.startswith("Metrics: http://")
        health = served.url.replace("/v1/models/toy", "/-/healthz")
        with urllib.request.urlopen(health) as response:
            assert response.status == 200

    def test_eight_threads_answer_as_one(self, served, client):
        load = benchmark_serving.Load(
            url=served.url,
            source=[],
            requests=307,
            distinct=31,
            largest_batch=LIMITS.instances,
            longest_text=7,
            server_pid=served.process.pid,
        )
        distinct = list(
            benchmark_serving.make_requests(
                load,
                [w for p in toy.random_pairs(31) for w in p.source.split()],
                ["attention", "n_best", "serving_default"],
            )
        )
        expected = [
            live(request["signature_name"], text=request["instances"])
            for request in distinct
        ]
        answer = benchmark_serving.measure(load, distinct, expected)
        assert answer["errors"] == 0, answer
        sizes = answer["memory_mb"]
        assert len(sizes) == 10
        assert sizes[-1] < 1.05 * sizes[4]

    def test_malformed_requests(self, client):
        requests = malformed.requests(91, LIMITS, ["n_best", "serving_default"])
        for body, status, message in requests:
            received = client.post(body)
            assert received[0] == status
            assert message in json.loads(received[1])["error"]

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [("GET", "/v1/models/other", 404), ("PUT", "/v1/models/toy", 405)],
    )
    def test_other_urls(self, served, method, path, status):
        host = served.url.split("/")[2]
        connection = http.client.HTTPConnection(host)
        connection.request(method, path)
        response = connection.getresponse()
        assert response.status == status
        assert "oy" in json.loads(response.read())["error"]
        connection.close()

    def test_a_body_that_is_too_large(self, client):
        status, body = client.post(b" " * (LIMITS.body_bytes + 1))
        assert status == 413
        assert f"at most {LIMITS.body_bytes} bytes" in json.loads(body)["error"]

    def test_a_full_queue(self, client):
        body = json.dumps({"instances": ["ba de fi"] * 3}).encode()
        with concurrent.futures.ThreadPoolExecutor(5 * MOST_REQUESTS) as many:
            answers = list(many.map(client.post, [body] * 7 * MOST_REQUESTS))
        expected = live("serving_default", text=["ba de fi"] * 3)
        statuses = [status for status, _ in answers]
        assert set(statuses) == {200, 429}
        assert statuses.count(200) >= MOST_REQUESTS
        for status, answer in answers:
            answer = json.loads(answer)
            if status == 200:
                assert benchmark_serving.is_same(
                    answer["predictions"], expected
                )
            else:
                assert answer["error"] == (
                    "Too many requests wait. Try again later."
                )

    # This test must be the last, since it ends the server.
    def test_its_end_loses_no_request(self, served, client):
        body = json.dumps({"instances": TEXTS}).encode()
        expected = live("serving_default", text=TEXTS)
        outcomes, is_ended = [], threading.Event()

        def ask():
            while not is_ended.wait(0.01):
                start = time.monotonic()
                try:
                    status, answer = client.post(body)
                except (OSError, http.client.HTTPException) as error:
                    status, answer = 0, repr(error).encode()
                outcomes.append((start, time.monotonic(), status, answer))

        with concurrent.futures.ThreadPoolExecutor(7) as clients:
            for _ in range(7):
                clients.submit(ask)
            while len(outcomes) < 29:
                time.sleep(0.01)
            signalled = time.monotonic()
            served.ask_to_end()
            assert served.process.wait(120) == 0, served.errors()
            is_ended.set()
        refused = [start for start, _, status, _ in outcomes if status == 503]
        assert refused, outcomes[-1]
        answered_later = 0
        for start, end, status, answer in outcomes:
            if status == 200:
                answer = json.loads(answer)["predictions"]
                assert benchmark_serving.is_same(answer, expected)
                answered_later += start < signalled < end
            elif status == 503:
                assert start > signalled - 1
                assert "This server is shutting down" in answer.decode()
            else:
                # No connection: the server had refused other requests before.
                assert status == 0, answer
                assert start > min(refused), answer
        assert answered_later > 0


class TestRefused:
    def test_no_saved_model(self, tmp_path):
        result = in_process.call(
            "serve_ray", f"--model={tmp_path}", "--name=toy"
        )
        assert result.returncode == 1
        assert "is not a SavedModel" in result.stderr.decode()

    # This test starts Ray, and the replica fails.
    @pytest.mark.grid
    def test_a_saved_model_of_another_kind(self, tmp_path):
        pytest.importorskip("ray.serve", reason="ray[serve] is not installed")

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def double(x):
            return {"y": 2 * x}

        module = tf.Module()
        module.double = double
        tf.saved_model.save(
            module, str(tmp_path / "1"), signatures={"serving_default": double}
        )
        with pytest.raises(ChildProcessError) as caught:
            server.Server(tmp_path / "1")
        [line] = [
            line
            for line in str(caught.value).splitlines()
            if line.startswith("error: ")
        ]
        assert f"{tmp_path}/1 does not start on Ray Serve" in line

    def test_without_ray(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "ray", None)
        monkeypatch.delitem(
            sys.modules, "tools.serve_ray.deployment", raising=False
        )
        with pytest.raises(ValueError, match="Ray Serve is not installed"):
            serve_ray.load_deployment()
