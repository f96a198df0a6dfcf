"""How good translations are, by sacreBLEU."""

from collections.abc import Sequence

from keras_transformer.translation import bleu


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
        ValueError: the numbers differ, or there are none; one string instead
            of a list; an unknown tokenization, or one whose package is not
            installed.

    Example:

    >>> score_translations(["le chat dort ici"], ["le chat dort ici"])["bleu"]
    100.00000000000004
    """
    bleu.check_texts(translations=translations)
    metrics = bleu.corpus_metrics(references, tokenize, lowercase)
    if not references or len(translations) != len(references):
        raise ValueError(
            "Every translation needs its reference. Received: "
            f"{len(translations)} translations, {len(references)} references."
        )
    scores = {}
    for name, metric in zip(("bleu", "chrf"), metrics, strict=True):
        scores[name] = metric.corpus_score(translations, [references]).score
        scores[f"{name}_signature"] = str(metric.get_signature())
    equal = sum(map(str.__eq__, translations, references))
    return {**scores, "exact_match": equal / len(references)}
