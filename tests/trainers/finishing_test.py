"""The final scores of a run use every pair and the settings of the run.

`train_translation_test.py` checks the files of real runs.
"""

import json
import types

import keras
import numpy as np
import pytest

import keras_transformer as kt
from tests import graphs
from trainers import finishing, settings

PAIRS = [
    kt.data.SentencePair(source, target)
    for source, target in (
        ("a cat", "un chat"),
        ("a dog sat", "un chien assis"),
        ("the cat", "le chat"),
        (" ", "rien"),  # Left out: the source is empty.
    )
]


@pytest.fixture(scope="module")
def translator():
    keras.utils.set_random_seed(0)
    texts = [text for pair in PAIRS for text in pair]
    tokenizer = kt.Tokenizer(kt.learn_vocabulary(texts, may_be_smaller=True))
    config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 11)
    model = kt.build_transformer(config)
    model.compile(
        loss=kt.training.SmoothedCrossEntropy(0.1),
        weighted_metrics=[
            keras.metrics.SparseCategoricalAccuracy(name="token_accuracy")
        ],
    )
    return kt.Translator(
        model, tokenizer, lengths=kt.translation.Lengths(maximum=5)
    )


def run_of(**corpora):
    return types.SimpleNamespace(
        corpora=types.SimpleNamespace(
            **{"dev": PAIRS, "test": [], "contrast": [], **corpora}
        ),
        settings=settings.TrainingSettings(
            max_length=31, tokens_per_batch=97, tokenize="char"
        ),
    )


# TensorFlow warns that `tf.data` still makes graphs.
@pytest.mark.filterwarnings("ignore:Even though the `tf.config")
@graphs.run_as_python()
def test_loss_and_scores_are_of_all_pairs(translator):
    scores = finishing._scores(translator, run_of(test=PAIRS[:2]))
    assert set(scores) == {"dev", "test"}
    for name, pairs in (("dev", PAIRS[:3]), ("test", PAIRS[:2])):
        sources, targets = zip(*pairs, strict=True)
        scored = translator.score(sources, targets)
        log_probs = np.concatenate([one.log_probs for one in scored])
        assert scores[name]["loss"] == pytest.approx(
            -log_probs.mean(), rel=1e-5
        )
        expected = kt.translation.score_translations(
            translator.translate(sources), list(targets), tokenize="char"
        )
        assert {key: scores[name][key] for key in expected} == expected
        assert "tok:char" in scores[name]["bleu_signature"]
        assert 0 <= scores[name]["token_accuracy"] <= 1


def test_a_complete_run_prints_its_scores_again(tmp_path, capsys, caplog):
    directory = kt.runs.RunDirectory(tmp_path)
    dev = {"bleu": 1, "bleu_signature": "s", "chrf": 2, "exact_match": 0.5}
    directory.write_metrics({"dev": dev})
    with caplog.at_level("INFO", "trainers"):
        finishing.print_again(directory, run_of().corpora)
    assert "complete already" in caplog.text
    assert "dev: BLEU 1.00 (s), chrF 2.00" in capsys.readouterr().out
    assert json.loads(directory.metrics.read_text())["dev"] == dev
