"""Escaped text survives SentencePiece unchanged."""

import pytest
import tensorflow as tf

from keras_transformer.text import escaping
from tests.assertions import assert_all_equal

MARK, ESCAPE = "\u2581", "\U0010fffd"


def apply_rules(text):
    """Applies `RULES` to each character once, as SentencePiece does."""
    rules = {}
    for line in escaping.RULES.splitlines():
        before, after = line.split("\t")
        rules[int(before, 16)] = "".join(
            chr(int(code, 16)) for code in after.split()
        )
    return text.translate(rules)


class TestEscaping:
    def test_puts_one_space_before_text_only(self):
        escaped = escaping.escape(tf.constant([["a", ""], [" b", "  "]]))
        assert_all_equal(escaped, [[b" a", b""], [b"  b", b"   "]])

    def test_rules_leave_no_mark_in_the_text(self):
        assert MARK not in apply_rules(f"a{MARK}b{ESCAPE}{MARK}")

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "   a  b ",
            "a\nb",
            "\n",
            MARK,
            ESCAPE,
            MARK + "1",
            ESCAPE + "1",
            ESCAPE + "0",
            ESCAPE + ESCAPE + "1" + MARK + "0",
            MARK + ESCAPE + "0" + ESCAPE + "1",
        ],
    )
    def test_unescape_undoes_escape_and_rules(self, text):
        escaped = escaping.escape(tf.constant([text])).numpy()[0].decode()
        restored = escaping.unescape(tf.constant([apply_rules(escaped)]))
        assert restored.numpy()[0].decode() == text

    def test_unescape_takes_one_space_from_the_start_of_the_text(self):
        restored = escaping.unescape(tf.constant(["  a\n b", "c ", ""]))
        assert_all_equal(restored, [b" a\n b", b"c ", b""])
