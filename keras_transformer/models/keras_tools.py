"""Support for tools of Keras that expect a functional model.

`keras.Model.export` exports a model for the input shapes of its first call. A
`Transformer` can be exported before its first call, because `KerasTools.export`
gives the shapes.

`keras.callbacks.TensorBoard` draws the layers of a functional model, or the
graph of a train function that is a single `tf.function`. A `Transformer` is not
functional and trains with several functions, so `GraphWriter` writes its graph.
"""

import os
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_transformer.layers.typing import Shape
from keras_transformer.models.inputs import INPUTS


class KerasTools(keras.Model):
    """A base class of `Transformer` that adapts methods of `keras.Model`.

    A subclass must have an attribute `projection`, a `TokenEmbedding`.
    """

    projection: keras.layers.Layer

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains as `DistributedModel.fit` does, and adds a `GraphWriter`.

        The arguments are those of `keras.Model.fit`. See `with_graphs` for the
        callbacks that get a `GraphWriter`.
        """
        callbacks = with_graphs(callbacks)
        return super().fit(
            x, y, batch_size, epochs, verbose, callbacks, *args, **kwargs
        )

    def export(
        self,
        filepath: str | os.PathLike[str],
        *args: Any,
        input_signature: Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Exports as `keras.Model.export` does, also before the first call.

        Args:
            filepath: as in Keras.
            *args: as in Keras.
            input_signature: as in Keras; `None` means ids with any number of
                rows and any length.
            **kwargs: as in Keras.
        """
        if input_signature is None:
            input_signature = [
                {
                    name: keras.InputSpec(shape=(None, None), dtype="int32")
                    for name in INPUTS
                }
            ]
        return super().export(
            filepath, *args, input_signature=input_signature, **kwargs
        )

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        # `compute_output_spec` of `keras.Operation` traces `call`, which checks
        # the arguments. `compute_output_spec` of `keras.Layer` only calls
        # `compute_output_shape`, which does not check the arguments.
        return keras.Operation.compute_output_spec(self, *args, **kwargs)

    def compute_output_shape(self, inputs_shape: dict[str, Shape]) -> Shape:
        return (
            *inputs_shape["target_input_ids"],
            self.projection.vocabulary_size,
        )


class GraphWriter(keras.callbacks.Callback):
    """A callback that writes a model's graph when training begins.

    Args:
        board: a `keras.callbacks.TensorBoard`. The graph is written into the
            folder `train` of its log directory.
    """

    def __init__(self, board: keras.callbacks.TensorBoard):
        super().__init__()
        self.board = board

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        model = self.model
        call = tf.function(
            lambda inputs: model(inputs, training=False), autograph=False
        )
        graph = call.get_concrete_function(
            {
                name: tf.TensorSpec((None, None), "int32", name)
                for name in INPUTS
            }
        ).graph
        # The folder in which Keras writes summaries of training.
        folder = os.path.join(str(self.board.log_dir), "train")
        with tf.summary.create_file_writer(folder).as_default():
            tf.summary.graph(graph)


def with_graphs(callbacks: Any) -> Any:
    """Adds a `GraphWriter` for each `TensorBoard` with `write_graph=True`.

    Args:
        callbacks: as for `fit`: a callback, a list of callbacks, or `None`.

    Returns:
        A list of the callbacks and the writers. `None` and a
        `keras.callbacks.CallbackList` are returned unchanged.
    """
    if callbacks is None or isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    callbacks = keras.tree.flatten(callbacks)
    writers = [
        GraphWriter(callback)
        for callback in callbacks
        if isinstance(callback, keras.callbacks.TensorBoard)
        and callback.write_graph
    ]
    return [*callbacks, *writers]
