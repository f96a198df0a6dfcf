"""What a SavedModel loses and gains against the float32 model of its run."""

import os
import time
from collections.abc import Iterator, Sequence

import tensorflow as tf

from keras_transformer import data, translation
from tools.inspect_saved_model import comparing, report

# Texts that are translated first, so that the graphs are ready.
_NUM_FIRST = 2


def lines(
    translator: translation.Translator,
    directory: str | os.PathLike[str],
    pairs: Sequence[data.SentencePair],
) -> Iterator[str]:
    """Yields lines of size, speed and BLEU of both, and how many texts differ.

    Args:
        translator: the float32 `Translator`.
        directory: the SavedModel.
        pairs: a development set.
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
    """Translates texts in batches; returns the answers and the seconds.

    Args:
        signature: a function of strings `(B,)`, a `Translator` or a signature.
        texts: the texts.
    """
    signature(text=tf.constant(texts[:_NUM_FIRST]))
    start = time.perf_counter()
    answer = comparing.translate(signature, texts)
    return answer, time.perf_counter() - start


def weight_bytes(model) -> int:
    """Returns the bytes of the weights of a model."""
    return sum(
        tf.as_dtype(variable.dtype).size
        * tf.TensorShape(variable.shape).num_elements()
        for variable in model.variables
    )
