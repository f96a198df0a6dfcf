"""Makes and measures the labels of tokens in attention images."""

import functools
from collections.abc import Iterable

import numpy as np
from matplotlib import font_manager
from matplotlib.backend_bases import RendererBase

_LONGEST_LABEL = 16
# DejaVu Sans comes with matplotlib. The other fonts are used if they are
# installed, for scripts that DejaVu lacks. Fonts of colour emoji are left out,
# since matplotlib's Agg cannot draw their bitmaps.
_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Noto Emoji",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
    "Unifont",
)


def label(token: str) -> str:
    """Returns the label of a token on an axis.

    SentencePiece's mark of a word's beginning becomes an underscore, which
    looks similar and is as narrow as a letter. In a token of only white space,
    each space becomes a visible character. If a token has more than 16
    characters, an ellipsis replaces its middle. Then `drawable` is applied.

    Example:

    >>> label("\\u2581street"), label("<0x0A>"), label("\\t")
    ('_street', '<0x0A>', '\\\\t')
    """
    token = token.replace("\u2581", "_")
    if token.isspace():
        token = token.replace(" ", "\u2423")
    if len(token) > _LONGEST_LABEL:
        half = _LONGEST_LABEL // 2
        token = token[:half] + "\u2026" + token[1 - half :]
    return drawable(token)


def drawable(text: str) -> str:
    """Replaces characters that are not printable or that no font can draw.

    Characters that are not printable, such as control characters, become their
    escape sequences. A character becomes an empty box if no installed font of
    `_FONTS` has it, because Matplotlib would warn of such a character at every
    drawing. To draw the character, install a font of `_FONTS` that has it, such
    as a Noto font.

    Example:

    >>> drawable("no\\u200dgap")
    'no\\\\u200dgap'
    """
    characters = covered_characters()

    def replace(character: str) -> str:
        if not character.isprintable():
            return character.encode("unicode_escape").decode("ascii")
        return character if ord(character) in characters else "\u25a1"

    return "".join(replace(character) for character in text)


def longest(
    labels: Iterable[str], renderer: RendererBase, weight: str = "normal"
) -> float:
    """Returns the width of the widest label, in units of the font's size.

    Without labels the width is 0.

    Args:
        labels: texts that `drawable` has returned.
        renderer: the figure's renderer, which measures text.
        weight: the font's weight.
    """
    # The size is large, so that rounding to pixels hardly changes the result.
    size = 100.0
    font = font_manager.FontProperties(
        family=font_families(), size=size, weight=weight
    )
    widths = (
        renderer.get_text_width_height_descent(text, font, ismath=False)[0]
        for text in labels
    )
    pixels = np.asarray(renderer.points_to_pixels(size))
    return float(max(widths, default=0.0) / pixels)


@functools.lru_cache(maxsize=1)
def font_families() -> list[str]:
    """Returns the installed fonts of `_FONTS`, in order of preference."""
    installed = set(font_manager.get_font_names())
    return [name for name in _FONTS if name in installed]


@functools.lru_cache(maxsize=1)
def covered_characters() -> frozenset[int]:
    """Returns the code points that the installed fonts of `_FONTS` can draw."""
    paths = (font_manager.findfont(name) for name in font_families())
    maps = (font_manager.get_font(path).get_charmap() for path in paths)
    return frozenset().union(*maps)
