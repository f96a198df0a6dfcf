"""Set phrases agree with a phrase book."""

import re

import pytest

from keras_transformer.data.illustrated import set_phrases


class TestSetPhrases:
    @pytest.mark.parametrize(
        ("source", "target"),
        [
            ("I am a student.", "Je suis étudiant."),
            ("Thanks.", "Merci."),
            ("Thanks!", "Merci !"),
            ("Thanks", "Merci"),
            ("thanks", "merci"),
            ("i am a student", "je suis étudiant"),
            ("Thank you.", "Merci."),
            ("Hello.", "Bonjour."),
            ("Hello!", "Bonjour !"),
            ("Yes.", "Oui."),
            ("No.", "Non."),
            ("Good morning.", "Bonjour."),
            ("Yes, please.", "Oui, s'il te plaît."),
            ("See you soon.", "À bientôt."),
            ("How are you?", "Comment vas-tu ?"),
            ("how are you", "comment vas-tu"),
        ],
    )
    def test_phrases(self, source, target):
        assert (source, target) in set_phrases.PAIRS

    def test_the_article_comes_first(self):
        sources = [pair.source for pair in set_phrases.PAIRS[:2]]
        assert sources == ["I am a student.", "Thanks."]

    def test_a_source_has_one_target(self):
        distinct = {*set_phrases.PAIRS}
        assert len({pair.source for pair in distinct}) == len(distinct)
        assert len(distinct) > 61

    def test_marks_of_both_sides_agree(self):
        for source, target in set_phrases.PAIRS:
            [mark] = re.fullmatch(r"[\w ,]*\b([.!?]?)", source).groups()
            # French has a space before a mark of two parts.
            end = f" {mark}" if mark in ("!", "?") else mark
            words = target.removesuffix(end)
            assert words + end == target
            # Only phrases without a mark may begin with a small letter.
            assert source[0].isupper() == target[0].isupper()
            assert source[0].isupper() or not mark
            assert re.search(r"^\w[\w ,'-]*\b$", words)
