"""Pages for tests: with recorded traces, or with a fake engine."""

import pathlib
import shutil

from keras_transformer.explorer import page
from tests.explorer import sample_trace

_FAKE = pathlib.Path(__file__).with_name("fake_engine.js")


def write(folder, data=None, is_live=False, monkeypatch=None):
    """Writes a page into a folder and returns its address."""
    data = sample_trace.page() if data is None else data
    front_end = folder / "front_end"
    if not front_end.exists():
        ignored = shutil.ignore_patterns("engine")
        shutil.copytree(page.FRONT_END, front_end, ignore=ignored)
        (front_end / "engine").mkdir()
        shutil.copy(_FAKE, front_end / "engine" / "engine.js")
    model = engine_data(data) if is_live else None
    if is_live:
        data = {**data, "traces": []}
    path = folder / f"{'live' if is_live else 'recorded'}.html"
    path.write_text(page.render(data, model, front_end), encoding="utf-8")
    return path.as_uri()


def engine_data(data):
    first = data["traces"][0]
    return {
        "search": {"kind": "beam", **sample_trace.SETTINGS},
        "traces": data["traces"],
        "forced": changed(first, "▁Le chien dort.", 2),
        "without": changed(first, first["target"]["text"] + " ici", 0),
    }


def changed(trace, text, first_id):
    """Returns the same trace with another target text and first target id."""
    ids = [first_id, *trace["target"]["ids"][1:]]
    return {**trace, "target": {**trace["target"], "text": text, "ids": ids}}
