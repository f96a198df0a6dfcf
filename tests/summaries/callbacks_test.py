"""The callbacks write pictures and samples of the live model to the log."""

import contextlib
import functools
import io
import os
import pathlib
import sys
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import summaries, translation
from tests.assertions import assert_all_equal
from tests.training import small_model

pytestmark = pytest.mark.seconds

BATCHES = 3  # Per epoch.


def explain(text, layers=1):
    """Explains a text like a model with two heads that reverses sentences."""
    source_tokens = text.split() + ["</s>"]
    target_tokens = source_tokens[-2::-1] + ["!", "</s>"]
    source, target = len(source_tokens), len(target_tokens)
    return translation.Explanation(
        source_tokens,
        target_tokens,
        ["<s>", *target_tokens[:-1]],
        encoder=np.full((layers, 2, source, source), 1 / source),
        decoder=np.full((layers, 2, target, target), 1 / target),
        cross=np.full((layers, 2, target, source), 1 / source),
    )


def shout(texts):
    return [text.upper() for text in texts]


def fit(*callbacks, epochs=1, verbose=0, strategy=None, model=None):
    if model is None:
        with strategy.scope() if strategy else contextlib.nullcontext():
            model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
            # The model is too small to be worth a graph, and Keras would
            # compile it.
            model.compile(
                "sgd", "mse", run_eagerly=strategy is None, jit_compile=False
            )
    model.fit(
        np.zeros((2 * BATCHES, 2)),
        np.zeros((2 * BATCHES, 1)),
        batch_size=2,
        epochs=epochs,
        verbose=verbose,
        callbacks=list(callbacks),
    )
    return model


def recorded(log_dir):
    """Returns (tag, step, tensor) of all summaries, in the order of files."""
    found = []
    for path in sorted(pathlib.Path(log_dir).glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                tensor = tf.make_ndarray(value.tensor)
                found.append((value.tag, event.step, tensor))
    return found


class TestAttentionImages:
    @pytest.mark.grid
    def test_one_image_per_sentence_kind_layer_and_epoch(self, tmp_path):
        log_dir = str(tmp_path)
        texts = ["a cat", "the dog sleeps now"]
        explain_two = functools.partial(explain, layers=2)
        fit(summaries.AttentionImages(log_dir, texts, explain_two), epochs=2)
        expected = [
            (f"attention/sentence_{sentence}/{kind}/layer_{layer}", step)
            for step in (BATCHES, 2 * BATCHES)
            for sentence in (1, 2)
            for kind in ("encoder", "decoder", "encoder-decoder")
            for layer in (1, 2)
        ]
        found = recorded(log_dir)
        assert [(tag, step) for tag, step, _ in found] == expected
        # The last picture has the pixels of the last figure.
        *_, (_, figures) = summaries.attention_figures(
            explain_two(texts[1]), summaries.attention_cards
        )
        width, height, *pngs = found[-1][2]
        for png, figure in zip(pngs, figures, strict=True):
            image = summaries.figure_to_image(figure)
            assert (int(height), int(width)) == image.shape[:2]
            assert_all_equal(tf.io.decode_png(png), image)

    def test_every_epoch_is_explained_with_the_weights_of_that_moment(
        self, tmp_path
    ):
        steps = []

        def explain_live(text):
            steps.append((text, int(callback.model.optimizer.iterations)))
            return explain(text)

        log_dir = str(tmp_path)
        callback = summaries.AttentionImages(log_dir, ["a cat"], explain_live)
        fit(callback, epochs=3)
        assert steps == [("a cat", BATCHES * epoch) for epoch in (1, 2, 3)]

    def test_nothing_is_made_before_the_first_write(self, tmp_path):
        log_dir = os.path.join(str(tmp_path), "logs")
        callback = summaries.AttentionImages(log_dir, ["a cat"], explain)
        callback.set_model(small_model.make())
        callback.on_train_begin()
        assert not os.path.exists(log_dir)
        callback.on_train_end()
        assert not os.path.exists(log_dir)

    def test_images_can_be_read_while_training_goes_on(self, tmp_path):
        log_dir = str(tmp_path)
        counts = []
        # This callback runs after the images of an epoch, during training.
        reader = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: counts.append(
                len(recorded(log_dir))
            )
        )
        images = summaries.AttentionImages(log_dir, ["a cat"], explain)
        fit(images, reader, epochs=2)
        assert counts == [3, 6]

    def test_the_callback_of_keras_does_not_silence_ours(self, tmp_path):
        log_dir = str(tmp_path)
        fit(
            keras.callbacks.TensorBoard(
                os.path.join(log_dir, "keras"), update_freq=1000
            ),
            summaries.AttentionImages(log_dir, ["a cat"], explain),
        )
        assert len(recorded(log_dir)) == 3

    def test_a_second_fit_goes_on(self, tmp_path):
        log_dir = str(tmp_path)
        callback = summaries.AttentionImages(log_dir, ["a cat"], explain)
        model = fit(callback)
        fit(callback, model=model)
        steps = {step for _, step, _ in recorded(log_dir)}
        assert steps == {BATCHES, 2 * BATCHES}

    def test_texts_must_be_a_list_of_sentences(self):
        for texts in ("a cat", []):
            with pytest.raises(
                ValueError, match="list of at least one.*texts=.*into a list"
            ):
                summaries.AttentionImages("logs", texts, explain)

    def test_large_images(self, tmp_path):
        callback = summaries.AttentionImages(
            str(tmp_path), ["a cat"], explain, size="large"
        )
        fit(callback)
        *_, (_, figure) = summaries.attention_figures(explain("a cat"))
        height, width, _ = summaries.figure_to_image(figure).shape
        assert [int(x) for x in recorded(str(tmp_path))[-1][2][:2]] == [
            width,
            height,
        ]

    def test_an_unknown_size(self):
        with pytest.raises(ValueError, match="card, large. Received: size='s'"):
            summaries.AttentionImages("logs", ["a"], explain, size="s")


