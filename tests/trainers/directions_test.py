"""Both directions of a corpus, each with the tag of its target language."""

import pytest

import keras_transformer as kt
from keras_transformer.data import SentencePair
from trainers import corpora, directions, large_text, settings

TAGS = ["<2fr>", "<2en>"]
TRAIN = [SentencePair("a cat", "un chat"), SentencePair(" ", "rien")]
DEV = [SentencePair("a dog", "un chien")]


def test_training_has_both_directions_and_evaluation_one():
    both = directions.in_both(corpora.Corpora(TRAIN, DEV, DEV, []), TAGS)
    assert both.train == [
        ("<2fr> a cat", "un chat"),
        (" ", "rien"),
        ("<2en> un chat", "a cat"),
        ("<2en> rien", " "),
    ]
    assert both.dev == both.test == [("<2fr> a dog", "un chien")]


def test_without_tags_nothing_changes():
    same = corpora.Corpora(TRAIN, DEV, [], [])
    assert directions.in_both(same, []) is same


def test_large_text_is_refused():
    text = object.__new__(large_text.LargeText)
    with pytest.raises(ValueError, match="fits into the memory.*--tag"):
        directions.in_both(corpora.Corpora(text, DEV, [], []), TAGS)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"direction_tags": ["<2fr>"]}, "Received: <2fr>. Give two"),
        ({"direction_tags": ["<2fr>", "<2fr>"]}, "two different tags"),
        (
            {"direction_tags": TAGS, "train_shards": ["s"]},
            "Shards are tagged when they are written",
        ),
        (
            {"direction_tags": TAGS, "target_vocabulary": "v"},
            "need one vocabulary",
        ),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        directions.check(settings.TrainingSettings(**values))


def test_rare_characters_leave_the_tags():
    pairs = [kt.data.SentencePair("a cat sat", "un chat assis")] * 211
    tags = ["<2fr>", "<2en>"]
    both = directions.tagged(pairs, tags[0]) + directions.tagged(pairs, tags[1])
    changed = directions.without_tags(
        both, tags, lambda bare: kt.data.with_rare_characters(bare, 1.0)
    )
    for pair, before in zip(changed, both, strict=True):
        tag, _, text = pair.source.partition(" ")
        assert before.source.startswith(f"{tag} ") and tag in tags
        assert text != "a cat sat"
        assert pair.target == "un chat assis"
    untagged = directions.without_tags(pairs, [], lambda bare: bare[::-1])
    assert untagged == pairs
