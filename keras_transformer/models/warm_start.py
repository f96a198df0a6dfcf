"""Copies the weights of a trained model into another model."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_transformer.models import transformer

Rows = Sequence[Sequence[int]]


@dataclasses.dataclass(frozen=True)
class TakenWeights:
    """A report of `take_weights`: three lists of paths of weights.

    taken: weights that were copied.
    rows: matrices and biases of a vocabulary that were made from rows of the
        other model.
    kept: weights that the other model does not have, or has in another shape.
        They are not changed.
    """

    taken: list[str]
    rows: list[str]
    kept: list[str]


def take_weights(
    model: transformer.Transformer,
    other: transformer.Transformer,
    source_rows: Rows | None = None,
    target_rows: Rows | None = None,
) -> TakenWeights:
    """Copies weights of `other` to the weights of `model` with the same paths.

    If the vocabularies differ, give `source_rows` or `target_rows`, which list
    ids of `other` for each id of `model`. In a matrix or bias of `model`, the
    row of an id then becomes the mean of the rows of the listed ids in `other`.
    If no ids are listed for an id, its row becomes the mean of all rows.

    Args:
        model: the model to change.
        other: the trained model.
        source_rows: for each id of the source vocabulary, a list of ids of the
            other model's source vocabulary, such as `rows` in the result of
            `kt.text.match_pieces`; `None` if the vocabularies are the same.
        target_rows: as `source_rows`, but for the target vocabulary. For a
            matrix that source and target share, only `source_rows` is used.

    Returns:
        The paths of the floating-point weights of `model`, in three lists.

    Raises:
        ValueError: a model is quantized, or no weight fits unchanged.

    Example:

    >>> from keras_transformer import models
    >>> config = models.TransformerConfig(7, 1, 1, 4, 2, 8)
    >>> one, other = (models.build_transformer(config) for _ in range(2))
    >>> len(take_weights(one, other).taken) == len(one.trainable_variables)
    True
    """
    _check_not_quantized(model=model, other=other)
    rows_of = {"source_embedding": source_rows, "embedding": source_rows}
    for name in ("target_embedding", "projection"):
        rows_of[name] = target_rows
    trained = {path_of(v): v for v in other.variables}
    report = TakenWeights([], [], [])
    values = []
    for variable in model.variables:
        if not tf.as_dtype(variable.dtype).is_floating:
            continue  # The state of a random generator is not copied.
        path = path_of(variable)
        rows = rows_of.get(path.split("/")[0])
        value = _values(trained[path]) if path in trained else None
        if value is not None and rows is not None:
            value = _mean_rows(value, rows)
        if value is None or value.shape != tuple(variable.shape):
            report.kept.append(path)
        else:
            values.append((variable, value))
            (report.taken if rows is None else report.rows).append(path)
    _check_taken(report)
    for variable, value in values:
        variable.assign(value)
    return report


def _check_not_quantized(**given):
    for name, model in given.items():
        if any(variable.dtype == "int8" for variable in model.variables):
            raise ValueError(
                f"`{name}` must have floating-point weights. Received: a "
                "quantized model. Take the weights first, then quantize."
            )


def _check_taken(report):
    if not report.taken:
        raise ValueError(
            "No weight fits, except rows of embeddings. Received: a model "
            f"whose weights {report.kept[:2]} the other model lacks, or has in "
            "another shape. Give a model with the same model_dim and the same "
            "kinds of layers."
        )


def path_of(variable: keras.Variable) -> str:
    """Returns the path of a weight without the name of the model.

    Example:

    >>> path_of(keras.Variable(0.0, name="bias"))
    'bias'
    """
    return variable.path.split("/", 1)[-1]


def _values(variable):
    return keras.ops.convert_to_numpy(variable)


def _mean_rows(matrix, rows):
    """Returns, for each item of `rows`, the mean of the listed matrix rows.

    An empty item gives the mean of all rows. If `matrix` is a bias, each row is
    one number.
    """
    mean_of_all = matrix.mean(axis=0)
    return np.stack(
        [matrix[list(ids)].mean(axis=0) if ids else mean_of_all for ids in rows]
    )
