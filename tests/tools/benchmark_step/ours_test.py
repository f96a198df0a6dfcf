"""Our engine trains, on random ids and on a corpus."""

import dataclasses

import pytest

import keras_transformer as kt
from tests.tools.benchmark_step import jobs_test
from tools.benchmark_step import jobs, ours


@pytest.fixture(autouse=True)
def fits(monkeypatch):
    """Replaces `fit_seconds`; returns the data sets and steps of its calls."""
    calls = []

    def fit_seconds(model, dataset, steps):
        calls.append((dataset, steps))
        return 2.5

    # TensorFlow has started, so the number of threads cannot be set.
    monkeypatch.setattr(ours.keras_fit, "use_threads", lambda count: None)
    monkeypatch.setattr(ours.keras_fit, "fit_seconds", fit_seconds)
    return calls


def test_random_ids(fits):
    train, facts = ours.make_training(jobs_test.JOB)
    # `fit_seconds` makes one step more than it times.
    assert [steps for _, steps in fits] == [jobs.WARM_UP_STEPS - 1]
    assert train() == [2.5, 2 * 5 * 13]
    assert fits[-1][1] == 2
    assert facts["parameters"] > 0


def test_a_corpus(fits, tmp_path):
    lines = ["a b c d", "e f", "g h i", "k", "l m n o p", "q r", "s t u"]
    corpus = jobs.Corpus(str(tmp_path))
    kt.Tokenizer(kt.learn_vocabulary(lines, 300, may_be_smaller=True)).save(
        corpus.vocabulary
    )
    for path in (corpus.source, corpus.target):
        path.write_text("\n".join(lines), encoding="utf-8")
    tokenizer = kt.Tokenizer.from_file(corpus.vocabulary)
    tokens = sum(len(ids) for ids in tokenizer.encode(lines))
    job = dataclasses.replace(
        jobs_test.JOB, corpus=corpus.directory, vocabulary_size=300
    )
    train, facts = ours.make_training(job)
    assert facts["corpus_target_tokens"] == tokens + len(lines)
    # Each round continues where the round before ended.
    for _ in range(2):
        seconds, counted = train()
        dataset, steps = fits[-1]
        weights = [
            float(w.numpy().sum()) for _, _, w in dataset.take(1 + steps)
        ]
        assert counted == sum(weights[1:])
        assert seconds == 2.5
