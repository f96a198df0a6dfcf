"""Each evaluation writes to all dashboards of TensorBoard, in named groups."""

import dataclasses
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from tests.explorer import translators
from tests.summaries import events
from trainers import dashboards
from trainers import settings as run_settings

pytestmark = pytest.mark.seconds
DEV = [kt.data.SentencePair("the cat ate", "L'animal")] * 3
LOGS = {
    **{"loss": 3.5, "token_accuracy": 0.25, "gradient_norm": 1.75},
    **{"val_loss": 2.5, "val_token_accuracy": 0.5},
}


def make_run(folder, **settings):
    translator = translators.translator(
        kt.search.GreedySearch(), num_encoder_layers=1, num_decoder_layers=2
    )
    translator.model.compile(
        keras.optimizers.SGD(0.125), kt.training.SmoothedCrossEntropy()
    )
    config = kt.TransformerConfig(
        translator.tokenizer.vocabulary_size, 1, 2, 24, 4, 37
    )
    run = types.SimpleNamespace(
        directory=kt.runs.RunDirectory(folder),
        settings=dataclasses.replace(
            run_settings.TrainingSettings(), **settings
        ),
        architecture=config,
        tokenizers=types.SimpleNamespace(
            source=translator.tokenizer, target=None
        ),
        model=translator.model,
        checkpoints=types.SimpleNamespace(step=0),
    )
    return run, translator


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Returns the logs of one evaluation, with the built-in corpus."""
    run, translator = make_run(tmp_path_factory.mktemp("run"))
    progress = types.SimpleNamespace(throughput=lambda: (1009.0, 0.125))
    with pytest.MonkeyPatch.context() as patch:
        # `tensorboard_test.py` checks the images of the demo.
        patch.setattr(
            kt.summaries,
            "AttentionImages",
            lambda *arguments: keras.callbacks.Callback(),
        )
        used = dashboards.callbacks(run, translator, DEV, progress)
    for each in used:
        each.set_model(run.model)
        each.set_params({"steps": 1})
        each.on_train_begin()
        each.on_train_batch_begin(0)
        each.on_train_batch_end(0)
        each.on_epoch_end(0, LOGS)
        each.on_train_end()
    return run.directory.logs


def tags(folder):
    return [value.tag for _, value in events.values(folder)]


def test_scalars(logs):
    assert events.scalars(logs / "train") == {
        "evaluation/loss": [(0, 3.5)],
        "evaluation/token_accuracy": [(0, 0.25)],
        "optimization/gradient_norm": [(0, 1.75)],
        "optimization/learning_rate": [(0, 0.125)],
        "throughput/target_tokens_per_second": [(0, 1009.0)],
        "throughput/padding_share": [(0, 0.125)],
    }
    assert events.scalars(logs / "validation") == {
        "evaluation/loss": [(0, 2.5)],
        "evaluation/token_accuracy": [(0, 0.5)],
    }


def test_entropies_of_each_kind_and_layer(logs):
    assert tags(logs / "entropy") == [
        f"head_entropy/{kind}/layer_{layer}"
        for kind, count in [("encoder", 1), ("decoder", 2)]
        for layer in range(1, count + 1)
    ] + [f"head_entropy/encoder-decoder/layer_{n}" for n in (1, 2)]


def test_update_ratios_of_each_block(logs):
    groups = {tag.partition("/")[2] for tag in tags(logs / "updates")}
    blocks = {"encoder_1", "decoder_1", "decoder_2"}
    assert blocks < groups


def test_translations_have_a_score(logs):
    ((_, value),) = events.values(logs / "translations")
    table = tf.make_ndarray(value.tensor).item().decode()
    header = "| source | translation | reference | chrF (0 to 100) |"
    assert table.startswith(header)
    assert len(table.splitlines()) == 2 + 5


def test_the_score_of_a_sentence_is_not_of_its_words(caplog):
    # BLEU would warn about a text without spaces; chrF does not.
    assert dashboards._chrf("Merci.", "Merci.") == 100
    assert 0 < dashboards._chrf("Merci!", "Merci.") < 100
    assert caplog.text == ""


def test_the_model_and_its_positions(logs):
    assert tags(logs / "model") == [
        "transformer/positions",
        "transformer/architecture",
    ]
    ((_, _), (_, text)) = events.values(logs / "model")
    tables = tf.make_ndarray(text.tensor).item().decode()
    assert "| model\\_dim | 24 |" in tables
    assert "| encoder\\_1 | " in tables


def test_traces_of_four_sentences(logs):
    names = [f"traces/sentence_{number}" for number in range(1, 5)]
    assert tags(logs / "traces") == names * 2
    last = {value.tag: value for _, value in events.values(logs / "traces")}
    assert last[names[3]].metadata.display_name == "Thanks."


def test_the_projector_and_the_settings(logs):
    size = translators.tokenizer().vocabulary_size
    vectors = (logs / "embeddings.tsv").read_text().splitlines()
    assert (len(vectors), len(vectors[0].split("\t"))) == (size, 24)
    assert len((logs / "pieces.tsv").read_text("utf-8").split("\n")) == size + 1
    assert any("hparams" in tag for tag in tags(logs))


def test_the_sentences_of_a_run(tmp_path):
    own, _ = make_run(tmp_path, train_tsv=["a.tsv"])
    assert dashboards.sentences(own) == []
    given, _ = make_run(tmp_path, trace_sentences=("Hello, you.",))
    assert dashboards.sentences(given) == ["Hello, you."]


def test_a_text_is_explained_once_a_step():
    run = types.SimpleNamespace(checkpoints=types.SimpleNamespace(step=3))
    calls = []
    explain = dashboards._once_a_step(run, lambda text: calls.append(text))
    explain("a"), explain("a"), explain("b")
    run.checkpoints.step = 5
    explain("a")
    assert calls == ["a", "b", "a"]


def test_positions_are_both_of_the_article():
    config = kt.TransformerConfig(101, model_dim=16)
    figure = dashboards._positions(config)
    titles = [axes.get_title("left") for axes in figure.axes[:2]]
    assert titles == ["tensor2tensor", "paper"]
    (image,) = figure.axes[0].get_images()
    expected = kt.layers.sinusoidal_encoding(np.arange(20), 16, "tensor2tensor")
    np.testing.assert_array_equal(image.get_array(), expected)
