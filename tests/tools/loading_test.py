"""What `--model` may name."""

import pytest
import tensorflow as tf

from tools import loading

SENTENCE = "The animal didn't cross the street because it was too wide."


def test_run_directory_and_saved_model_agree(demo_run):
    text = tf.constant([SENTENCE, "The cow is tired."])
    live = loading.load(str(demo_run), None, None)(text)
    served = loading.load(str(demo_run / "saved_model/1"), None, None)(text)
    for name in ("translation", "score"):
        if live[name].dtype == tf.string:
            assert live[name].numpy().tolist() == served[name].numpy().tolist()
        else:
            tf.debugging.assert_near(live[name], served[name], atol=1e-5)


def test_search_settings_reach_the_search(demo_run):
    text = tf.constant([SENTENCE])
    with_penalty = loading.load(str(demo_run), 4, 0.6)(text)["score"]
    without = loading.load(str(demo_run), 4, 0.0)(text)["score"]
    # The same translation, its log-probability not divided.
    assert float(without[0]) < float(with_penalty[0]) < 0


def test_search_settings_do_not_reach_a_saved_model(demo_run):
    with pytest.raises(ValueError, match="whose search is inside.*beam_size=3"):
        loading.load(str(demo_run / "saved_model/1"), 3, None)


def test_unfinished_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="no tokenizer.model"):
        loading.load(str(tmp_path), None, None)


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such model: .*absent"):
        loading.load(str(tmp_path / "absent"), None, None)
