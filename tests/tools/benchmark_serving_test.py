"""The load on a server follows the flags, and wrong answers are counted."""

import contextlib
import http.server
import json
import os
import subprocess
import sys
import threading

import pytest

from tests.tools import in_process
from tools import benchmark_serving
from tools.serve_ray import answers

WORDS = ["ba", "de", "fi", "go", "hu"]


def load(**changes):
    return benchmark_serving.Load(
        **{
            "url": "http://nowhere",
            "source": [],
            "requests": 47,
            "distinct": 7,
            "threads": 3,
            "largest_batch": 5,
            "longest_text": 4,
            **changes,
        }
    )


class TestMakeRequests:
    def test_numbers_and_lengths(self):
        requests = list(
            benchmark_serving.make_requests(
                load(distinct=211), WORDS, ["a", "b"]
            )
        )
        assert {request["signature_name"] for request in requests} == {"a", "b"}
        batches = [request["instances"] for request in requests]
        assert {len(batch) for batch in batches} == {1, 2, 3, 4, 5}
        texts = {text for batch in batches for text in batch}
        assert {len(text.split()) for text in texts} == {0, 1, 2, 3, 4}
        assert all(text in " ".join(WORDS) for text in texts)

    def test_are_the_same_each_time(self):
        first, second, other = (
            list(benchmark_serving.make_requests(load(seed=seed), WORDS, ["a"]))
            for seed in (3, 3, 5)
        )
        assert first == second != other


@pytest.mark.parametrize(
    ("answer", "expected", "is_same"),
    [
        ([1.0, "a"], [1.0005, "a"], True),
        ([1.0, "a"], [1.002, "a"], False),
        ([1.0], [1.0, 2.0], False),
        ({"a": [1.0]}, {"a": [1.0]}, True),
        ({"a": 1.0}, {"b": 1.0}, False),
        ({"a": "x"}, {"a": "y"}, False),
        (True, False, False),
        ("1", 1, False),
    ],
)
def test_is_same(answer, expected, is_same):
    assert benchmark_serving.is_same(answer, expected) is is_same


@contextlib.contextmanager
def serving(answer):
    """Yields the URL of a server; `answer` maps texts to status and body."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            described = {"inputs": {"text": ["string", [-1]]}, "outputs": {}}
            inputs = {**described["inputs"], "target": ["string", [-1]]}
            pair = {"inputs": inputs, "outputs": {}}
            self.send(
                200,
                answers.write_metadata(
                    "toy", "1", {"both": pair, "upper": described}
                ),
            )

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send(*answer(json.loads(body)["instances"]))

        def send(self, status, body):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/models/toy"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def upper(texts):
    return 200, answers.write_answer(
        {"upper": [text.upper() for text in texts]}
    )


def measured(url, tmp_path, *flags):
    source = tmp_path / "words"
    source.write_text("ba de\nfi go hu\n")
    result = in_process.call(
        "benchmark_serving",
        f"--url={url}",
        f"--source={source}",
        "--requests=47",
        "--distinct=7",
        "--threads=3",
        *flags,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


class TestMeasure:
    def test_right_answers(self, tmp_path):
        with serving(upper) as url:
            assert benchmark_serving.text_signatures(url) == ["upper"]
            answer = measured(url, tmp_path, f"--server_pid={os.getpid()}")
        assert answer["requests"] == 47
        assert answer["errors"] == 0
        assert answer["first_errors"] == []
        assert 0 < answer["p50_seconds"] <= answer["p99_seconds"]
        assert answer["texts_per_second"] > 0
        assert len(answer["memory_mb"]) == 11
        assert min(answer["memory_mb"]) > 10

    def test_wrong_answers(self, tmp_path):
        asked = []

        def sometimes(texts):
            asked.append(texts)
            if len(asked) < 30:
                return upper(texts)
            if len(asked) % 2:
                return upper([*texts, "x"])
            return 503, answers.write_error("It is full.")

        with serving(sometimes) as url:
            answer = measured(url, tmp_path)
        assert answer["errors"] == 7 + 47 - 29
        kinds = " ".join(answer["first_errors"])
        assert "Another answer to request " in kinds
        assert 'Status 503: {\\"error\\": \\"It is full.\\"}' in json.dumps(
            answer["first_errors"]
        )
        assert answer["memory_mb"] == []

    def test_no_server(self, tmp_path):
        with serving(upper) as url:
            pass
        with pytest.raises(OSError):
            benchmark_serving.Client(url).ask({"instances": ["a"]})


@pytest.mark.process
def test_memory_of_processes_that_it_started():
    # A process that starts another process, which holds 100 MB.
    inner = "x = b'1' * 10**8; print('ready', flush=True); input()"
    outer = (
        "import subprocess, sys; "
        f"subprocess.run([sys.executable, '-c', {inner!r}])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", outer],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        size = benchmark_serving.resident_bytes(process.pid)
        process.communicate(b"\n")
    assert 1e8 < size < 1.6e8
    with pytest.raises(ValueError, match=f"There is no process {process.pid}"):
        benchmark_serving.resident_bytes(process.pid)
