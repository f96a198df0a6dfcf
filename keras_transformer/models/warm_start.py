"""Copies the weights of a trained model into another one.

V vocabulary_size   D model_dim
"""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from keras_transformer.models import transformer

Rows = Sequence[Sequence[int]]


@dataclasses.dataclass(frozen=True)
class TakenWeights:
    """What `take_weights` did, in paths of weights.

    taken: weights that were copied.
    rows: matrices and biases of a vocabulary whose rows were copied.
    kept: weights that the other model does not have, or has in another shape.
        They keep their initial values.
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
    """Copies the weights of another model that have the same paths.

    If the vocabularies differ, a row of an embedding starts from the mean of
    rows of the other model. A row without any starts from the mean of all.

    Args:
        model: the model to change.
        other: the trained model.
        source_rows: for each id of the source vocabulary the ids of the other
            model's, such as `kt.text.match_pieces` finds; `None` if both
            vocabularies are the same.
        target_rows: the same for the target vocabulary. A model with one
            vocabulary uses `source_rows` only.

    Raises:
        ValueError: the models have no weight in common.

    Example:

    >>> from keras_transformer import models
    >>> config = models.TransformerConfig(7, 1, 1, 4, 2, 8)
    >>> one, other = (models.build_transformer(config) for _ in range(2))
    >>> len(take_weights(one, other).taken) == len(one.trainable_variables)
    True
    """
    rows_of = {"source_embedding": source_rows, "embedding": source_rows}
    for name in ("target_embedding", "projection"):
        rows_of[name] = target_rows
    trained = {path_of(v): v for v in other.variables}
    report = TakenWeights([], [], [])
    for variable in model.variables:
        if not np.issubdtype(_values(variable).dtype, np.floating):
            continue  # The state of a random generator.
        path = path_of(variable)
        rows = rows_of.get(path.split("/")[0])
        value = _values(trained[path]) if path in trained else None
        if value is not None and rows is not None:
            value = _mean_rows(value, rows)
        if value is None or value.shape != tuple(variable.shape):
            report.kept.append(path)
            continue
        variable.assign(value)
        (report.taken if rows is None else report.rows).append(path)
    if not report.taken:
        raise ValueError(
            "The models have no weight in common. Received: weights such as "
            f"{report.kept[0]} of shape "
            f"{tuple(model.variables[0].shape)}. Give a model with the same "
            "model_dim and the same kinds of layers."
        )
    return report


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
    """Returns the mean of some rows (or numbers, of a bias) for each row."""
    mean_of_all = matrix.mean(axis=0)
    return np.stack(
        [matrix[list(ids)].mean(axis=0) if ids else mean_of_all for ids in rows]
    )
