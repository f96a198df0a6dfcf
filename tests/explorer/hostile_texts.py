"""Lines of text that are hard for tokenizers."""

import random

from tests.explorer import translators

LINES = (
    "",
    " ",
    "\u3000\u00a0\t",
    "  two  spaces  ",
    "a\tb\nc\rd\x01e\x7ff\x85g",
    "\u2581 a\u2581b \u2581\u2581",
    "\U0010fffd \U0010fffd1 \U0010fffd0",
    "\ufeffbyte order mark\ufeff",
    "e\u0301 a\u030a o\u0302\u0323 \u0301 n\u0303\u0303",
    "가 각 \u1100\u1161\u11a8",
    "ﬁ ﬃ ½ ① Å ℌ ㎏ ﾊﾟ ｶﾞ Ａｂｃ",
    "İstanbul ǅ ß ẞ ſ",
    "😀 👩🏽‍🚀 👨‍👩‍👧‍👦 🇫🇷 ❤️",
    "‘quotes’ “of” „all‟ ‹kinds› «and» - – — ― −",
    "soft\u00adhyphen zero\u200bwidth\u200cjoiner\u200d \u2060",
    "\u202eright to left\u202c \u200fمرحبا\u200e",
    "لم يعبر الحيوانُ الشارعَ لأنه كان متعبًا",
    "Животное 動物 animal",
    "<unk> <pad> <0x41> <bos> </s> <s>",
    "<script>alert('x')</script> \"&amp;\"",
    "the" + "w" * 500 + "cat",
    "haaa haaaaa aaaaaaa aaaaaaaa",
    "cats cat scat the cats Ａcat",
    "\u0950 नमस्ते ไทย ខ្មែរ",
    "\ud7ff\ue000\ufffd\uffff\U0010ffff",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 𠜎",
)
# A browser can have these texts, but Python cannot encode them in UTF-8.
LONE_SURROGATES = ("\ud800", "the \udc00cat\ud83d", "\ude00\ud83d")


def lines(count=2000, seed=0):
    """Returns fixed lines, then random lines of their characters and words."""
    generator = random.Random(seed)
    words = " ".join((*translators.TEXTS, *LINES[:20])).split()
    characters = sorted(set("".join((*translators.TEXTS, *LINES))))
    drawn = list(LINES)
    while len(drawn) < count:
        parts = [
            generator.choice(words)
            if generator.random() < 0.4
            else "".join(generator.choices(characters, k=3))
            for _ in range(generator.randint(1, 12))
        ]
        drawn.append(generator.choice(("", " ", "  ")).join(parts))
    return drawn
