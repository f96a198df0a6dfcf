"""An exported model needs no code of this package; versions count up."""

import json
import subprocess
import sys

import pytest
import tensorflow as tf

import keras_transformer as kt
from tests.tools import commands, in_process
from tests.translation import toy

# A server with TensorFlow and the operations of tensorflow-text only.
_SERVER = """
import json, sys
import tensorflow as tf
import tensorflow_text
texts = json.load(sys.stdin)
serve = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
together = serve(text=tf.constant(texts))["translation"].numpy()
alone = [serve(text=tf.constant([t]))["translation"].numpy()[0] for t in texts]
n_best = tf.saved_model.load(sys.argv[1]).signatures["n_best"]
widths = n_best(text=tf.constant(texts[:2]))["scores"].shape
assert list(widths) == [2, 2], widths
assert "keras_transformer" not in sys.modules
json.dump([[t.decode() for t in together], [t.decode() for t in alone]],
          sys.stdout)
"""


def export(*flags):
    return commands.run("export_saved_model", *flags, text=True)


def test_exports_the_next_version(tmp_path):
    run = toy.write_run(tmp_path / "run")
    models = tmp_path / "models"
    (models / "1").mkdir(parents=True)
    result = in_process.call(
        "export_saved_model",
        f"--model={run}",
        f"--output_dir={models}",
        "--n_best=2",
        "--signatures=n_best",
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.decode().strip() == str(models / "2")
    assert sorted(path.name for path in models.iterdir()) == ["1", "2"]
    texts = [pair.source for pair in toy.random_pairs(11, seed=1)]
    signatures = tf.saved_model.load(str(models / "2")).signatures
    found = signatures["serving_default"](text=tf.constant(texts))
    live = toy.translator().translate(texts)
    assert [t.decode() for t in found["translation"].numpy()] == live
    assert len(set(live)) > 7 and all(live)
    n_best = signatures["n_best"](text=tf.constant(texts))
    assert n_best["scores"].shape == (11, 2)


# `saved_model_test.py` also serves a SavedModel in another process.
@pytest.mark.grid
def test_export_serves_what_the_live_model_says(demo_run, tmp_path):
    models = tmp_path / "models"
    (models / "1").mkdir(parents=True)
    result = export(
        f"--model={demo_run}", f"--output_dir={models}", "--n_best=2"
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == str(models / "2")
    assert sorted(path.name for path in models.iterdir()) == ["1", "2"]

    texts = [p.source for p in kt.data.illustrated_corpus().test[:100]]
    result = subprocess.run(
        [sys.executable, "-c", _SERVER, str(models / "2")],
        cwd=tmp_path,
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    together, alone = json.loads(result.stdout)
    live = kt.load_translator(demo_run).translate(texts)
    assert together == live
    assert alone == live
    assert len(set(live)) > 90 and all(live)


def test_more_than_the_beam(tmp_path):
    run = toy.write_run(tmp_path / "run")
    result = in_process.call(
        "export_saved_model",
        f"--model={run}",
        f"--output_dir={tmp_path}/out",
        "--beam_size=3",
        "--n_best=5",
    )
    assert result.returncode == 1
    [last] = result.stderr.decode().splitlines()
    assert last.startswith("error: ") and "--n_best=5" in last
    assert not list((tmp_path / "out").glob("*"))


def test_the_search_is_stored(tmp_path):
    run = toy.write_run(tmp_path / "run", {"beam_size": 2})
    warm_up = tmp_path / "texts"
    warm_up.write_text("ba de\n\nra\n")
    result = in_process.call(
        "export_saved_model",
        f"--model={run}",
        f"--output_dir={tmp_path}/out",
        "--beam_size=3",
        "--coverage_penalty=0.25",
        "--no_repeat_ngram_size=2",
        "--max_length=11",
        "--max_source_length=13",
        "--signatures=",
        f"--warm_up_file={warm_up}",
    )
    assert result.returncode == 0, result.stderr
    directory = result.stdout.decode().strip()
    described = kt.export.read_metadata(directory)
    assert described["signatures"] == ["serving_default"]
    assert described["warm_up"] == ["ba de", "ra"]
    assert described["max_source_length"] == 13
    assert described["lengths"]["maximum"] == 11
    search = described["search"]
    assert (search["beam_size"], search["top_beams"]) == (3, 3)
    assert search["coverage"] == 0.25
    assert search["constraints"]["no_repeat_ngram_size"] == 2
    assert described["run"]["settings"]["beam_size"] == 2


def write_pairs(folder, pairs):
    """Returns the files of the sources and of the targets."""
    folder.mkdir()
    files = folder / "source", folder / "target"
    for file, texts in zip(files, zip(*pairs, strict=True), strict=True):
        file.write_text("".join(f"{text}\n" for text in texts))
    return files


def test_a_shortlist_is_stored(tmp_path):
    run = toy.write_run(tmp_path / "run")
    training = write_pairs(tmp_path / "training", toy.random_pairs(499))
    development = write_pairs(tmp_path / "dev", toy.random_pairs(23, seed=1))
    flags = (
        f"--model={run}",
        f"--output_dir={tmp_path}/out",
        "--signatures=",
        f"--shortlist_source={training[0]}",
    )
    result = in_process.call(
        "export_saved_model",
        *flags,
        f"--shortlist_target={training[1]}",
        f"--source={development[0]}",
        f"--reference={development[1]}",
    )
    assert result.returncode == 0, result.stderr
    ours, served, _, directory = result.stdout.decode().splitlines()
    assert ours.startswith("the run: ") and " BLEU " in ours
    bleu = [float(line.split("BLEU ")[1]) for line in (ours, served)]
    # `shortlisted_test.py` tests that translations stay the same.
    assert min(bleu) > 50
    described = kt.export.read_metadata(directory)["shortlist"]
    size = toy.translator().tokenizer.vocabulary_size
    assert described["likely"] == 20
    # At least the special ids and the tokens of the targets.
    assert 4 + 11 <= described["frequent"] < size
    assert 4 + 11 <= described["known"] < size

    result = in_process.call("export_saved_model", *flags)
    assert result.returncode == 1
    assert "A shortlist is learned from sources and targets. Received: " in (
        result.stderr.decode()
    )


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--signatures=beams", "Unknown signatures. Received: beams. Expected"),
        ("--warm_up_file=/dev/null", "/dev/null has no text. Expected"),
    ],
)
def test_refuses(flag, message, tmp_path):
    run = toy.write_run(tmp_path / "run")
    check_refused(message, run, tmp_path, flag)


def test_a_development_set_without_a_pair(tmp_path):
    run = toy.write_run(tmp_path / "run")
    (tmp_path / "source").write_text("a cat\n", encoding="utf-8")
    (tmp_path / "reference").write_text(" \n", encoding="utf-8")
    check_refused(
        "--source and --reference have no pair of sentences",
        run,
        tmp_path,
        f"--source={tmp_path}/source",
        f"--reference={tmp_path}/reference",
    )


def check_refused(message, run, tmp_path, *flags):
    result = in_process.call(
        "export_saved_model",
        f"--model={run}",
        f"--output_dir={tmp_path}/out",
        *flags,
    )
    assert result.returncode == 1
    [line] = result.stderr.decode().splitlines()
    assert line.startswith(f"error: {message}")
    assert not (tmp_path / "out").exists()


def test_nothing_to_export(tmp_path):
    (tmp_path / "empty").mkdir()
    result = in_process.call(
        "export_saved_model",
        f"--model={tmp_path}/empty",
        f"--output_dir={tmp_path}/out",
    )
    assert result.returncode == 1
    [line] = result.stderr.decode().splitlines()
    assert line.startswith("error: ") and "no tokenizer.model" in line
    assert not (tmp_path / "out").exists()


def test_no_place_to_export_to(tmp_path):
    (tmp_path / "file").touch()
    result = in_process.call(
        "export_saved_model",
        f"--model={tmp_path}/not looked at so far",
        f"--output_dir={tmp_path}/file/models",
    )
    assert result.returncode == 1
    [line] = result.stderr.decode().splitlines()
    assert line.startswith(
        f"error: {tmp_path}/file is not a directory. Received"
    )
