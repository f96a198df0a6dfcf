"""Scores of a test set, as sacreBLEU gives them."""

import json
import sys
from unittest import mock

import pytest
import sacrebleu

import keras_transformer as kt
from tests.tools import in_process
from tools.model_flags import loading, settings


def test_scores(demo_run, demo_translator, tmp_path):
    pairs = kt.data.illustrated_corpus().test[:53]
    # Every third reference is another sentence, so that BLEU is not 100.
    references = [
        pairs[i - 1].target if i % 3 == 0 else pair.target.upper()
        for i, pair in enumerate(pairs)
    ]
    source, reference = tmp_path / "source", tmp_path / "reference"
    source.write_text("".join(f"{p.source}\n" for p in pairs))
    reference.write_text("".join(f"{line}\n" for line in references))
    # The shared translator of the run has its graphs already.
    with mock.patch.object(
        loading, "load", return_value=demo_translator
    ) as load:
        result = in_process.call(
            "evaluate",
            f"--model={demo_run}",
            f"--source={source}",
            f"--reference={reference}",
            "--lowercase",
            "--tokenize=intl",
        )
    assert result.returncode == 0, result.stderr
    models, search = load.call_args.args
    assert models.model == [str(demo_run)]
    assert search == settings.SearchSettings()
    found = json.loads(result.stdout)
    translations = demo_translator.translate([pair.source for pair in pairs])
    metric = sacrebleu.BLEU(lowercase=True, tokenize="intl")
    expected = metric.corpus_score(translations, [references]).score
    assert found["bleu"] == expected
    assert 30 < expected < 90
    assert found["bleu_signature"] == str(metric.get_signature())
    assert "case:lc" in found["bleu_signature"]
    assert found["sentences"] == 53


def test_the_tokenization_is_the_runs(tmp_path):
    model = settings.ModelSettings([str(tmp_path)])
    assert loading.tokenization(model) == "13a"
    # An older run has no tokenization in its settings, a newer run has one.
    for written, expected in (({}, "13a"), ({"tokenize": "zh"}, "zh")):
        config = json.dumps({"settings": written})
        (tmp_path / "config.json").write_text(config)
        assert loading.tokenization(model) == expected


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--tokenize=foo"], "error: Unknown tokenization. Received: toke"),
        (["--tokenize=ja-mecab"], "pip install 'sacrebleu[ja]'; or choose"),
        (["--batch_size=0"], "--batch_size must be at least 1. Received: 0."),
        (["--model=nowhere"], "error: No such model: nowhere. Give a run dir"),
        (["--source=nowhere.en"], "error: No such file: nowhere.en"),
    ],
)
def test_refused_before_any_work(tmp_path, flags, message):
    for name in ("source", "reference"):
        (tmp_path / name).write_text("a\n")
    with (
        mock.patch.object(loading, "load", side_effect=AssertionError),
        mock.patch.dict(
            sys.modules, {"sacrebleu.tokenizers.tokenizer_ja_mecab": None}
        ),
    ):
        result = in_process.call(
            "evaluate",
            f"--model={tmp_path}",
            f"--source={tmp_path}/source",
            f"--reference={tmp_path}/reference",
            *flags,
        )
    assert result.returncode == 1
    [line] = result.stderr.decode().splitlines()
    assert message in line


def test_different_line_counts(tmp_path):
    source, reference = tmp_path / "source", tmp_path / "reference"
    source.write_text("a\nb\n")
    reference.write_text("a\n")
    result = in_process.call(
        "evaluate",
        f"--model={tmp_path}",
        f"--source={source}",
        f"--reference={reference}",
    )
    assert result.returncode == 1
    [message] = result.stderr.decode().splitlines()
    assert message.startswith("error: ")
    assert f"{source} with 2 lines, {reference} with 1 lines" in message
