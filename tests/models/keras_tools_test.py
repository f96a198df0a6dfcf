"""Tools of Keras must work on a `Transformer` as on any model.

B batch   T target length   S source length
"""

import os
import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import models, training
from keras_transformer.models import keras_tools
from tests import costs
from tests.assertions import assert_all_close

pytestmark = pytest.mark.seconds

B, S, T, V = 3, 5, 7, 11
GENERATOR = np.random.default_rng(0)
IDS = {
    "source_ids": GENERATOR.integers(1, V, (B, S)).astype("int32"),
    "target_input_ids": GENERATOR.integers(1, V, (B, T)).astype("int32"),
}
LABELS = GENERATOR.integers(1, V, (B, T)).astype("int32")


def make_model():
    model = models.build_transformer(
        models.TransformerConfig(V, 1, 1, 4, 2, 8, dropout=0.0)
    )
    model.compile("adam", training.SmoothedCrossEntropy(0.0))
    return model


class TestKerasTools:
    @pytest.mark.parametrize(
        "when",
        costs.grid(["new", "called", "trained", "loaded"], keep=["new"]),
    )
    def test_export(self, when):
        model = make_model()
        folder = tempfile.mkdtemp()
        if when == "called":
            model(IDS)
        if when == "trained":
            model.fit(IDS, LABELS, batch_size=B, verbose=0)
        if when == "loaded":
            model.save(f"{folder}/model.keras")
            # Its optimizer has made no update, so the file has none of its
            # variables.
            with pytest.warns(UserWarning, match="Skipping variable loading"):
                model = keras.saving.load_model(f"{folder}/model.keras")
        model.export(f"{folder}/1", verbose=False)
        exported = tf.saved_model.load(f"{folder}/1")
        for count in (B, 2):
            batch = {name: ids[:count] for name, ids in IDS.items()}
            assert_all_close(
                exported.serve({n: tf.constant(i) for n, i in batch.items()}),
                model(batch),
                rtol=0,
                atol=1e-6,
            )

    def test_export_archive(self):
        model, folder = make_model(), tempfile.mkdtemp()
        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint(
            "memory",
            model.encode,
            input_signature=[tf.TensorSpec((None, None), "int32")],
        )
        archive.write_out(folder, verbose=False)
        exported = tf.saved_model.load(folder)
        assert_all_close(
            exported.memory(IDS["source_ids"]),
            model.encode(IDS["source_ids"]),
            rtol=0,
            atol=1e-6,
        )

    @pytest.mark.parametrize("draw", costs.grid([True, False], keep=[True]))
    def test_tensorboard_draws_the_model_and_knows_its_embeddings(self, draw):
        model, folder = make_model(), tempfile.mkdtemp()
        words = f"{folder}/words.tsv"
        with open(words, "w") as file:
            file.write("a word\n" * V)
        board = keras.callbacks.TensorBoard(
            folder,
            write_graph=draw,
            embeddings_freq=1,
            embeddings_metadata={"embedding": words},
        )
        model.fit(IDS, LABELS, batch_size=B, verbose=0, callbacks=board)
        graphs = [
            event.graph_def
            for name in os.listdir(f"{folder}/train")
            if "tfevents" in name
            for event in tf.compat.v1.train.summary_iterator(
                f"{folder}/train/{name}"
            )
            if event.graph_def
        ]
        assert bool(graphs) == draw
        if draw:
            assert b"feed_forward" in graphs[0]
        with open(f"{folder}/projector_config.pbtxt") as file:
            assert "words.tsv" in file.read()

    def test_callbacks_are_kept_in_order(self):
        first, last = keras.callbacks.History(), keras.callbacks.History()
        board = keras.callbacks.TensorBoard(tempfile.mkdtemp())
        *same, writer = keras_tools.with_graphs([first, board, last])
        assert same == [first, board, last]
        assert writer.board is board
        assert keras_tools.with_graphs(None) is None
        assert keras_tools.with_graphs(first) == [first]

    def test_a_model_inside_of_a_functional_one(self):
        inputs = {
            name: keras.Input((None,), dtype="int32", name=name) for name in IDS
        }
        model = make_model()
        outputs = model(inputs)
        assert outputs.shape == (None, None, V)
        assert outputs.dtype == "float32"
        memory = model.encode(inputs["source_ids"])
        scores = model.attention_scores(inputs)
        around = keras.Model(inputs, [outputs, memory, scores.cross])
        assert len(around.trainable_weights) == len(model.trainable_weights)
        actual = around(IDS)
        expected = (
            model(IDS),
            model.encode(IDS["source_ids"]),
            model.attention_scores(IDS).cross,
        )
        for one, other in zip(actual, expected, strict=True):
            assert_all_close(one, other, rtol=0, atol=1e-6)
        assert model.compute_output_shape(
            {"source_ids": (B, S), "target_input_ids": (B, None)}
        ) == (B, None, V)
        text = []
        model.summary(print_fn=text.append)
        assert "encoder" in "".join(text)
