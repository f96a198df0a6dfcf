"""A real TensorBoard serves traces and the tab's files, and nothing else."""

import json
import os

import numpy as np
import pytest
import setuptools
import tensorflow as tf
from tensorboard.plugins import base_plugin

from keras_transformer import interpretation
from keras_transformer.explorer.tab import plugin
from tests.explorer.tab import server as servers

pytestmark = pytest.mark.process
TAG = "traces/sentence_1"


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    for step in (0, 7, 13):
        servers.write(folder / "a" / "traces", [servers.trace(seed=step)], step)
    servers.write(folder / "b", [servers.trace(seed=53)], 5)
    # The run "cut" was killed while it wrote its second trace.
    servers.write(folder / "cut", [servers.trace(seed=1)], 3)
    servers.write(folder / "cut", [servers.trace(seed=2)], 4)
    cut = max((folder / "cut").iterdir())
    cut.write_bytes(cut.read_bytes()[:-101])
    os.utime(cut, (0, 0))
    write_raw(folder / "newer", [b"x"], version=53)
    write_raw(folder / "damaged", [b"x"], version=1)
    return folder


def write_raw(folder, value, version):
    content = {"schema": "keras_transformer.trace", "version": version}
    metadata = tf.compat.v1.SummaryMetadata(
        plugin_data=tf.compat.v1.SummaryMetadata.PluginData(
            plugin_name="keras_transformer",
            content=json.dumps(content).encode(),
        ),
        data_class=2,
    )
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(1):
        tf.summary.write(TAG, tf.constant(value), metadata=metadata)
    writer.close()


@pytest.fixture(scope="module", params=["false", "true"])
def server(request, logs):
    """Reads the logs once in Python and once with the fast reader."""
    server = servers.Server(logs, f"--load_fast={request.param}")
    server.wait_for(lambda: len(server.get_json("runs")["runs"]) == 5)
    server.wait_for(lambda: len(steps(server, "a/traces")) == 3)
    return server


def steps(server, run):
    return server.get_json("steps", run=run, tag=TAG)["steps"]


class TestServer:
    def test_all_runs_and_sentences(self, server):
        runs = server.get_json("runs")["runs"]
        assert set(runs) == {"a/traces", "b", "cut", "newer", "damaged"}
        assert set(runs["b"]) == {TAG}
        assert runs["b"][TAG]["text"] == servers.trace().source.text
        assert runs["b"][TAG]["last"] == 5
        assert runs["b"][TAG]["problem"] is None

    def test_a_trace_within_16_bits(self, server):
        assert steps(server, "a/traces") == [0, 7, 13]
        fields = server.get_json("trace", run="a/traces", tag=TAG, step=7)
        served = interpretation.Trace.from_json(json.dumps(fields))
        written = servers.trace(seed=7)
        assert served.source == written.source
        assert served.target == written.target
        names = [each for each in written.arrays if each.endswith("weights")]
        assert list(served.arrays) == names
        for name in names:
            np.testing.assert_allclose(
                served.arrays[name],
                written.arrays[name],
                rtol=2**-11,
                atol=2**-25,
            )

    def test_a_truncated_file_has_what_is_whole(self, server):
        assert steps(server, "cut") == [3]
        notes = server.get_json("runs")["notes"]
        assert "ends in the middle" in notes.pop("cut")
        assert set(notes.values()) == {None}

    def test_a_newer_schema_is_said(self, server):
        series = server.get_json("runs")["runs"]["newer"][TAG]
        assert "has version 53" in series["problem"]

    def test_damage_is_said(self, server):
        answer = server.get_json("trace", run="damaged", tag=TAG, step=1)
        assert "damaged" in answer["problem"]

    @pytest.mark.parametrize(
        "query",
        [
            {"run": "a/traces", "tag": TAG, "step": 8},
            {"run": "a/traces", "tag": "another", "step": 7},
            {"run": "../../etc", "tag": "passwd", "step": 7},
            {},
        ],
    )
    def test_no_such_trace(self, server, query):
        for path in ("steps", "trace"):
            status, _, body = server.get(f"{servers.PREFIX}/{path}", **query)
            if path == "steps" and query.get("tag") == TAG:
                continue
            assert status == 404
            assert "no trace" in json.loads(body)["problem"]

    def test_it_is_active(self, server):
        listing = json.loads(server.get("data/plugins_listing")[2])
        entry = listing["keras_transformer"]
        assert entry["enabled"]
        assert entry["tab_name"] == "Transformer"


class TestFiles:
    @pytest.mark.parametrize(
        "path, kind",
        [
            ("tab/main.js", "text/javascript"),
            ("style.css", "text/css"),
            ("vendor/htm_preact.js", "text/javascript"),
        ],
    )
    def test_its_files(self, server, path, kind):
        status, headers, body = server.get(f"{servers.PREFIX}/{path}")
        assert status == 200
        assert headers["Content-Type"].startswith(kind)
        assert body == (plugin.page.FRONT_END / path).read_bytes()

    @pytest.mark.parametrize(
        "path",
        [
            *("tab/../../page.py", "tab/%2e%2e/%2e%2e/page.py", "page.py"),
            *("..%2f..%2fpage.py", "//etc/passwd", "index.html", "tab/"),
            "vendor/preact.LICENSE",
        ],
    )
    def test_no_others(self, server, path):
        status, _, body = server.get(f"{servers.PREFIX}/{path}")
        assert status == 404 or b"<!doctype html>" in body.lower()[:300]
        assert b"FRONT_END" not in body


def test_it_is_not_active_without_data(tmp_path, caplog):
    server = servers.Server(tmp_path)
    listing = json.loads(server.get("data/plugins_listing")[2])
    assert listing["keras_transformer"]["enabled"] is False
    assert server.get_json("runs") == {"runs": {}, "notes": {}}
    assert "rror" not in caplog.text


def test_without_a_data_provider():
    made = plugin.TransformerPlugin(base_plugin.TBContext())
    assert not made.is_active()
    assert "/runs" in made.get_plugin_apps()


def test_the_entry_point_leads_to_it(monkeypatch):
    given = {}
    monkeypatch.setattr(setuptools, "setup", given.update)
    setup = plugin.page.FRONT_END.parents[2] / "setup.py"
    exec(compile(setup.read_text(), str(setup), "exec"), {"__file__": setup})
    (entry,) = given["entry_points"]["tensorboard_plugins"]
    assert entry == (
        "keras_transformer = "
        "keras_transformer.explorer.tab.plugin:TransformerPlugin"
    )
