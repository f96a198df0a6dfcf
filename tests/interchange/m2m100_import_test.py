"""M2M100 encodes, scores and translates here as in transformers."""

import functools
import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer import interchange
from keras_transformer.interchange import m2m100_import
from tests.interchange import golden_model
from tests.tools import in_process

GOLDENS = pathlib.Path(__file__).parent.parent / "goldens"
DIRECTORY = GOLDENS / "m2m100"


@functools.cache
def answers():
    with np.load(GOLDENS / "m2m100.npz") as golden:
        return {
            name.removeprefix("m2m100/"): values
            for name, values in golden.items()
        }


@pytest.fixture(scope="module")
def translator(tmp_path_factory):
    run = tmp_path_factory.mktemp("m2m100") / "run"
    interchange.write_run(m2m100_import.read(DIRECTORY, "en", "fr"), run)
    return kt.load_translator(run)


def test_texts_have_their_ids(translator):
    golden = answers()
    np.testing.assert_array_equal(
        translator.encode_source(tf.constant(golden["texts"])),
        golden["source_ids"],
    )
    np.testing.assert_array_equal(
        translator.encode_target(tf.constant(golden["targets"])),
        golden["target_ids"],
    )


def test_memory_and_logits_are_theirs(translator):
    golden_model.check(answers(), translator.model)


@pytest.mark.grid
@pytest.mark.seconds
def test_beam_search_finds_theirs(translator):
    golden = answers()
    found = translator.hypotheses(golden["texts"].tolist())
    pad_id = translator.model.pad_id
    for each, sequence, text, score in zip(
        found,
        golden["sequences"],
        golden["translations"],
        golden["scores"],
        strict=True,
    ):
        # The sequence of transformers has the start id, then the language code.
        theirs = sequence[1:][sequence[1:] != pad_id].tolist()
        assert each[0].tokens == translator.target_tokenizer.pieces(theirs)
        assert each[0].tokens[0] == "__fr__"
        # transformers keeps the language code in the text.
        assert each[0].text == text.removeprefix("__fr__").strip()
        assert each[0].score == pytest.approx(float(score), abs=1e-5)
    assert len(set(golden["translations"].tolist())) > 20
    # The code is also first in a graph, and before a user's prefix.
    best = translator(tf.constant(golden["texts"][:5]))["translation"].numpy()
    assert [text.decode() for text in best] == [
        text.removeprefix("__fr__").strip()
        for text in golden["translations"][:5]
    ]
    # It is also first where each step of the search is recorded.
    trace = kt.interpretation.trace(translator, str(golden["texts"][0]))
    assert trace.target.tokens == found[0][0].tokens
    assert trace.target.text == found[0][0].text
    check_alignment(translator, str(golden["texts"][3]))
    [[forced]] = translator.hypotheses([golden["texts"][0]], prefixes=["le"])
    assert forced.tokens[0] == "__fr__" and forced.text.startswith("le")


def check_alignment(translator, text):
    """Checks that alignments do not count language codes as words."""
    [[best]] = translator.hypotheses([text], align=True)
    source_ids = translator.encode_source(tf.constant([text]))
    result = translator.model_search(source_ids, align=True)
    length = int(result.lengths[0, 0])
    is_ended = best.tokens[-1] == "</s>"
    expected = kt.translation.align_words(
        result.attention[0, 0, 1 : length - is_ended, 1:-1],
        translator.tokenizer.pieces(source_ids[0])[1:-1],
        best.tokens[1 : length - is_ended],
    )
    assert expected.shape[1] == len(text.split())
    np.testing.assert_allclose(best.alignment, expected, atol=1e-6)


def test_trains_with_the_codes_of_languages(translator):
    golden = answers()
    pairs = [
        kt.data.SentencePair(source, target)
        for source, target in zip(
            golden["texts"].tolist(), golden["targets"].tolist(), strict=True
        )
    ]
    encoded = kt.data.encode_pairs(
        pairs, translator.tokenizer, 64, translator.target_tokenizer
    )
    [(inputs, labels, _), *_] = kt.data.TokenBatches(
        encoded, 8192, 64, start_id=translator.model.start_id
    ).evaluation_dataset()
    source, target = translator.tokenizer, translator.target_tokenizer
    assert source.pieces(inputs["source_ids"][:, 0])[:2] == ["__en__"] * 2
    assert target.pieces(inputs["target_input_ids"][0, :2]) == [
        "</s>",
        "__fr__",
    ]
    assert target.pieces(labels[:, 0])[:2] == ["__fr__"] * 2


class TestBadInput:
    @pytest.fixture(autouse=True)
    def set_up(self, tmp_path):
        self.directory = tmp_path / "model"
        shutil.copytree(DIRECTORY, self.directory)

    def refuses(self, message, error=ValueError, languages=("en", "fr")):
        with pytest.raises(error, match=message):
            m2m100_import.read(self.directory, *languages)

    @pytest.mark.parametrize(
        ("languages", "message"),
        [
            ((None, "fr"), "--source_language=None. Expected one of af, am"),
            (("en", "xx"), "--target_language=xx"),
        ],
    )
    def test_languages(self, languages, message):
        self.refuses(message, languages=languages)

    def test_missing_files(self):
        (self.directory / "sentencepiece.bpe.model").unlink()
        self.refuses("no sentencepiece.bpe.model", FileNotFoundError)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            (
                {"model_type": "marian"},
                "model_type = 'marian'. Supported: 'm2m",
            ),
            (
                {"vocab_size": 60},
                "since 100 of the vocab_size=60 ids are of languages",
            ),
            ({"tie_word_embeddings": False}, "tie_word_embeddings = False"),
        ],
    )
    def test_configurations(self, settings, message):
        path = self.directory / "config.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(content | settings), encoding="utf-8")
        self.refuses(message)


def test_the_program_takes_languages(tmp_path):
    def call(system, directory, *languages):
        return in_process.call(
            "import_model",
            f"--from={system}",
            str(directory),
            f"--output_dir={tmp_path / 'run'}",
            *languages,
        )

    languages = ("--source_language=en", "--target_language=fr")
    wrong = call("marian", GOLDENS / "marian_hf" / "shared", *languages)
    assert b"--source_language is for other systems" in wrong.stderr
    assert call("m2m100", DIRECTORY, *languages).returncode == 0
    config = kt.runs.RunDirectory(tmp_path / "run").read_config()
    assert config["imported"]["languages"] == ["en", "fr"]
