"""BART, mBART and NLLB give the same results here as in transformers."""

import functools
import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer import interchange, interpretation
from keras_transformer.interchange import bart_import, m2m100_import
from keras_transformer.runs import loading
from tests import costs
from tests.interchange import golden_model
from trainers import defaults, settings

GOLDENS = pathlib.Path(__file__).parent.parent / "goldens"
READERS = {
    "bart": (bart_import.read, None, None),
    "mbart": (bart_import.read, "en_XX", "fr_XX"),
    "mbart50": (bart_import.read, "en_XX", "fr_XX"),
    "nllb": (m2m100_import.read, "eng_Latn", "fra_Latn"),
}
NAMES = pytest.mark.parametrize("name", READERS)


@functools.cache
def answers(name):
    file = "bart" if name == "bart" else "languages"
    with np.load(GOLDENS / f"{file}.npz") as golden:
        return {
            key.removeprefix(f"{name}/"): values
            for key, values in golden.items()
            if key.startswith(f"{name}/")
        }


def directory(name):
    return GOLDENS / name if name == "bart" else GOLDENS / "languages" / name


@functools.cache
def translator(name):
    read, *languages = READERS[name]
    imported = read(directory(name), *languages)
    return kt.Translator(
        imported.build(),
        imported.tokenizer,
        loading.search_of(imported.settings),
        target_tokenizer=imported.target_tokenizer,
        lengths=kt.translation.Lengths(**imported.lengths),
    )


@pytest.mark.seconds
@NAMES
def test_texts_have_their_ids(name):
    golden, live = answers(name), translator(name)
    for side in ("source", "target"):
        texts = golden["texts" if side == "source" else "targets"]
        encode = getattr(live, f"encode_{side}")
        np.testing.assert_array_equal(
            encode(tf.constant(texts)), golden[f"{side}_ids"]
        )


@NAMES
def test_memory_and_logits_are_theirs(name):
    golden_model.check(answers(name), translator(name).model)


@pytest.mark.seconds
@pytest.mark.parametrize("name", costs.grid(READERS, keep=("nllb",)))
def test_beam_search_finds_theirs(name):
    golden, live = answers(name), translator(name)
    pad_id = live.model.pad_id
    found = live.hypotheses(golden["texts"].tolist())
    assert len(found) == 100 and live.search.beam_size == 4
    for each, sequence, text, score in zip(
        found,
        golden["sequences"],
        golden["translations"],
        golden["scores"],
        strict=True,
    ):
        # The sequence of transformers begins with the decoder's start id.
        theirs = sequence[1:][sequence[1:] != pad_id].tolist()
        assert each[0].tokens == live.target_tokenizer.pieces(theirs)
        # For BART, spaces at the ends are a part of the text.
        assert each[0].text.strip() == text.strip()
        assert each[0].score == pytest.approx(float(score), abs=1e-5)
    assert len(set(golden["translations"].tolist())) > 20


def test_ids_around_texts():
    _, mbart, mbart50, nllb = map(translator, READERS)
    code = mbart.tokenizer.pieces(mbart.tokenizer.special_ids.source_ending)
    assert code == ["</s>", "en_XX"]
    assert mbart.target_tokenizer.pieces([mbart.model.start_id]) == ["fr_XX"]
    for each, name in ((mbart50, "en_XX"), (nllb, "eng_Latn")):
        ids = each.tokenizer.special_ids
        assert each.tokenizer.pieces(ids.source_prefix) == [name]
        assert ids.source_ending == (each.model.start_id,)


@pytest.mark.seconds
def test_a_trace_has_a_word_for_each_token_at_the_end_of_a_source():
    golden = answers("mbart")
    text, target = (str(golden[of][0]) for of in ("texts", "targets"))
    source = interpretation.trace(translator("mbart"), text, target).source
    assert source.tokens[-2:] == ["</s>", "en_XX"]
    *_, last_word, end, code = source.words
    assert (end, code) == (last_word + 1, last_word + 2)
    assert last_word == len(text.split()) - 1


