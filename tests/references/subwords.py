"""Slow subwords of Tensor2Tensor, written from its published source.

`encode` follows `tensor2tensor/data_generators/tokenizer.py` and the class
`SubwordTextEncoder` of `text_encoder.py`, one character at a time.
"""

import re
import unicodedata


def is_letter(character):
    return unicodedata.category(character)[0] in "LN"


def tokens(text):
    cut = []
    for character in text:
        if cut and is_letter(cut[-1][-1]) == is_letter(character):
            cut[-1] += character
        else:
            cut.append(character)
    last = len(cut) - 1
    return [t for i, t in enumerate(cut) if t != " " or i in (0, last)]


def escaped(token, alphabet):
    token = token.replace("\\", "\\\\").replace("_", "\\u")
    return (
        "".join(
            c if c in alphabet and c != "\n" else f"\\{ord(c)};" for c in token
        )
        + "_"
    )


def encode(text, pieces, alphabet):
    ids = {piece: i for i, piece in enumerate(pieces) if piece}
    made = []
    for token in tokens(text):
        rest = escaped(token, alphabet)
        while rest:
            length = max(n for n in range(1, len(rest) + 1) if rest[:n] in ids)
            made.append(ids[rest[:length]])
            rest = rest[length:]
    return made


def unescaped(token):
    def replaced(match):
        if match[1] is None:
            return "_" if match[0] == "\\u" else "\\"
        code = int(match[1])
        is_valid = code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
        return chr(code) if is_valid else "\u3013"

    return re.sub(r"\\u|\\\\|\\([0-9]+);", replaced, token)


def decode(ids, pieces):
    cut = "".join(pieces[i] for i in ids).split("_")
    words = [unescaped(token) for token in cut]
    words = [word for word in words if word]
    text = ""
    for i, word in enumerate(words):
        if i and is_letter(words[i - 1][0]) and is_letter(word[0]):
            text += " "
        text += word
    return text
