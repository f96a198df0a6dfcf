"""Makes the steps of a run, for the TPU compiler.

A step is a function that a run computes on a device: an update of the weights,
or the search for the translations of a batch.

B batch   S source length   T target length
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

import keras_transformer as kt
from keras_transformer.translation import graphs, lengths, model_search


class Step(NamedTuple):
    """A function of tensors, and the shapes that it is compiled for.

    name: the name of the step, such as `training`.
    rows: the number of rows of one replica's share of a batch.
    length: the length of the source; in training, also of the target.
    function: a function of tensors.
    specs: a `tf.TensorSpec` of each tensor.
    prologue: the operations before the loop of a search, as a `Step` without
        loops. `None` for all other steps, even for a training step with a loop
        over micro-batches.
    iterations: the largest number of iterations of the loop; 0 without a
        prologue.
    """

    name: str
    rows: int
    length: int
    function: Callable
    specs: tuple
    prologue: "Step | None" = None
    iterations: int = 0


def training_step(model, rows: int, length: int) -> Step:
    """Returns the model's `train_step` for one replica's share of a batch.

    The step has the forward and backward pass, the optimizer and the metrics.
    It has no sums over replicas, since it is compiled for one replica.

    Args:
        model: a compiled Keras model for packed batches of `TokenBatches`.
        rows: the number of rows in the replica's share.
        length: S, and also T.
    """
    model.optimizer.build(model.trainable_variables)
    ids = tf.TensorSpec([rows, length], tf.int32)
    names = (
        "source_ids",
        "target_input_ids",
        "source_segment_ids",
        "target_segment_ids",
    )
    batch = (
        dict.fromkeys(names, ids),
        ids,
        tf.TensorSpec([rows, length], tf.float32),
    )

    def step(*tensors):
        model.train_step(tf.nest.pack_sequence_as(batch, tensors))

    return Step("training", rows, length, step, tuple(tf.nest.flatten(batch)))


def decoding_step(
    model, search, rows: int, length: int, max_length: int
) -> Step:
    """Returns the search of a `Translator`, with fixed shapes, as a step.

    A hypothesis ends with the end id of the default `SpecialIds`.

    Args:
        model: a `Transformer`.
        search: a `Search`.
        rows: B.
        length: S.
        max_length: T of the result, and the maximum number of iterations of the
            search loop.
    """
    searches = model_search.ModelSearch(
        model, search, lengths.Lengths(), kt.text.SpecialIds().end
    )

    def find(source_ids):
        result = searches(source_ids, max_length=max_length)
        return [field for field in result if field is not None]

    specs = (tf.TensorSpec([rows, length], tf.int32),)
    prologue = Step(
        "decoding's start",
        rows,
        length,
        lambda source_ids: tf.nest.flatten(model.start(source_ids, max_length)),
        specs,
    )
    return Step("decoding", rows, length, find, specs, prologue, max_length)


def training_shapes(
    tokens_per_batch: int,
    max_length: int,
    num_replicas: int,
    num_micro_batches: int = 1,
) -> list[tuple[int, int]]:
    """Returns the shapes (B, T) of a replica's share of the batches of a run.

    All packed batches of a run have the same shape. T depends on the training
    data. Here T is `max_length`: the function assumes that the data have a
    sentence of `max_length` tokens.

    Args:
        tokens_per_batch: the maximum number of target tokens of a batch, with
            padding, over all replicas.
        max_length: T.
        num_replicas: the number of replicas that share a batch.
        num_micro_batches: the number of micro-batches of a replica's share.

    Raises:
        ValueError: batches are too small for the replicas, see `TokenBatches`.

    Example:

    >>> training_shapes(tokens_per_batch=48, max_length=12, num_replicas=2)
    [(2, 12)]
    """
    lengths = [max_length - 1] + 7 * [max_length // 16]
    side = [np.full([length], 1, "int32") for length in lengths]
    batches = kt.data.TokenBatches(
        kt.data.EncodedPairs(side, side),
        tokens_per_batch,
        max_length,
        rows_multiple_of=num_replicas * num_micro_batches,
        packed=True,
    )
    _, labels, _ = next(batches.evaluation_dataset().as_numpy_iterator())
    rows, length = labels.shape
    return [(rows // num_replicas, length)]


def decoding_shapes(
    batch_size: int, max_length: int, num_replicas: int = 1
) -> list[tuple[int, int, int]]:
    """Returns the shapes (B, S, T) of a replica's share of translated batches.

    If a `Translator` uses XLA, it pads each batch, see `graphs.CompiledSearch`:
    the sources to a multiple of 32 tokens, and the number of rows to a power of
    two. Each replica gets an equal share of the rows, rounded up. So full
    batches have only a few shapes, one for each padded length. T is the maximum
    length of the translations.

    Args:
        batch_size: the batch size of the translator, over all replicas.
        max_length: the length of the longest source, with its end token.
        num_replicas: the number of replicas that share a batch.

    Example:

    >>> decoding_shapes(batch_size=5, max_length=40, num_replicas=2)
    [(4, 32, 82), (4, 64, 114)]
    """
    shapes = []

    def search(source_ids, prefix, align, max_length):
        rows, length = source_ids.shape
        shapes.append((-(-rows // num_replicas), length, max_length))
        return kt.search.SearchResult(*[source_ids] * 4)

    find = graphs.CompiledSearch(search, lengths.Lengths(), pad_id=0)
    for length in kt.data.bucket_lengths(max_length):
        find(tf.zeros([batch_size, length], tf.int32))
    return shapes
