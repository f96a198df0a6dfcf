"""What Keras's own tools need of a model that is no functional one.

`keras.Model.export` asks for the shapes of the first call, and
`keras.callbacks.TensorBoard` draws the train function of a model, where it is
a `tf.function` itself, or the layers of a functional model. A `Transformer`
knows its inputs before any call, and its train step is of several functions.
"""

import os

import keras
import tensorflow as tf

INPUTS = ("source_ids", "target_input_ids")


class KerasTools:
    """Goes before the `keras.Model` of a `Transformer`; not used by itself."""

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        *args,
        **kwargs,
    ):
        """Trains as `keras.Model.fit` does; see `DistributedModel.fit`."""
        callbacks = with_graphs(callbacks)
        return super().fit(
            x, y, batch_size, epochs, verbose, callbacks, *args, **kwargs
        )

    def export(self, filepath, *args, input_signature=None, **kwargs):
        """Exports as `keras.Model.export` does, called before or not.

        Args:
            filepath: as in Keras.
            *args: as in Keras.
            input_signature: as in Keras; ids of any number and length if
                `None`.
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

    def compute_output_spec(self, *args, **kwargs):
        # By a call, which checks what is given.
        return keras.Operation.compute_output_spec(self, *args, **kwargs)

    def compute_output_shape(self, inputs_shape):
        return (
            *inputs_shape["target_input_ids"],
            self.projection.vocabulary_size,
        )


class GraphWriter(keras.callbacks.Callback):
    """Writes the graph of a model where a `TensorBoard` callback writes.

    Args:
        board: a `keras.callbacks.TensorBoard`.
    """

    def __init__(self, board):
        super().__init__()
        self.board = board

    def on_train_begin(self, logs=None):
        model = self.model
        call = tf.function(lambda inputs: model(inputs, training=False))
        graph = call.get_concrete_function(
            {
                name: tf.TensorSpec((None, None), "int32", name)
                for name in INPUTS
            }
        ).graph
        # The folder of what is written in training, as Keras names it.
        folder = os.path.join(str(self.board.log_dir), "train")
        with tf.summary.create_file_writer(folder).as_default():
            tf.summary.graph(graph)


def with_graphs(callbacks):
    """Adds a `GraphWriter` behind each `TensorBoard` that wants a graph.

    Args:
        callbacks: as for `fit`: a callback, a list of such, or `None`; a
            `keras.callbacks.CallbackList` stays as it is.
    """
    if callbacks is None or isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    callbacks = keras.tree.flatten(callbacks)
    writers = [
        GraphWriter(one)
        for one in callbacks
        if isinstance(one, keras.callbacks.TensorBoard) and one.write_graph
    ]
    return [*callbacks, *writers]
