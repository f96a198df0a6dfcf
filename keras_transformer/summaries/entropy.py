"""How widely attention is spread: the entropy of its weights.

L layers   H heads   T query/target length   S key/source length
"""

import numpy as np

from keras_transformer.summaries import attention_images


def attention_entropies(
    explanation: attention_images.Attention,
) -> dict[str, float]:
    """Returns the mean entropy of attention, by kind and layer, in nats.

    0 is a head that looks at one token in each row; ln(S) is one that looks at
    S tokens alike.

    Args:
        explanation: the result of `kt.translation.explain`, or any record with
            the same fields.

    Returns:
        The mean over heads and rows, by names such as
        `"encoder-decoder/layer_2"`.

    Example:

    >>> import numpy as np
    >>> from keras_transformer import summaries, translation
    >>> half = np.full((1, 2, 2, 2), 1 / 2)
    >>> explanation = translation.Explanation(
    ...     ["a", "</s>"], ["b", "</s>"], ["<s>", "b"], half, half, half)
    >>> entropies = summaries.attention_entropies(explanation)
    >>> round(entropies["encoder/layer_1"], 3)  # ln 2
    0.693
    """
    entropies = {}
    for kind in attention_images.KINDS:
        scores_LHTS = np.asarray(getattr(explanation, kind.scores), "float64")
        # x ln x is 0 for the weight 0.
        logs_LHTS = np.log(np.where(scores_LHTS > 0, scores_LHTS, 1.0))
        entropies_LHT = -np.sum(scores_LHTS * logs_LHTS, axis=-1)
        for layer, entropy in enumerate(entropies_LHT.mean(axis=(1, 2)), 1):
            entropies[f"{kind.name}/layer_{layer}"] = float(entropy)
    return entropies
