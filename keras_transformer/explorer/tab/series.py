"""Reads traces from the summaries that TensorBoard has loaded.

A trace is the record of what a model computes for one sentence, see
`interpretation.record`. A series consists of all traces of one run with one
tag: the traces of one sentence at several steps of training.
"""

import collections
import gzip
import json
import threading
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from tensorboard.data import provider

from keras_transformer.interpretation import record
from keras_transformer.summaries import trace_summary

# The maximum number of steps of a series that the tab offers.
MOST_STEPS = 200
# The maximum number of steps of a series that are read. TensorBoard itself may
# have loaded only a random choice of the steps, see its flag
# --samples_per_plugin.
_MOST_READ = 10_000
# The maximum number of series that stay in memory.
_MOST_KEPT = 16
# The maximum size of the JSON of a trace, in bytes. A larger trace is refused.
_LARGEST = 64_000_000


class Point(NamedTuple):
    """The summary of a series at a step.

    step: the step of training.
    wall_time: when the summary was written, in seconds since 1970.
    packed: the JSON of the trace, compressed by gzip; empty if the summary is
        not one byte string.
    """

    step: int
    wall_time: float
    packed: bytes


class Series:
    """The series that TensorBoard has loaded.

    A series that was read from TensorBoard stays in memory until `_MOST_KEPT`
    other series have been read. It is read again after TensorBoard has loaded a
    newer summary of the series.

    Args:
        data_provider: access to the loaded data; `None` if there is no data.
    """

    def __init__(self, data_provider: provider.DataProvider | None) -> None:
        self._provider = data_provider
        self._kept: collections.OrderedDict[Any, list[Point]] = (
            collections.OrderedDict()
        )
        self._lock = threading.Lock()

    def listed(self, context: Any, experiment: str) -> dict[str, Any]:
        """Returns facts about each series, by run and then by tag.

        Args:
            context: the context of a request, from TensorBoard.
            experiment: the id of the experiment, from TensorBoard.

        Returns:
            For each run, a dict with the facts about each of its tags:

            - `text`: the sentence, or the tag if the summary has no text;
            - `last`: the largest step;
            - `written`: when the newest summary was written, in seconds since
              1970;
            - `problem`: why the traces cannot be read, or `None`.
        """
        return {
            run: {
                tag: {
                    "text": each.display_name or tag,
                    "last": each.max_step,
                    "written": each.max_wall_time,
                    "problem": problem_of(each.plugin_content),
                }
                for tag, each in tags.items()
            }
            for run, tags in self._list(context, experiment).items()
        }

    def points(
        self, context: Any, experiment: str, run: str, tag: str
    ) -> list[Point]:
        """Returns at most `MOST_STEPS` points of a series, in order of steps.

        If the series has more points, `thinned` chooses among them.

        Args:
            context: the context of a request, from TensorBoard.
            experiment: the id of the experiment, from TensorBoard.
            run: the name of the run.
            tag: the tag of the sentence.

        Raises:
            KeyError: there is no such series.
        """
        only = provider.RunTagFilter(runs=[run], tags=[tag])
        series = self._list(context, experiment, only)[run][tag]
        key = (experiment, run, tag)
        newest = (series.max_step, series.max_wall_time)
        with self._lock:
            kept = self._kept.get((key, newest))
        if kept is None:
            kept = thinned(self._read(context, experiment, run, tag, only))
            with self._lock:
                for old in [each for each in self._kept if each[0] == key]:
                    del self._kept[old]
                self._kept[key, newest] = kept
                if len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
        return kept

    def _list(self, context, experiment, only=None):
        if self._provider is None:
            return {}
        return self._provider.list_tensors(
            context,
            experiment_id=experiment,
            plugin_name=trace_summary.PLUGIN,
            run_tag_filter=only,
        )

    def _read(self, context, experiment, run, tag, only):
        """Returns the points that TensorBoard has loaded, in order of steps."""
        if self._provider is None:
            raise KeyError(run)
        read = self._provider.read_tensors(
            context,
            experiment_id=experiment,
            plugin_name=trace_summary.PLUGIN,
            run_tag_filter=only,
            downsample=_MOST_READ,
        )
        # A run that was continued may have written a step twice. The later
        # summary replaces the earlier one.
        latest = {
            each.step: Point(each.step, each.wall_time, _packed(each.numpy))
            for each in sorted(read[run][tag], key=lambda each: each.wall_time)
        }
        return [latest[step] for step in sorted(latest)]


def _packed(array):
    values = array.reshape(-1).tolist()
    is_bytes = len(values) == 1 and isinstance(values[0], bytes)
    return values[0] if is_bytes else b""


def thinned(points: Sequence[Any], most: int = MOST_STEPS) -> list[Any]:
    """Returns at most `most` items, evenly spaced, with the first and last.

    Args:
        points: the items.
        most: the maximum number of items, at least 2.

    Example:

    >>> thinned(range(11), 6)
    [0, 2, 4, 6, 8, 10]
    """
    count = len(points)
    if count <= most:
        return list(points)
    return [points[i * (count - 1) // (most - 1)] for i in range(most)]


def problem_of(content: bytes) -> str | None:
    """Returns why this installation cannot read a trace; `None` if it can.

    Only the schema and the version of the trace are checked.

    Args:
        content: the plugin's content in the metadata of the trace's summary,
            see `trace_summary`.

    Example:

    >>> problem_of(b'{"schema": "keras_transformer.trace", "version": 1}')
    >>> problem_of(b'{"schema": "keras_transformer.trace", "version": 99}')
    'This trace has version 99. This installation of ...
    """
    try:
        fields = json.loads(content)
        schema, version = fields["schema"], fields["version"]
    except (ValueError, TypeError, KeyError):
        return "This summary does not say what it contains. It may be damaged."
    if schema != record.SCHEMA:
        return f"This is no trace: its schema is {schema!r}."
    if version != record.VERSION:
        return (
            f"This trace has version {version}. This installation of "
            f"keras_transformer reads version {record.VERSION}. Install the "
            "version that wrote it."
        )
    return None


def unpacked(packed: bytes) -> bytes:
    """Returns the JSON of a trace.

    Args:
        packed: the JSON, compressed by gzip.

    Raises:
        ValueError: the trace is damaged, is larger than `_LARGEST` bytes, or
            has another schema or version.
    """
    try:
        decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)
        text = decompressor.decompress(packed, _LARGEST)
        if not decompressor.eof:
            raise ValueError("its end is missing")
        fields = json.loads(text)
        header = {key: fields[key] for key in ("schema", "version")}
    except (zlib.error, gzip.BadGzipFile, KeyError, TypeError, ValueError) as e:
        raise ValueError(
            f"The trace of this step is damaged ({e}). Choose another step."
        ) from e
    problem = problem_of(json.dumps(header).encode())
    if problem:
        raise ValueError(problem)
    return text
