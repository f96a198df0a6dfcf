"""The report names sizes, settings and signatures."""

from keras_transformer import export
from tests.tools.inspect_saved_model import served
from tests.translation import toy
from tools.inspect_saved_model import report


def test_sizes_add_up(tmp_path):
    (tmp_path / "variables").mkdir()
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets.extra").mkdir()
    for name, count in (
        ("saved_model.pb", 2),
        ("fingerprint.pb", 3),
        ("variables/variables.index", 5),
        ("variables/variables.data-00000-of-00001", 7),
        ("assets/metadata.json", 11),
        ("assets.extra/tf_serving_warmup_requests", 13),
    ):
        (tmp_path / name).write_bytes(b"x" * count)
    assert report.sizes(tmp_path) == {
        "graph": 2,
        "variables": 12,
        "assets": 11,
        "other": 16,
        "total": 41,
    }


def test_lines():
    described = export.read_metadata(served.directory())
    row = {
        "batch_size": 8,
        "threads": 2,
        "p50": 0.0125,
        "p99": 0.25,
        "sentences_per_second": 1279.5,
    }
    answer = {**served.answer(), "speed": [row]}
    text = "\n".join(report.lines("models/1", described, answer))
    assert text.startswith("SavedModel models/1\nsize       graph ")
    assert "search     name BeamSearch, beam_size 4, top_beams 4" in text
    assert "sources    at most 512 tokens" in text
    count = toy.translator().model.count_params()
    assert f"weights    {count} float32; vocabulary " in text
    assert (
        "  n_best: text string (B)\n    -> " in text
        and "scores float32 (B, W=4)" in text
    )
    assert "8        2       12.5      250.0       1279.5" in text


def test_the_outputs_of_a_calibration():
    answer = served.answer()
    answer["signatures"]["n_best"]["outputs"]["confidences"] = (
        "float32",
        [None, 5],
    )
    described = export.read_metadata(served.directory())
    text = "\n".join(report.lines("models/1", described, answer))
    assert "confidences float32 (B, W=5)" in text


def test_an_older_saved_model():
    text = "\n".join(report.lines("models/1", {}, served.answer()))
    assert "metadata   none: it was exported by an older version" in text
    assert "speed" not in text


def test_the_score_of_the_run():
    described = export.read_metadata(served.directory())
    described["run"] = {"metrics": {"steps": 7, "dev": {"bleu": 41.234}}}
    text = "\n".join(report.lines("models/1", described, served.answer()))
    assert "run        7 steps, BLEU 41.23 on the development set" in text


def test_what_changed():
    first = {"search": {"alpha": 1}, "run": {"seed": 1}, "parameters": 5}
    second = {"search": {"alpha": 2}, "run": {"seed": 2}, "parameters": 5}
    assert list(report.changed(first, second)) == [
        "  search: {'alpha': 1}, the other {'alpha': 2}"
    ]
