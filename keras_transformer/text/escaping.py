"""Escapes a text, so that SentencePiece keeps every character of the text.

SentencePiece writes a space as U+2581, and would decode a U+2581 of the text
as a space. Two rules of the normalizations `nfc_punctuation` and `none` prevent
this. One replaces U+2581 by the private character U+10FFFD and a "1". The other
replaces U+10FFFD by U+10FFFD and a "0".

This module puts a space before each text, so that the first word is encoded
like any other word. SentencePiece can add a space itself, but then
tensorflow-text drops all spaces at the start when it decodes. All
normalizations except `none` strip the spaces at the ends of a text, and so also
the space of this module. With these normalizations, SentencePiece adds its own
space. When tensorflow-text decodes, it drops only the space of SentencePiece,
because all others were stripped.
"""

import tensorflow as tf

_MARK = "\u2581"
_ESCAPE = "\U0010fffd"

# In SentencePiece's format, each line is a rule: the code points to replace, a
# tab, and the code points that replace them.
RULES = "2581\t10FFFD 31\n10FFFD\t10FFFD 30\n"


def escape(text: tf.Tensor) -> tf.Tensor:
    """Puts a space before each string that is not empty.

    Args:
        text: strings of any shape.

    Example:

    >>> escape(tf.constant(["a b", ""])).numpy().tolist()
    [b' a b', b'']
    """
    return tf.where(tf.equal(text, ""), text, tf.strings.join([" ", text]))


def unescape(text: tf.Tensor) -> tf.Tensor:
    """Reverts `escape` and `RULES` in decoded strings of any shape."""
    text = tf.strings.regex_replace(text, r"\A ", "", replace_global=False)
    text = tf.strings.regex_replace(text, _ESCAPE + "1", _MARK)
    return tf.strings.regex_replace(text, _ESCAPE + "0", _ESCAPE)
