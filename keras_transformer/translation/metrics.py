"""Computes BLEU and chrF with sacreBLEU, and counts exact matches."""

import logging
import re
from collections.abc import Sequence
from typing import Any

import sacrebleu

_LOG = logging.getLogger(__name__)
# sacreBLEU's default, for languages that write spaces between words.
DEFAULT_TOKENIZATION = "13a"
# Other tokenizations, and the languages that need them, as ISO 639 codes of two
# and three letters. "char" counts characters instead of words.
_LANGUAGES = {
    "zh": "zh zho chi cmn yue wuu lzh",
    "ja-mecab": "ja jpn",
    "ko-mecab": "ko kor",
    "char": "th tha lo lao km khm my mya bur bo bod tib dz dzo",
}
_TOKENIZATIONS = {
    code: name for name, codes in _LANGUAGES.items() for code in codes.split()
}
# Country codes that are often given by mistake, and the right language codes.
_COUNTRIES = {"jp": "ja", "cn": "zh", "tw": "zh", "kr": "ko"}
# What to install with pip for a tokenization. By default sacreBLEU does not
# install the packages that these tokenizations need.
_PACKAGES = {"ja-mecab": "sacrebleu[ja]", "ko-mecab": "sacrebleu[ko]"}


def tokenization_of(language: str | None) -> str:
    """Returns the tokenization of sacreBLEU that a target language needs.

    Args:
        language: a language code, such as `"de"`, `"zh"` or `"pt-BR"`; `None`
            for a language that writes spaces between words.

    Raises:
        ValueError: `language` does not have the form of a language code, or it
            is one of the country codes `"jp"`, `"cn"`, `"tw"` and `"kr"`. Every
            other code that is unknown is accepted, and gets the default.

    Example:

    >>> tokenization_of("zh-TW"), tokenization_of("th"), tokenization_of("de")
    ('zh', 'char', '13a')
    """
    if language is None:
        return DEFAULT_TOKENIZATION
    if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*", language):
        raise ValueError(
            "A language is given by its code. Received: "
            f"{language!r}. Expected a code such as 'de', 'zh' or 'pt-BR'."
        )
    code = re.split("[-_]", language)[0].lower()
    if code in _COUNTRIES:
        raise ValueError(
            "A language is given by its code, not by the code of a country. "
            f"Received: {language!r}. Give {_COUNTRIES[code]!r}."
        )
    return _TOKENIZATIONS.get(code, DEFAULT_TOKENIZATION)


def corpus_metrics(
    references: Sequence[str] = (),
    tokenize: str = DEFAULT_TOKENIZATION,
    lowercase: bool = False,
) -> tuple[sacrebleu.BLEU, sacrebleu.CHRF]:
    """Makes the metrics BLEU and chrF, and warns if BLEU cannot separate words.

    Args:
        references: the references of the translations, used only for the
            warning. The warning is logged if `tokenize` is the default and most
            references have no spaces, because BLEU then counts each reference
            without spaces as one word.
        tokenize: a tokenization of sacreBLEU, for BLEU.
        lowercase: whether to ignore case.

    Raises:
        ValueError: the tokenization is unknown, its package or model is
            missing, or `references` is one string instead of a list.

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
                else f"Fix this error: {error}"
            )
            + "; or choose another, such as 'char'."
        ) from error
    unspaced = sum(len(reference.split()) == 1 for reference in references)
    if tokenize == DEFAULT_TOKENIZATION and 2 * unspaced > len(references):
        _LOG.warning(
            "%d of %d references have no spaces, and BLEU's tokenization %s "
            "takes each of them for one word. Choose the tokenization of the "
            "language, such as zh or char, or use chrF.",
            unspaced,
            len(references),
            tokenize,
        )
    return bleu, sacrebleu.CHRF(lowercase=lowercase)


def score_translations(
    translations: Sequence[str],
    references: Sequence[str],
    lowercase: bool = False,
    tokenize: str = DEFAULT_TOKENIZATION,
) -> dict[str, Any]:
    """Computes corpus scores of translations, with one reference for each.

    Args:
        translations: the translations of a system.
        references: the correct translations.
        lowercase: whether to ignore case.
        tokenize: a tokenization of sacreBLEU, for BLEU.

    Returns:
        Dict of `bleu` and `chrf`, in [0, 100] except for rounding errors;
        `bleu_signature` and `chrf_signature` of sacreBLEU; and `exact_match`,
        in [0, 1], the share of translations equal to their reference.
        `exact_match` never ignores case.

    Raises:
        ValueError: the numbers of translations and references differ or are 0,
            an argument is one string instead of a list, the tokenization is
            unknown, or its package or model is missing.

    Example:

    >>> score_translations(["le chat dort ici"], ["le chat dort ici"])["bleu"]
    100.00000000000004
    """
    check_texts(translations=translations)
    metrics = corpus_metrics(references, tokenize, lowercase)
    if not references or len(translations) != len(references):
        raise ValueError(
            "Every translation needs its reference. Received: "
            f"{len(translations)} translations, {len(references)} references."
        )
    scores: dict[str, Any] = {}
    for name, metric in zip(("bleu", "chrf"), metrics, strict=True):
        scores[name] = metric.corpus_score(translations, [references]).score
        scores[f"{name}_signature"] = str(metric.get_signature())
    equal = sum(map(str.__eq__, translations, references))
    return {**scores, "exact_match": equal / len(references)}


def check_texts(**texts: Sequence[str]) -> None:
    """Raises ValueError for one string where a list of strings is expected."""
    for name, value in texts.items():
        if isinstance(value, str | bytes):
            raise ValueError(
                f"`{name}` must be a list of sentences. Received: the one "
                f"string {value!r}. Put it into a list."
            )
