"""Models of CTranslate2 translate and score here as in CTranslate2."""

import json
import shutil

import numpy as np
import pytest

import keras_transformer as kt
from keras_transformer import interchange, models
from keras_transformer.interchange import ctranslate2_import
from tests import costs
from tests.interchange import ctranslate2_models as small

# The comparison must use the same graphs as users have.
pytestmark = pytest.mark.usefixtures("optimized_graphs")


def check_n_best(translator, golden):
    """Checks that the texts have the same order and the same scores."""
    for found, expected in zip(
        translator.hypotheses(golden["sources"]), golden["n_best"], strict=True
    ):
        assert [each.text for each in found] == [text for text, _ in expected]
        np.testing.assert_allclose(
            [each.score for each in found],
            [score for _, score in expected],
            rtol=0,
            atol=2e-5,
        )


@pytest.mark.seconds
@pytest.mark.parametrize(
    "name", costs.grid(small.NAMES, keep=("post_norm", "gated"))
)
def test_log_probabilities_are_theirs(name):
    golden, translator = small.answers(name), small.translator(name)
    # In float64, most rounding errors are those of CTranslate2. Norms of
    # vectors with a small variance make them larger.
    model = models.in_precision(translator.model, "float64")
    scored = translator.with_model(model).score(
        golden["sources"], golden["targets"]
    )
    for hypothesis, expected in zip(scored, golden["log_probs"], strict=True):
        np.testing.assert_allclose(
            hypothesis.log_probs, expected, rtol=2e-5, atol=2e-5
        )


@pytest.mark.seconds
# The other models differ in log-probabilities, which are tested above.
@pytest.mark.parametrize("name", costs.grid(small.NAMES, keep=("zero_start",)))
def test_n_best_lists_are_theirs(name):
    translator = small.translator(name)
    model = models.in_precision(translator.model, "float64")
    check_n_best(translator.with_model(model), small.answers(name))


class TestRealModel:
    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        directory = tmp_path_factory.mktemp("real") / "run"
        read = ctranslate2_import.read(small.REAL)
        interchange.write_run(read, directory)
        return directory

    @pytest.mark.grid
    @small.needs_real
    @pytest.mark.seconds
    def test_n_best_lists_are_theirs(self, run):
        golden = small.answers("transliteration")
        assert len(golden["sources"]) > 200
        translator = kt.load_translator(run).with_n_best(4)
        assert translator.search == small.SEARCH
        check_n_best(translator, golden)
        assert translator.translate([golden["sources"][0]]) == ["a t z m o n"]

    @pytest.mark.grid
    @small.needs_real
    def test_the_run_says_what_it_is(self, run):
        config = kt.runs.RunDirectory(run).read_config()
        assert config["imported"] == {
            "system": "ctranslate2",
            "spec": "TransformerBase",
            "revision": 2,
        }
        architecture = kt.TransformerConfig(**config["architecture"])
        assert architecture.positions == "tensor2tensor_from_1"
        # Every setting of the architecture is that of the convention, except
        # the initial weights.
        convention = kt.CONVENTIONS["opennmt"].architecture
        for name in ("normalization", "epsilon", "activation", "biases"):
            assert getattr(architecture, name) == convention[name]
        assert architecture.tying == "none"
        tokenizer = kt.load_translator(run).tokenizer
        assert isinstance(tokenizer, kt.text.TokenList)
        assert tokenizer.special_ids.around_source() == []


def test_architectures_are_read():
    configs = {
        name: ctranslate2_import.read(small.directory(name)).config
        for name in small.NAMES
    }
    assert configs["pre_norm"].tying == "all"
    assert configs["pre_norm"].embedding_scale == "sqrt_dim"
    assert configs["post_norm"].normalization == "post"
    assert configs["post_norm"].positions == "learned"
    assert configs["post_norm"].max_positions == 29
    assert configs["post_norm"].epsilon == 1e-3
    assert configs["post_norm"].activation == "silu"
    assert configs["post_norm"].embedding_scale == "none"
    assert configs["post_norm"].start_id == 2
    assert configs["gated"].activation == "geglu"
    assert configs["gated"].norm == "rms"
    assert configs["zero_start"].tying == "target"
    # The vocabulary had no padding token, so the import added one.
    assert configs["zero_start"].vocabulary_size == 12
    assert configs["zero_start"].pad_id == configs["zero_start"].start_id == 11


class TestBadInput:
    @pytest.fixture(autouse=True)
    def set_up(self, tmp_path):
        self.directory = tmp_path / "model"
        shutil.copytree(small.directory("pre_norm"), self.directory)

    def refuses(self, message, error=ValueError):
        with pytest.raises(error, match=message):
            ctranslate2_import.read(self.directory)

    def configure(self, **settings):
        path = self.directory / "config.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(content | settings), encoding="utf-8")

    def write_vocabulary(self, tokens):
        path = self.directory / "shared_vocabulary.json"
        path.write_text(json.dumps(tokens), encoding="utf-8")

    def test_missing_files(self):
        (self.directory / "shared_vocabulary.json").unlink()
        self.refuses("no vocabulary of the source", FileNotFoundError)
        (self.directory / "model.bin").unlink()
        self.refuses("no model.bin. Give the dir", FileNotFoundError)

    def test_a_truncated_file(self):
        path = self.directory / "model.bin"
        path.write_bytes(path.read_bytes()[:5000])
        self.refuses("model.bin is damaged.*are left. Copy")

    def test_a_vocabulary_of_another_model(self):
        self.write_vocabulary(["<blank>", "<s>", "</s>", "<unk>", "a"])
        self.refuses(r"does not fit.*shape \(17, 8\). Expected: \(5, 8\)")
        self.write_vocabulary(["<blank>", "<s>", "a", "<unk>"])
        self.refuses("source does not belong.*no token '</s>', the eos_token")

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"decoder_start_token": None}, "Received: decoder_start_token=nu"),
            ({"decoder_start_token": "<x>"}, "no token '<x>', the decoder_st"),
            ({"layer_norm_epsilon": "1"}, "layer_norm_epsilon is '1'"),
            ({"add_source_eos": 3}, "add_source_eos is 3"),
        ],
    )
    def test_configurations(self, settings, message):
        self.configure(**settings)
        self.refuses(message)

    @pytest.mark.parametrize("content", ["{", "[]", "[" * 100_000])
    def test_a_configuration_that_is_not_an_object(self, content):
        (self.directory / "config.json").write_text(content)
        self.refuses("config.json is not a configuration")
