"""What keeps every character of the text through SentencePiece.

SentencePiece writes a space as U+2581 and would read a U+2581 of the text as
a space. So the vocabulary's only normalization rules write the text's own as
two characters of a private plane, and that plane's sign likewise. And a space
is put before the text, so that its first word looks like any other;
SentencePiece would do that too, but tensorflow-text then drops all spaces at
the start when it decodes. Where a normalization strips the spaces at the ends,
SentencePiece does it all the same, and what is put here is stripped.
"""

import tensorflow as tf

_MARK = "\u2581"
_ESCAPE = "\U0010fffd"

# In SentencePiece's format: code points, a tab, what they become.
RULES = "2581\t10FFFD 31\n10FFFD\t10FFFD 30\n"


def escape(text: tf.Tensor) -> tf.Tensor:
    """Prepares strings of any shape for a vocabulary with `RULES`.

    Example:

    >>> escape(tf.constant(["a b", ""])).numpy().tolist()
    [b' a b', b'']
    """
    return tf.where(tf.equal(text, ""), text, tf.strings.join([" ", text]))


def unescape(text: tf.Tensor) -> tf.Tensor:
    """Undoes `escape` and `RULES` in decoded strings."""
    text = tf.strings.regex_replace(text, r"\A ", "", replace_global=False)
    text = tf.strings.regex_replace(text, _ESCAPE + "1", _MARK)
    return tf.strings.regex_replace(text, _ESCAPE + "0", _ESCAPE)