def test_trains_on_with_a_code_as_start(tmp_path):
    """The trainer uses the architecture and the ids of the imported model."""
    read, *languages = READERS["mbart"]
    run = tmp_path / "run"
    interchange.write_run(
        read(GOLDENS / "languages" / "mbart", *languages), run
    )
    config = defaults.architecture_of(
        settings.TrainingSettings(initial_model=str(run)), {}
    )
    assert config.start_id == translator("mbart").model.start_id
    assert config.positions == "learned_normalized"
    assert config.max_positions == 64


class TestBadInput:
    @pytest.fixture(autouse=True)
    def set_up(self, tmp_path):
        self.directory = tmp_path / "model"
        shutil.copytree(GOLDENS / "languages" / "mbart50", self.directory)

    def refuses(self, message, error=ValueError, languages=("en_XX", "fr_XX")):
        with pytest.raises(error, match=message):
            bart_import.read(self.directory, *languages)

    def configure(self, file="config.json", **settings):
        path = self.directory / file
        content = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(content | settings), encoding="utf-8")

    def test_languages(self):
        self.refuses(
            "--target_language=fr. Expected one of ar_AR",
            languages=("en_XX", "fr"),
        )
        # Of these models, only mBART-50 knows Polish.
        bart_import.read(self.directory, "en_XX", "pl_PL")
        self.configure(
            "tokenizer_config.json", tokenizer_class="MBartTokenizer"
        )
        self.refuses("--target_language=pl_PL", languages=("en_XX", "pl_PL"))
        # A general class does not tell which of the two models it is.
        self.configure(
            "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast"
        )
        bart_import.read(self.directory, "en_XX", "pl_PL")

    def test_without_settings_of_the_tokenizer(self):
        (self.directory / "tokenizer_config.json").unlink()
        read = bart_import.read(self.directory, "en_XX", "pl_PL")
        assert read.tokenizer.special_ids.source_prefix

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"model_type": "bart"}, "BART has no languages. Received: --s"),
            ({"model_type": "t5"}, "'t5'. Supported: 'mbart', 'bart'"),
            ({"normalize_before": False}, "normalize_before = False"),
            ({"tie_word_embeddings": False}, "tie_word_embeddings = False"),
            ({"vocab_size": 60}, "take 11[0-9] ids. Expected at most vocab"),
            ({"max_position_embeddings": 63}, r"Expected: \(63, 12\)"),
        ],
    )
    def test_configurations(self, settings, message):
        self.configure(**settings)
        self.refuses(message)

    def test_files(self):
        path = self.directory / "sentencepiece.bpe.model"
        path.write_bytes(b"nothing")
        self.refuses("sentencepiece.bpe.model: Expected a SentencePiece model")
        path.unlink()
        self.refuses("no sentencepiece.bpe.model", FileNotFoundError)


class TestBadInputOfBart:
    @pytest.fixture(autouse=True)
    def set_up(self, tmp_path):
        self.directory = tmp_path / "model"
        shutil.copytree(directory("bart"), self.directory)

    def refuses(self, message, error=ValueError):
        with pytest.raises(error, match=message):
            bart_import.read(self.directory)

    def test_merges(self):
        path = self.directory / "merges.txt"
        lines = path.read_text(encoding="utf-8").split("\n")
        path.write_text("\n".join([*lines, "a b c"]), encoding="utf-8")
        self.refuses("merges.txt, line [0-9]+: a merge has two pieces")
        path.write_text("\n".join([*lines, "a zzz"]), encoding="utf-8")
        self.refuses(r"vocab.json: .* must be pieces.*\['zzz'\]")
        path.unlink()
        self.refuses("has no merges.txt", FileNotFoundError)

    def test_configurations(self):
        path = self.directory / "config.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        content["normalize_before"] = True
        path.write_text(json.dumps(content), encoding="utf-8")
        self.refuses("normalize_before = True. Supported: False")
