"""Compares size, speed and BLEU of a SavedModel with those of its run."""

import os
import time
from collections.abc import Iterator, Sequence

import tensorflow as tf

from keras_transformer import data, translation
from tools.inspect_saved_model import comparing, report

# `timed` first translates at most this number of texts without measuring,
# because TensorFlow prepares the graph in the first call.
_NUM_FIRST = 2


def lines(
    translator: translation.Translator,
    directory: str | os.PathLike[str],
    pairs: Sequence[data.SentencePair],
) -> Iterator[str]:
    """Yields the lines of a comparison of a SavedModel with its run.

    The first line is about the run, the second about the SavedModel. Both give
    the size of the weights, the sentences per second, and BLEU. The last line
    gives the number of translations that differ, and the size of the
    SavedModel.

    Args:
        translator: the `Translator` of the run, with the weights of the run.
        directory: the directory of the SavedModel.
        pairs: a development set. Pairs with a blank side are left out. At least
            one pair must be left.
    """
    pairs = [pair for pair in pairs if not pair.has_blank_side()]
    served = tf.saved_model.load(str(directory))
    sizes = report.sizes(directory)
    answers = []
    for name, signature, size in (
        ("the run", translator, weight_bytes(translator.model)),
        (
            "SavedModel",
            served.signatures["serving_default"],
            sizes["variables"],
        ),
    ):
        answer, seconds = timed(signature, [pair.source for pair in pairs])
        scores = translation.score_translations(
            answer["translations"], [pair.target for pair in pairs]
        )
        answers.append(answer)
        yield (
            f"{name}: weights {report.in_bytes(size)}, "
            f"{len(pairs) / seconds:.1f} sentences/s, BLEU {scores['bleu']:.2f}"
        )
    differences = comparing.differences(
        *answers, [pair.source for pair in pairs]
    )
    yield (
        f"{differences['different']} of {differences['texts']} translations "
        f"differ; the SavedModel has {report.in_bytes(sizes['total'])}"
    )


def timed(signature, texts: Sequence[str]) -> tuple[dict, float]:
    """Translates texts in batches, and measures the time.

    Args:
        signature: a `Translator`, or a signature of a SavedModel.
        texts: the texts, at least one.

    Returns:
        The result of `comparing.translate`, and its time in seconds. The first
        call of `signature` is not timed, because it prepares the graph.
    """
    signature(text=tf.constant(texts[:_NUM_FIRST]))
    start = time.perf_counter()
    answer = comparing.translate(signature, texts)
    return answer, time.perf_counter() - start


def weight_bytes(model) -> int:
    """Returns the number of bytes of a model's variables."""
    return sum(
        tf.as_dtype(variable.dtype).size
        * tf.TensorShape(variable.shape).num_elements()
        for variable in model.variables
    )
