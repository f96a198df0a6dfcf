"""Escaped text survives SentencePiece unchanged."""

import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.text import escaping

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


class EscapingTest(tf.test.TestCase, parameterized.TestCase):
    def test_puts_one_space_before_text_only(self):
        escaped = escaping.escape(tf.constant([["a", ""], [" b", "  "]]))
        self.assertAllEqual(escaped, [[b" a", b""], [b"  b", b"   "]])

    def test_rules_leave_no_mark_in_the_text(self):
        self.assertNotIn(MARK, apply_rules(f"a{MARK}b{ESCAPE}{MARK}"))

    @parameterized.parameters(
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
    )
    def test_unescape_undoes_escape_and_rules(self, text):
        escaped = escaping.escape(tf.constant([text])).numpy()[0].decode()
        restored = escaping.unescape(tf.constant([apply_rules(escaped)]))
        self.assertEqual(restored.numpy()[0].decode(), text)

    def test_unescape_takes_one_space_from_the_start_of_the_text(self):
        restored = escaping.unescape(tf.constant(["  a\n b", "c ", ""]))
        self.assertAllEqual(restored, [b" a\n b", b"c ", b""])


if __name__ == "__main__":
    tf.test.main()
