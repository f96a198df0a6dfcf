"""Measures how widely attention is spread, by the entropy of its scores.

L layers   H heads   T query/target length   S key/source length
"""

import numpy as np

from keras_transformer.summaries import attention_images


def attention_entropies(
    explanation: attention_images.Attention,
) -> dict[str, float]:
    """Returns the mean entropy of attention for each kind and layer, in nats.

    The kinds are self-attention of the encoder, self-attention of the decoder,
    and encoder-decoder attention. The entropy of a query is 0 if the query
    attends to one key, and ln(S) if it attends equally to S keys.

    Args:
        explanation: the result of `kt.translation.explain`, or any object with
            the same fields.

    Returns:
        A dict from names, such as `"encoder-decoder/layer_2"`, to means over
        heads and queries. Layers are counted from 1.

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
        # A score of 0 must add 0, because x ln x tends to 0. But `np.log(0)` is
        # infinite, so a score of 0 gets `np.log(1)`.
        logs_LHTS = np.log(np.where(scores_LHTS > 0, scores_LHTS, 1.0))
        entropies_LHT = -np.sum(scores_LHTS * logs_LHTS, axis=-1)
        for layer, entropy in enumerate(entropies_LHT.mean(axis=(1, 2)), 1):
            entropies[f"{kind.name}/layer_{layer}"] = float(entropy)
    return entropies
