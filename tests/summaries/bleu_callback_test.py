"""The scores that are measured reach the logs and TensorBoard."""

import functools
import pathlib

import keras
import pytest
import sacrebleu
import tensorflow as tf

from keras_transformer.summaries import bleu_callback
from keras_transformer.translation import metrics
from tests.assertions import assert_all_close
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
    """Returns (tag, step, value, description) of all scalars in a directory."""
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


class TestBleuCallback:
    @pytest.fixture(autouse=True)
    def collect_output(self, capsys):
        self.output = capsys

    @pytest.fixture(autouse=True)
    def set_up(self):
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
        assert 10 <= self.bleu <= 90
        assert_all_close(history["val_bleu"], [self.bleu] * 2)
        assert_all_close(history["val_chrf"], [self.chrf] * 2)
        assert len(after.seen) == 2
        assert_all_close(after.seen[0]["val_bleu"], self.bleu)
        assert "loss" in after.seen[0]

    def test_prints_scores_with_the_signature(self):
        fit(make(), self.callback())
        assert (
            f"dev BLEU {self.bleu:.2f}, chrF {self.chrf:.2f} (3 sentences, "
            f"{self.signature})"
        ) in self.output.readouterr().out

    def test_others_can_watch_it(self):
        answers = iter([REFERENCES, SOURCES, SOURCES, SOURCES])
        callback = make_callback(lambda texts: next(answers))
        stop = keras.callbacks.EarlyStopping("val_bleu", patience=2, mode="max")
        history = fit(make(), callback, stop, epochs=4).history
        assert_all_close(history["val_bleu"], [100.0, self.bleu, self.bleu])

    @pytest.mark.parametrize(
        "with_keras",
        [pytest.param(False, id="alone"), pytest.param(True, id="with_keras")],
    )
    def test_writes_scalars_with_their_signatures(self, with_keras, tmp_path):
        log_dir = tmp_path
        used = [self.callback(log_dir=log_dir / "bleu")]
        if with_keras:
            # Between the steps that it writes, this callback switches off
            # summaries.
            used.append(
                keras.callbacks.TensorBoard(log_dir / "keras", update_freq=1009)
            )
        fit(make(), *used, epochs=2, steps=3)
        found = scalars(log_dir / "bleu")
        assert [s[0] for s in found] == [
            "evaluation/bleu",
            "evaluation/chrf",
        ] * 2
        assert [s[1] for s in found] == [3, 3, 6, 6]
        expected = {
            "evaluation/bleu": (self.bleu, self.signature),
            "evaluation/chrf": (self.chrf, self.chrf_signature),
        }
        for name, _, value, description in found:
            assert_all_close(value, expected[name][0])
            assert description == expected[name][1]

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
        assert 50 <= logs["val_bleu"] <= 99
        assert "tok:zh" in self.output.readouterr().out

    def test_can_be_used_again(self, tmp_path):
        log_dir = str(tmp_path)
        callback = self.callback(log_dir=log_dir)
        model = make()
        fit(model, callback, steps=3)
        fit(model, callback, steps=3)
        assert sorted([s[1] for s in scalars(log_dir)]) == sorted([3, 3, 6, 6])

    def test_translates_the_sources_as_given(self):
        asked = []

        def translate(texts):
            asked.append(list(texts))
            return REFERENCES

        history = fit(make(), make_callback(translate)).history
        assert asked == [SOURCES]
        assert_all_close(history["val_bleu"], [100.0])

    def test_another_number_of_translations(self):
        callback = make_callback(lambda texts: texts[1:])
        with pytest.raises(ValueError, match="here 3. Received: 2. Return"):
            callback.on_epoch_end(0, {})

    @pytest.mark.parametrize(
        ("sources", "references", "counts"),
        [
            (SOURCES, REFERENCES[:2], "3 sources, 2 references"),
            ([], [], "0 sources, 0 references"),
            ("abc", ["a", "b", "c"], "`sources` must be a list.*'abc'"),
            (["a", "b", "c"], "abc", "`references` must be a list.*'abc'"),
        ],
    )
    def test_other_number_of_references(self, sources, references, counts):
        with pytest.raises(ValueError, match=counts):
            make_callback(lambda texts: texts, sources, references)
