"""What is measured must reach logs and TensorBoard."""

import functools
import pathlib

import keras
import pytest
import sacrebleu
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.summaries import bleu_callback
from keras_transformer.translation import metrics
from tests.training.small_model import fit, make

SOURCES = ["a cat sat on the mat", "a dog ran", "the end of it all"]
REFERENCES = ["a cat sat on a mat", "the dog ran off", "the end of it all"]


def make_callback(
    translate,
    sources=SOURCES,
    references=REFERENCES,
    score=metrics.score_translations,
    **settings,
):
    return bleu_callback.BleuCallback(
        translate, sources, references, score, **settings
    )


def scalars(log_dir):
    """(tag, step, value, description) of all scalars written there."""
    found = []
    for path in sorted(pathlib.Path(log_dir).glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            found += [
                (
                    value.tag,
                    event.step,
                    float(tf.make_ndarray(value.tensor)),
                    value.metadata.summary_description,
                )
                for value in event.summary.value
            ]
    return found


class LogsSeen(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(dict(logs))


class BleuCallbackTest(tf.test.TestCase, parameterized.TestCase):
    @pytest.fixture(autouse=True)
    def collect_output(self, capsys):
        self.output = capsys

    def setUp(self):
        super().setUp()
        metric = sacrebleu.BLEU()
        self.bleu = metric.corpus_score(SOURCES, [REFERENCES]).score
        self.signature = str(metric.get_signature())
        metric = sacrebleu.CHRF()
        self.chrf = metric.corpus_score(SOURCES, [REFERENCES]).score
        self.chrf_signature = str(metric.get_signature())

    def callback(self, **settings):
        return make_callback(lambda texts: texts, **settings)

    def test_puts_scores_into_the_logs(self):
        after = LogsSeen()
        history = fit(make(), self.callback(), after, epochs=2).history
        self.assertBetween(self.bleu, 10, 90)
        self.assertAllClose(history["val_bleu"], [self.bleu] * 2)
        self.assertAllClose(history["val_chrf"], [self.chrf] * 2)
        self.assertLen(after.seen, 2)
        self.assertAllClose(after.seen[0]["val_bleu"], self.bleu)
        self.assertIn("loss", after.seen[0])

    def test_prints_scores_with_the_signature(self):
        fit(make(), self.callback())
        self.assertIn(
            f"dev BLEU {self.bleu:.2f}, chrF {self.chrf:.2f} (3 sentences, "
            f"{self.signature})",
            self.output.readouterr().out,
        )

    def test_others_can_watch_it(self):
        answers = iter([REFERENCES, SOURCES, SOURCES, SOURCES])
        callback = make_callback(lambda texts: next(answers))
        stop = keras.callbacks.EarlyStopping("val_bleu", patience=2, mode="max")
        history = fit(make(), callback, stop, epochs=4).history
        self.assertAllClose(history["val_bleu"], [100.0, self.bleu, self.bleu])

    @parameterized.named_parameters(("alone", False), ("with_keras", True))
    def test_writes_scalars_with_their_signatures(self, with_keras):
        log_dir = pathlib.Path(self.create_tempdir())
        used = [self.callback(log_dir=log_dir / "bleu")]
        if with_keras:
            # It switches summaries off between the steps it writes.
            used.append(
                keras.callbacks.TensorBoard(log_dir / "keras", update_freq=1009)
            )
        fit(make(), *used, epochs=2, steps=3)
        found = scalars(log_dir / "bleu")
        self.assertEqual([s[0] for s in found], ["bleu", "chrf"] * 2)
        self.assertEqual([s[1] for s in found], [3, 3, 6, 6])
        expected = {
            "bleu": (self.bleu, self.signature),
            "chrf": (self.chrf, self.chrf_signature),
        }
        for name, _, value, description in found:
            self.assertAllClose(value, expected[name][0])
            self.assertEqual(description, expected[name][1])

    def test_the_tokenization_may_be_chosen(self):
        chinese = ["那只猫坐在垫子上。", "一只狗在街上跑得很快。"]
        callback = make_callback(
            lambda texts: ["那只猫坐在桌子上。", chinese[1]],
            ["a cat", "a dog"],
            chinese,
            functools.partial(metrics.score_translations, tokenize="zh"),
        )
        logs = {}
        callback.on_epoch_end(0, logs)
        self.assertBetween(logs["val_bleu"], 50, 99)
        self.assertIn("tok:zh", self.output.readouterr().out)

    def test_can_be_used_again(self):
        log_dir = self.create_tempdir().full_path
        callback = self.callback(log_dir=log_dir)
        model = make()
        fit(model, callback, steps=3)
        fit(model, callback, steps=3)
        self.assertCountEqual([s[1] for s in scalars(log_dir)], [3, 3, 6, 6])

    def test_translates_the_sources_as_given(self):
        asked = []

        def translate(texts):
            asked.append(list(texts))
            return REFERENCES

        history = fit(make(), make_callback(translate)).history
        self.assertEqual(asked, [SOURCES])
        self.assertAllClose(history["val_bleu"], [100.0])

    def test_another_number_of_translations(self):
        callback = make_callback(lambda texts: texts[1:])
        with self.assertRaisesRegex(ValueError, "here 3. Received: 2. Return"):
            callback.on_epoch_end(0, {})

    @parameterized.parameters(
        (SOURCES, REFERENCES[:2], "3 sources, 2 references"),
        ([], [], "0 sources, 0 references"),
        ("abc", ["a", "b", "c"], "`sources` must be a list.*'abc'"),
        (["a", "b", "c"], "abc", "`references` must be a list.*'abc'"),
    )
    def test_other_number_of_references(self, sources, references, counts):
        with self.assertRaisesRegex(ValueError, counts):
            make_callback(lambda texts: texts, sources, references)


if __name__ == "__main__":
    tf.test.main()
