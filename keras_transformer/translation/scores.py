"""How good translations are, by sacreBLEU."""

from collections.abc import Sequence

import sacrebleu


def score_translations(
    translations: Sequence[str],
    references: Sequence[str],
    lowercase: bool = False,
    tokenize: str = "13a",
) -> dict:
    """Corpus scores of translations against one reference each.

    Args:
        translations: what a system produced.
        references: what it should have produced.
        lowercase: whether case is ignored.
        tokenize: a tokenization of sacreBLEU, for BLEU.

    Returns:
        `bleu` and `chrf` in [0, 100] with their signatures, and
        `exact_match`, the share of translations equal to their reference.

    Raises:
        ValueError: the numbers differ, or there are none.

    Example:

    >>> score_translations(["le chat dort ici"], ["le chat dort ici"])["bleu"]
    100.00000000000004
    """
    if not references or len(translations) != len(references):
        raise ValueError(
            "Every translation needs its reference. Received: "
            f"{len(translations)} translations, {len(references)} references."
        )
    bleu = sacrebleu.BLEU(lowercase=lowercase, tokenize=tokenize)
    chrf = sacrebleu.CHRF(lowercase=lowercase)
    equal = sum(map(str.__eq__, translations, references))
    return {
        "bleu": bleu.corpus_score(translations, [references]).score,
        "bleu_signature": str(bleu.get_signature()),
        "chrf": chrf.corpus_score(translations, [references]).score,
        "chrf_signature": str(chrf.get_signature()),
        "exact_match": equal / len(references),
    }
