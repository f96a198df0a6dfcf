"""Sends requests to a server from several threads, and checks the responses.

    python -m tools.benchmark_serving --source=dev.en \\
        --url=http://localhost:8501/v1/models/demo

The server may be tools.serve_ray or TensorFlow Serving. The requests differ in
their signature, and in the number and length of their texts. First, one thread
sends each distinct request once. Then all threads send requests. Each response
must be the one that the single thread received for the same request; numbers
may differ by rounding. The program prints JSON: the numbers of requests and
threads, the number of errors and the first three errors, the median and the
99th percentile of the seconds of a request, and the texts per second. With
--server_pid it also prints the memory of the server in megabytes, measured
about ten times.
"""

import concurrent.futures
import dataclasses
import http.client
import json
import math
import pathlib
import random
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any, NamedTuple

import tqdm

from keras_transformer import data
from tools.inspect_saved_model import probe
from trainers import program
from trainers.settings_flags import setting

# Two numbers count as equal if their relative or absolute difference is at most
# `_TOLERANCE`. A server puts texts into batches. The scores of a text change a
# little if the text is in another batch.
_TOLERANCE = 1e-3


@dataclasses.dataclass(frozen=True)
class Load:
    """The flags of the requests."""

    url: str = setting("URL of the model, without `:predict`.")
    source: list[str] = setting("Files. Texts are made of their words.")
    requests: int = setting("Requests of all threads.", 10_000, least=1)
    distinct: int = setting("Requests that differ.", 500, least=1)
    threads: int = setting("Threads that ask.", 8, least=1)
    largest_batch: int = setting("Most texts of a request.", 4, least=1)
    longest_text: int = setting("Most words of a text.", 30, least=1)
    server_pid: int | None = setting(
        "Process of the server, to measure its memory and that of the "
        "processes it started. Default: memory is not measured.",
        None,
    )
    seed: int = setting("Seed of the requests.", 0)


@program.main(Load)
def main(load):
    words = [
        word
        for path in load.source
        for line in data.read_lines(path)
        for word in line.split()
    ]
    ask = Client(load.url).ask
    signatures = text_signatures(load.url)
    distinct = list(make_requests(load, words, signatures))
    expected = [
        ask(request)
        for request in tqdm.tqdm(distinct, "one thread", leave=False)
    ]
    print(json.dumps(measure(load, distinct, expected), indent=2))


class Client:
    """A client of a server. Each thread has its own connection.

    Args:
        url: the URL of the model, which begins with `http://`.
    """

    def __init__(self, url: str) -> None:
        split = urllib.parse.urlsplit(url)
        self._host, self._path = split.netloc, split.path
        self._local = threading.local()

    def ask(self, request: dict) -> Any:
        """Sends a request, and returns the predictions in the response.

        Args:
            request: the body of the request, as JSON values.

        Raises:
            ValueError: the status of the response is not 200, or the response
                is not JSON.
            KeyError: the response has no `predictions`.
            OSError or http.client.HTTPException: there is no response.
        """
        status, body = self.post(json.dumps(request).encode())
        if status != 200:
            raise ValueError(f"Status {status}: {body.decode()}")
        return json.loads(body)["predictions"]

    def post(self, body: bytes) -> tuple[int, bytes]:
        """Posts a request body; returns the status and body of the response.

        Raises:
            OSError or http.client.HTTPException: there is no response.
        """
        return self._request("POST", ":predict", body)

    def get(self, path: str) -> Any:
        """Gets the model's URL plus `path`; returns the response's JSON.

        The status of the response is not checked.

        Raises:
            ValueError: the response is not JSON.
            OSError or http.client.HTTPException: there is no response.
        """
        return json.loads(self._request("GET", path)[1])

    def _request(self, method, path, body=None):
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection(self._host)
        connection = self._local.connection
        try:
            connection.request(method, self._path + path, body)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            connection.close()  # The next request opens the connection again.
            raise


class Outcome(NamedTuple):
    """The seconds of a request, and its error.

    The error is `None` if the response is as expected.
    """

    seconds: float
    error: str | None


def text_signatures(url: str) -> list[str]:
    """Returns the names of the signatures whose only input is `text`.

    Args:
        url: the URL of the model, which begins with `http://`.

    Raises:
        KeyError: the response does not describe signatures.
        ValueError: the response is not JSON.
        OSError or http.client.HTTPException: there is no response.
    """
    metadata = Client(url).get("/metadata")["metadata"]
    described = metadata["signature_def"]["signature_def"]
    return sorted(
        name
        for name, signature in described.items()
        if list(signature["inputs"]) == ["text"]
    )


