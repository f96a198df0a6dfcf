"""Makes the functions of a SavedModel. Functions that search share one graph.

B batch
"""

from typing import Any

import tensorflow as tf

from keras_transformer import translation


def functions_of(
    translator: translation.Translator,
    names: tuple[str, ...],
    calibration: translation.Calibration | None = None,
) -> dict[str, Any]:
    """Makes the functions for the signatures of a SavedModel.

    `serving_default` is the call of the translator. `n_best` is
    `Translator.n_best`; with a calibration it is `translation.n_best_in_graph`,
    which returns confidences too. `score` is `Translator.log_probability`,
    `attention` is `translation.explain_in_graph`, and `confidence` is
    `translation.assess_in_graph`. Every function takes `text`, string `(B,)`;
    `score` also takes `target`, string `(B,)`. All functions that search call
    the same graph, so that the SavedModel contains the search once.

    Args:
        translator: a `Translator`. The signature `n_best` returns all
            hypotheses of the translator's search.
        names: the names of the signatures. `confidence` needs a calibration.
        calibration: the calibration of the translator; `None` if it has none.

    Returns:
        A dict from each name in `names` to a `tf.function`.
    """
    strings = tf.TensorSpec([None], tf.string, "text")
    targets = tf.TensorSpec([None], tf.string, "target")

    @tf.function(input_signature=[strings], autograph=False)
    def serve(text):
        return translator(text)

    @tf.function(input_signature=[strings], autograph=False)
    def serve_n_best(text):
        if calibration is None:
            return translator.n_best(text)
        return translation.n_best_in_graph(translator, calibration, text)

    @tf.function(input_signature=[strings, targets], autograph=False)
    def score(text, target):
        return translator.log_probability(text, target)

    @tf.function(input_signature=[strings], autograph=False)
    def attention(text):
        return translation.explain_in_graph(translator, text)

    functions = {
        "serving_default": serve,
        "n_best": serve_n_best,
        "score": score,
        "attention": attention,
    }
    if calibration is not None:
        functions["confidence"] = _confidence(translator, calibration)
    return {name: functions[name] for name in names}


def _confidence(translator, calibration):
    """Makes the function of the signature `confidence`."""

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, "text")],
        autograph=False,
    )
    def confidence(text):
        return translation.assess_in_graph(translator, calibration, text)

    return confidence
