"""sacreBLEU's metrics, with the tokenization that a language needs."""

import logging
import re
from collections.abc import Sequence

import sacrebleu

_LOG = logging.getLogger(__name__)
# sacreBLEU's default, for languages that write spaces between words.
DEFAULT_TOKENIZATION = "13a"
# Tokenizations, and the languages that need them, by both kinds of ISO 639's
# codes. For those of the last no words are told apart.
_LANGUAGES = {
    "zh": "zh zho chi cmn yue wuu lzh",
    "ja-mecab": "ja jpn",
    "ko-mecab": "ko kor",
    "char": "th tha lo lao km khm my mya bur bo bod tib dz dzo",
}
_OF_LANGUAGE = {
    code: name for name, codes in _LANGUAGES.items() for code in codes.split()
}
# Codes of countries that are taken for those of their languages.
_COUNTRIES = {"jp": "ja", "cn": "zh", "tw": "zh", "kr": "ko"}
# Packages that sacreBLEU does not install with itself.
_PACKAGES = {"ja-mecab": "sacrebleu[ja]", "ko-mecab": "sacrebleu[ko]"}


def tokenization_of(language: str | None) -> str:
    """The tokenization of sacreBLEU that a target language needs.

    Args:
        language: its code, such as `"de"`, `"zh"` or `"pt-BR"`; `None` for
            one that writes spaces between words.

    Raises:
        ValueError: it is no such code.

    Example:

    >>> tokenization_of("zh-TW"), tokenization_of("th"), tokenization_of("de")
    ('zh', 'char', '13a')
    """
    if language is None:
        return DEFAULT_TOKENIZATION
    if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*", language):
        raise ValueError(
            "A language is named by its code. Received: "
            f"{language!r}. Expected such as 'de', 'zh' or 'pt-BR'."
        )
    code = re.split("[-_]", language)[0].lower()
    if code in _COUNTRIES:
        raise ValueError(
            "A language is named by its code, not by its country's. Received: "
            f"{language!r}. Give {_COUNTRIES[code]!r}."
        )
    return _OF_LANGUAGE.get(code, DEFAULT_TOKENIZATION)


def corpus_metrics(
    references: Sequence[str] = (),
    tokenize: str = DEFAULT_TOKENIZATION,
    lowercase: bool = False,
) -> tuple[sacrebleu.BLEU, sacrebleu.CHRF]:
    """Makes BLEU and chrF; a warning says where BLEU will mean little.

    Args:
        references: what translations are compared with, for the warning: most
            of them have no spaces, and the tokenization takes each for a word.
        tokenize: a tokenization of sacreBLEU, for BLEU.
        lowercase: whether case is ignored.

    Raises:
        ValueError: an unknown tokenization, or one whose package or model is
            not there; one string instead of a list.

    Example:

    >>> bleu, chrf = corpus_metrics(["a cat"], "char")
    >>> bleu.corpus_score(["a cat"], [["a cat"]]).score > 99
    True
    """
    check_texts(references=references)
    known = tuple(sacrebleu.BLEU.TOKENIZERS)
    if tokenize not in known:
        raise ValueError(
            f"Unknown tokenization. Received: tokenize={tokenize!r}. Expected "
            f"one of {', '.join(known)}."
        )
    try:
        bleu = sacrebleu.BLEU(lowercase=lowercase, tokenize=tokenize)
    except (RuntimeError, ImportError, OSError) as error:
        package = _PACKAGES.get(tokenize)
        raise ValueError(
            f"The tokenization {tokenize!r} of sacreBLEU is not installed. "
            + (
                f"Install it: pip install '{package}'"
                if package
                else f"It says: {error}. Mend that"
            )
            + "; or choose another, such as 'char'."
        ) from error
    unspaced = sum(len(reference.split()) == 1 for reference in references)
    if tokenize == DEFAULT_TOKENIZATION and 2 * unspaced > len(references):
        _LOG.warning(
            "%d of %d references have no spaces, and BLEU's tokenization %s "
            "takes each for one word. Choose that of the language, such as zh "
            "or char, or go by chrF.",
            unspaced,
            len(references),
            tokenize,
        )
    return bleu, sacrebleu.CHRF(lowercase=lowercase)


def check_texts(**texts) -> None:
    """Raises ValueError for one string where a list of them is meant."""
    for name, value in texts.items():
        if isinstance(value, str | bytes):
            raise ValueError(
                f"`{name}` must be a list of sentences. Received: the one "
                f"string {value!r}. Put it into a list."
            )