def make_requests(
    load: Load, words: list[str], signatures: list[str]
) -> Iterator[dict]:
    """Yields `load.distinct` random requests.

    The signature, the number of texts and the length of each text are random.
    A text is a slice of `words`, and may be empty. By chance, two requests can
    be the same.

    Args:
        load: the flags of the requests.
        words: the words of the source files, in order.
        signatures: names of signatures whose only input is `text`.

    Raises:
        IndexError: `signatures` is empty.
    """
    source = random.Random(load.seed)
    for _ in range(load.distinct):
        texts = []
        for _ in range(source.randint(1, load.largest_batch)):
            size = source.randint(0, load.longest_text)
            first = source.randrange(max(len(words) - size, 0) + 1)
            texts.append(" ".join(words[first : first + size]))
        yield {
            "signature_name": source.choice(signatures),
            "instances": texts,
        }


def measure(load: Load, distinct: list[dict], expected: list) -> dict:
    """Sends requests from all threads; returns the results as JSON values.

    Args:
        load: the flags of the requests.
        distinct: the requests to draw from.
        expected: the predictions for each of these requests.

    Returns:
        Dict of what the program prints; the docstring of this module describes
        it. `memory_mb` is empty without `load.server_pid`.

    Raises:
        KeyError: a response has no `predictions`.
        ValueError: there is no process `load.server_pid`, or it has ended.
    """
    source = random.Random(load.seed + 1)
    numbers = [source.randrange(len(distinct)) for _ in range(load.requests)]
    ask = Client(load.url).ask

    def ask_one(number):
        start = time.perf_counter()
        try:
            answer = ask(distinct[number])
        except (OSError, ValueError, http.client.HTTPException) as error:
            return Outcome(time.perf_counter() - start, repr(error))
        seconds = time.perf_counter() - start
        if not is_same(answer, expected[number]):
            return Outcome(seconds, f"Another answer to request {number}.")
        return Outcome(seconds, None)

    memory = []
    outcomes = []
    tenth = max(len(numbers) // 10, 1)
    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(load.threads) as threads:
        answers = threads.map(ask_one, numbers)
        for outcome in tqdm.tqdm(answers, "all", len(numbers), leave=False):
            outcomes.append(outcome)
            if load.server_pid and len(outcomes) % tenth == 0:
                memory.append(resident_bytes(load.server_pid))
    seconds = time.perf_counter() - start
    texts = sum(len(distinct[number]["instances"]) for number in numbers)
    errors = [outcome.error for outcome in outcomes if outcome.error]
    times = [outcome.seconds for outcome in outcomes]
    return {
        "requests": load.requests,
        "threads": load.threads,
        "errors": len(errors),
        "first_errors": errors[:3],
        "p50_seconds": probe.percentile(times, 50),
        "p99_seconds": probe.percentile(times, 99),
        "texts_per_second": texts / seconds,
        "memory_mb": [round(size / 1e6) for size in memory],
    }


def is_same(answer: Any, expected: Any) -> bool:
    """Returns whether two responses are the same, except for rounding.

    Example:

    >>> is_same([{"a": 1.00001}], [{"a": 1.0}]), is_same(["a"], ["b"])
    (True, False)
    """
    if isinstance(answer, float) and isinstance(expected, float):
        return math.isclose(
            answer, expected, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE
        )
    if type(answer) is not type(expected):
        return False
    if isinstance(answer, list):
        return len(answer) == len(expected) and all(
            map(is_same, answer, expected)
        )
    if isinstance(answer, dict):
        return answer.keys() == expected.keys() and all(
            is_same(answer[key], expected[key]) for key in answer
        )
    return answer == expected


def resident_bytes(pid: int) -> int:
    """Returns the bytes in RAM of a process and of all its descendants.

    Memory that several processes share is counted once for each of them.

    Raises:
        ValueError: there is no such process.
    """
    parents, sizes = {}, {}
    for path in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            text = path.read_text("utf-8", "replace")
        except OSError:  # The process has ended.
            continue
        fields = dict(line.split(":", 1) for line in text.splitlines())
        number = int(path.parent.name)
        parents[number] = int(fields["PPid"])
        kilobytes = fields.get("VmRSS", "0 kB").split()[0]
        sizes[number] = 1024 * int(kilobytes)
    if pid not in sizes:
        raise ValueError(
            f"There is no process {pid}. Give the process of the server, or "
            "leave out --server_pid."
        )
    total = 0
    for number, size in sizes.items():
        while number not in (pid, 0):
            number = parents.get(number, 0)
        total += size if number == pid else 0
    return total


if __name__ == "__main__":
    main.run()