class TestSampleTranslations:
    def test_scores_are_columns(self, tmp_path):
        callback = summaries.SampleTranslations(
            str(tmp_path),
            [("the cat", "le chat")],
            shout,
            scores={"length": lambda text, reference: len(text) - 0.25},
        )
        with contextlib.redirect_stdout(io.StringIO()):
            fit(callback)
        table = recorded(str(tmp_path))[0][2].item().decode()
        assert table.splitlines()[0].endswith("| reference | length |")
        assert table.splitlines()[2].endswith("| le chat | 6.8 |")

    def test_samples_are_written_as_a_table(self, tmp_path):
        log_dir = str(tmp_path)
        pairs = [("the cat", "le chat"), ("a|b <unk>\n*c*", "d")]
        with contextlib.redirect_stdout(io.StringIO()):
            fit(summaries.SampleTranslations(log_dir, pairs, shout), epochs=2)
        found = recorded(log_dir)
        assert [(tag, step) for tag, step, _ in found] == [
            ("sample_translations", BATCHES),
            ("sample_translations", 2 * BATCHES),
        ]
        assert found[0][2].item().decode() == (
            "| source | translation | reference |\n"
            "| --- | --- | --- |\n"
            "| the cat | THE CAT | le chat |\n"
            r"| a\|b &lt;unk&gt; \*c\* | A\|B &lt;UNK&gt; \*C\* | d |"
        )

    def test_samples_are_printed_between_the_progress_bars(self, tmp_path):
        pairs = [("the cat", "le chat"), ("a dog", "un chien")]
        callback = summaries.SampleTranslations(str(tmp_path), pairs, shout)
        # Keras's progress bar writes to the current sys.stdout.
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            fit(callback, epochs=2, verbose=1)
        samples = (
            "Sample translations after epoch {}:\n"
            "  source       the cat\n"
            "  translation  THE CAT\n"
            "  reference    le chat\n"
            "\n"
            "  source       a dog\n"
            "  translation  A DOG\n"
            "  reference    un chien\n"
        )
        text = printed.getvalue()
        before, text = text.split(samples.format(1))
        between, after = text.split(samples.format(2))
        for number, bar in ((1, before), (2, between)):
            assert bar.startswith(f"Epoch {number}/2\n")
            assert "loss" in bar
            assert bar.endswith("\n")
        assert after == ""

    def test_a_terminal_without_accents_does_not_end_the_training(
        self, tmp_path
    ):
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        callback = summaries.SampleTranslations(
            str(tmp_path), [("sleeps", "été")], shout
        )
        with mock.patch.object(sys, "stdout", stream):
            fit(callback)
        printed = stream.buffer.getvalue().decode("ascii")
        assert "  reference    ?t?\n" in printed

    def test_every_sentence_needs_a_translation(self, tmp_path):
        callback = summaries.SampleTranslations(
            str(tmp_path),
            [("a", "b"), ("c", "d")],
            lambda texts: texts[:1],
        )
        with pytest.raises(
            ValueError,
            match="one translation per sentence, here 2.*1 translations",
        ):
            fit(callback)

    def test_pairs_must_be_pairs(self):
        for pairs in ([], ["the cat"], ["ab", "cd"], "ab", [("a", "b", "c")]):
            with pytest.raises(
                ValueError, match="list of at least one.*pairs=.*its reference"
            ):
                summaries.SampleTranslations("logs", pairs, shout)


class TestDistribution:
    def test_both_write_once_under_a_mirrored_strategy(
        self, tmp_path, two_replicas
    ):
        image_dir = os.path.join(str(tmp_path), "images")
        text_dir = os.path.join(str(tmp_path), "texts")
        with contextlib.redirect_stdout(io.StringIO()):
            fit(
                summaries.AttentionImages(image_dir, ["a cat"], explain),
                summaries.SampleTranslations(text_dir, [("a", "b")], shout),
                strategy=two_replicas,
            )
        assert [step for _, step, _ in recorded(image_dir)] == [3] * 3
        assert [step for _, step, _ in recorded(text_dir)] == [3]
