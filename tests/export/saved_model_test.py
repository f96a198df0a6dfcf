"""A SavedModel translates as the translator does, without this package."""

import contextlib
import functools
import json
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer.export import saved_model, warm_up
from tests.assertions import assert_all_close, assert_all_equal
from tests.export import warm_up_test
from tests.translation import toy

pytestmark = pytest.mark.process

# A program that reads batches of hexadecimal byte strings and translates them.
CLIENT = """
import json, sys, time
import tensorflow as tf
import tensorflow_text

imported = set(sys.modules)
directory, batches, pairs = json.load(sys.stdin)
signatures = tf.saved_model.load(directory).signatures
serve = signatures["serving_default"]


def strings(texts):
    return tf.constant([bytes.fromhex(text) for text in texts], tf.string)


def plain(answer):
    return {
        name: [[t.hex() for t in row] for row in value.tolist()]
        if value.ndim == 2 and value.dtype == object
        else [t.hex() for t in value.tolist()]
        if value.dtype == object
        else {"shape": value.shape, "values": value.reshape(-1).tolist()}
        for name, value in ((n, v.numpy()) for n, v in answer.items())
    }


others = []
for texts, targets in pairs:
    texts, targets = strings(texts), strings(targets)
    others.append({
        "n_best": plain(signatures["n_best"](text=texts)),
        "score": plain(signatures["score"](text=texts, target=targets)),
        "attention": plain(signatures["attention"](text=texts)),
    })
answers = []
for batch in batches:
    texts = tf.constant([bytes.fromhex(text) for text in batch], tf.string)
    start = time.perf_counter()
    answer = serve(text=texts)
    answers.append({
        "translation": [t.hex() for t in answer["translation"].numpy()],
        "score": answer["score"].numpy().tolist(),
        "seconds": time.perf_counter() - start,
    })
print(json.dumps({
    "answers": answers,
    "others": others,
    "imported": sorted(imported),
    "added": sorted(set(sys.modules) - imported),
}))
"""

# Texts and targets, as one batch and one by one; then an empty batch.
TEXTS = ["ba de fi go hu", "", "ra", "go hu ka le mi no ba de fi go", " "]
TARGETS = ["HU GO ba", "", "", "ra", "RA"]
PAIRS = [
    (TEXTS, TARGETS),
    *(([text], [target]) for text, target in zip(TEXTS, TARGETS, strict=True)),
    ([], []),
]

LONG_LINE = "ba de fi go hu ka le " * 239  # It has 5,019 characters.
STRANGE = {
    "empty": b"",
    "whitespace": b" \t\n ",
    "emoji": "ba \U0001f468\u200d\U0001f469\u200d\U0001f467".encode(),
    "right to left": "שלום עולם, مرحبا".encode(),
    "unknown letters": "Ωμέγα 漢字".encode(),
    "nul": b"ba\x00de",
    "the mark of a space": "\u2581ba\u2581\U0010fffd".encode(),
    "special pieces": b"<bos></s><0x41>",
    "long line": LONG_LINE.encode(),
    "long word": b"ba" * 2503,
    "latin-1": "caf\u00e9 ba".encode("latin-1"),
    "half a character": b"ba \xf0\x9f\x98",
    "no text at all": bytes(range(256)),
}


@functools.cache
def saved():
    """Saves the toy translator once; returns the directory."""
    directory = pathlib.Path(tempfile.mkdtemp()) / "served" / "1"
    saved_model.save(toy.translator(), directory)
    return directory


@functools.cache
def loaded_signatures():
    return tf.saved_model.load(str(saved())).signatures


def ask(directory, batches, pairs):
    """Runs the client in a new process, which cannot import this package."""
    result = subprocess.run(
        [sys.executable, "-c", CLIENT],
        input=json.dumps(
            [
                str(directory),
                [[t.hex() for t in batch] for batch in batches],
                [
                    [[t.encode().hex() for t in some] for some in pair]
                    for pair in pairs
                ],
            ]
        ),
        cwd=tempfile.mkdtemp(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    if result.returncode:
        raise RuntimeError(result.stderr[-3000:])
    found = json.loads(result.stdout.splitlines()[-1])
    for answer in found["answers"]:
        answer["translation"] = [
            bytes.fromhex(text) for text in answer["translation"]
        ]
    return found


@functools.cache
def sentences():
    return [pair.source for pair in toy.random_pairs(100, seed=2)]


@functools.cache
def served():
    """Returns the outputs for all texts of these tests, of one process."""
    texts = [text.encode() for text in sentences()]
    batches = [texts, [], *([text] for text in STRANGE.values())]
    # A batch of the first sentence and all strange texts.
    batches.append([texts[0], *STRANGE.values()])
    return ask(saved(), batches, PAIRS)


def live(texts):
    answer = toy.translator()(tf.constant(texts, tf.string))
    return answer["translation"].numpy().tolist(), answer["score"].numpy()


def untrained(tokenizer, dtype=None):
    config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 13)
    return kt.build_transformer(config, dtype)


@contextlib.contextmanager
def a_small_disk():
    """Limits the size of files to 8 KiB, as if the disk was full."""
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**13, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestSave:
    def test_the_server_needs_neither_this_package_nor_keras(self):
        imported, added = served()["imported"], served()["added"]
        assert "tensorflow_text" in imported
        # TensorFlow itself may import Keras, but loading the SavedModel may
        # not.
        for name in ("keras_transformer", "keras", "sentencepiece"):
            assert len([m for m in added if m.split(".")[0] == name]) == 0, name
        assert "keras_transformer" not in imported
        assert "sentencepiece" not in imported

    def test_serves_what_the_live_translator_answers(self):
        answer = served()["answers"][0]
        translations, scores = live(sentences())
        assert len(answer["translation"]) == 100
        assert answer["translation"] == translations
        assert_all_close(answer["score"], scores, 1e-4, 1e-5)
        # Most translations are right, so the comparison means something.
        right = sum(
            text == pair.target.encode()
            for text, pair in zip(
                translations, toy.random_pairs(100, seed=2), strict=True
            )
        )
        assert right > 53

    def test_empty_batch(self):
        answer = served()["answers"][1]
        assert answer["translation"] == []
        assert answer["score"] == []

    @pytest.mark.parametrize("name", STRANGE)
    def test_strange_text(self, name):
        answer = served()["answers"][2 + list(STRANGE).index(name)]
        [translation], [score] = answer["translation"], answer["score"]
        translation.decode("utf-8")
        assert np.isfinite(score)
        [expected], [expected_score] = live([STRANGE[name]])
        assert translation == expected
        assert_all_close(score, expected_score, 1e-4, 1e-5)
        # Two of these texts have only letters that the vocabulary lacks.
        nothing = ("empty", "whitespace", "right to left", "unknown letters")
        if name in nothing:
            assert (translation, score) == (b"", 0.0)
        else:
            # Another translation may be empty, too, but it has a score.
            assert score < 0
        # At most 562 steps; without a limit on sources it would be ten times.
        assert answer["seconds"] < 60

    def test_strange_neighbours(self):
        answers = served()["answers"]
        [*_, together] = answers
        assert together["translation"][0] == answers[0]["translation"][0]
        assert_all_close(
            together["score"][0], answers[0]["score"][0], 1e-4, 1e-5
        )
        for at, alone in enumerate(answers[2:-1], start=1):
            assert together["translation"][at] == alone["translation"][0]
            assert_all_close(
                together["score"][at], alone["score"][0], 1e-4, 1e-5
            )

    def test_signature(self):
        signature = loaded_signatures()["serving_default"]
        assert signature.structured_input_signature == (
            (),
            {"text": tf.TensorSpec([None], tf.string, name="text")},
        )
        outputs = signature.structured_outputs
        assert set(outputs) == {"translation", "score"}
        assert outputs["translation"].dtype == tf.string
        assert outputs["score"].dtype == tf.float32
        for output in outputs.values():
            assert output.shape.as_list() == [None]

    def test_signatures(self):
        signatures = loaded_signatures()
        assert set(signatures) == {
            "serving_default",
            "n_best",
            "score",
            "attention",
        }
        shapes = {
            name: {
                output: (spec.shape.as_list(), spec.dtype)
                for output, spec in signature.structured_outputs.items()
            }
            for name, signature in signatures.items()
        }
        assert shapes["n_best"] == {
            "translations": ([None, 4], tf.string),
            "scores": ([None, 4], tf.float32),
        }
        assert shapes["score"] == {"log_probability": ([None], tf.float32)}
        assert {
            name: dtype for name, (_, dtype) in shapes["attention"].items()
        } == {
            "translation": tf.string,
            "source_tokens": tf.string,
            "target_tokens": tf.string,
            "encoder_attention": tf.float32,
            "decoder_attention": tf.float32,
            "cross_attention": tf.float32,
        }
        [_, inputs] = signatures["score"].structured_input_signature
        assert set(inputs) == {"text", "target"}

    def others(self, at, signature):
        """Returns the outputs of a signature for `PAIRS[at]`."""

        def read(value):
            if isinstance(value, dict):
                return np.reshape(value["values"], value["shape"])
            return [
                [bytes.fromhex(t).decode() for t in row]
                if isinstance(row, list)
                else bytes.fromhex(row).decode()
                for row in value
            ]

        answer = served()["others"][at][signature]
        return {name: read(value) for name, value in answer.items()}

    def test_n_best(self):
        found = self.others(0, "n_best")
        live = toy.several().hypotheses(TEXTS)
        assert [bool(h[0].text) for h in live] == [1, 0, 1, 1, 0]
        for row, hypotheses in enumerate(live):
            missing = 4 - len(hypotheses)
            assert (
                found["translations"][row]
                == [h.text for h in hypotheses] + [""] * missing
            )
            assert_all_close(
                found["scores"][row],
                [h.score for h in hypotheses] + [-1e9] * missing,
                1e-4,
                1e-5,
            )
            if TEXTS[row].strip():
                assert missing == 0
        assert self.others(-1, "n_best")["scores"].shape == (0, 4)

    def test_score(self):
        found = self.others(0, "score")["log_probability"]
        scored = toy.translator().score(TEXTS, TARGETS)
        assert_all_close(found, [h.log_probs.sum() for h in scored], 1e-4, 1e-4)
        assert found[1] == 0.0
        assert all(number < -1 for number in np.delete(found, 1))
        nothing = self.others(-1, "score")["log_probability"]
        assert nothing.shape == (0,)

    def test_attention(self):
        found = self.others(0, "attention")
        expected = toy.translator().translate(TEXTS)
        assert found["translation"] == expected
        assert [bool(text) for text in expected] == [1, 0, 1, 1, 0]
        for row, text in enumerate(TEXTS):
            if not text.strip():
                continue
            expected = kt.translation.explain(toy.translator(), text)
            source, target = expected.cross.shape[-1], expected.cross.shape[-2]
            for name, tokens in (
                ("source_tokens", expected.source_tokens),
                ("target_tokens", expected.target_tokens),
            ):
                filled = [*tokens, *[""] * 99][: len(found[name][row])]
                assert found[name][row] == filled
            for name, rows, columns in (
                ("encoder", source, source),
                ("decoder", target, target),
                ("cross", target, source),
            ):
                assert_all_close(
                    found[f"{name}_attention"][row][:, :, :rows, :columns],
                    getattr(expected, name),
                    atol=1e-5,
                )
        nothing = self.others(-1, "attention")
        assert nothing["translation"] == []
        assert nothing["cross_attention"].shape[0] == 0

    def test_other_signatures_do_not_depend_on_neighbours(self):
        for name in ("n_best", "score", "attention"):
            together = self.others(0, name)
            for row in range(len(TEXTS)):
                for field, value in self.others(row + 1, name).items():
                    both = together[field][row]
                    if isinstance(value, list):
                        size = len(value[0])
                        assert both[:size] == value[0]
                        assert set(both[size:]) in (set(), {""})
                    else:
                        place = tuple(slice(n) for n in value[0].shape)
                        assert_all_close(both[place], value[0], 1e-4, 1e-5)
                        assert_all_close(
                            np.sum(both), np.sum(value[0]), 1e-4, 1e-4
                        )

    def test_more_than_the_beam(self, tmp_path):
        parent = tmp_path
        with pytest.raises(ValueError, match="top_beams=5, beam_size=4"):
            saved_model.save(toy.translator(), parent / "1", n_best=5)
        assert list(parent.iterdir()) == []

    def test_there_is_one_copy_of_the_search(self):
        # Saves before the session begins: saving would fail in its graph.
        directory = str(saved())
        with tf.compat.v1.Session(graph=tf.Graph()) as session:
            load = tf.compat.v1.saved_model.load
            graph = load(session, ["serve"], directory).graph_def
        loops = [
            node.op
            for function in graph.library.function
            for node in function.node_def
            if node.op in ("While", "StatelessWhile")
        ]
        # One loop drops rows. The loop inside it takes the steps.
        assert len(loops) == 2
        # The encoder is in the search, and in one graph for whole targets.
        # `score` and `attention` share this graph. The decoder is in the same
        # two places.
        names = [function.signature.name for function in graph.library.function]
        assert sum("_run_once" in name for name in names) == 1
        scoring = [
            function
            for function in graph.library.function
            if function.signature.name.startswith("__inference_score_")
        ]
        assert scoring
        for function in scoring:
            assert "Einsum" not in [node.op for node in function.node_def]
        # A SavedModel contains no gradients, because nothing trains it.
        assert not any("internal_grad" in name for name in names)

    @pytest.mark.grid
    def test_only_the_signatures_that_were_asked_for(self, tmp_path):
        tokenizer = toy.translator().tokenizer
        translator = kt.Translator(untrained(tokenizer), tokenizer)
        directory = tmp_path / "1"
        saved_model.save(
            translator,
            directory,
            n_best=2,
            signatures=[],
            warm_up=["ba de"],
            run={"settings": {"seed": 7}},
        )
        served = tf.saved_model.load(str(directory))
        assert set(served.signatures) == {"serving_default"}
        described = kt.export.read_metadata(directory)
        assert described["signatures"] == ["serving_default"]
        assert described["search"]["top_beams"] == 2
        assert described["warm_up"] == ["ba de"]
        assert described["run"] == {"settings": {"seed": 7}}
        # A program without this package can find the file of the metadata.
        path = pathlib.Path(served.metadata.asset_path.numpy().decode())
        assert json.loads(path.read_text(encoding="utf-8")) == described
        saved_model.check(directory, translator, ["ba de fi", ""])

    def test_warms_every_signature_up(self):
        requests = warm_up_test.read(saved() / warm_up.FILE)
        assert {name: set(inputs) for name, inputs in requests} == {
            "serving_default": {"text"},
            "n_best": {"text"},
            "score": {"text", "target"},
            "attention": {"text"},
        }
        for name, inputs in requests:
            answer = loaded_signatures()[name](
                **{key: tf.constant(texts) for key, texts in inputs.items()}
            )
            assert all(value.shape[0] == 2 for value in answer.values())

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"signatures": ["beams"]}, "Unknown signatures. Received: beams"),
            ({"warm_up": "Hello."}, "list of at least one text. Received: 'H"),
            ({"warm_up": []}, "list of at least one text"),
            ({"run": {"steps": {1}}}, "must be values of JSON"),
        ],
    )
    def test_refuses_before_a_graph_is_built(self, given, message, tmp_path):
        with (
            mock.patch.object(saved_model, "functions_of") as make,
            pytest.raises(ValueError, match=message),
        ):
            saved_model.save(toy.translator(), tmp_path / "1", **given)
        assert not make.called
        assert list(tmp_path.iterdir()) == []

    def test_leaves_nothing_else_behind(self):
        directory = saved()
        assert list(directory.parent.iterdir()) == [directory]
        # Other users may read the directory, for example that of a server.
        assert directory.stat().st_mode & 0o777 == 0o755

    @pytest.mark.parametrize("kind", ["full", "empty", "file"])
    def test_refuses_what_exists(self, kind, tmp_path):
        path = tmp_path / "1"
        if kind == "file":
            path.write_text("mine")
        else:
            path.mkdir()
        if kind == "full":
            (path / "mine.txt").write_text("mine")
        before = sorted(path.parent.rglob("*"))
        with pytest.raises(
            FileExistsError, match=f"{path} exists already.*nothing was written"
        ):
            saved_model.save(toy.translator(), path)
        assert sorted(path.parent.rglob("*")) == before
        if kind != "empty":
            file = path if kind == "file" else path / "mine.txt"
            assert file.read_text() == "mine"

    def test_a_failure_leaves_nothing(self, tmp_path):
        parent = tmp_path
        tokenizer = toy.translator().tokenizer
        translator = kt.Translator(
            untrained(tokenizer), tokenizer, kt.search.GreedySearch()
        )
        save, left = tf.saved_model.save, []

        def save_weights(module, directory, signatures, options):
            # Saves only weights, because tracing the graphs takes long.
            weights = tf.Module()
            weights.variables_of_model = module.model_variables
            try:
                save(weights, directory)
            finally:
                left.extend(pathlib.Path(directory).rglob("*"))

        with (
            mock.patch.object(tf.saved_model, "save", save_weights),
            a_small_disk(),
            pytest.raises(tf.errors.OpError, match="File too large"),
        ):
            saved_model.save(translator, parent / "1")
        # The temporary directory existed, and was deleted.
        assert len(left) > 0
        assert list(parent.iterdir()) == []

    @pytest.mark.grid
    @pytest.mark.parametrize(
        ("settings", "dtype", "n_best", "expected_n_best"),
        [
            # `n_best` is given as 2, or comes from the search.
            pytest.param({}, "mixed_bfloat16", 2, 2, id="in_half_precision"),
            pytest.param(
                {"search": kt.search.GreedySearch()},
                "float32",
                None,
                1,
                id="greedy",
                marks=pytest.mark.grid,
            ),
        ],
    )
    def test_other_translators_of_a_strategy(
        self, settings, dtype, n_best, expected_n_best, tmp_path
    ):
        tokenizer = toy.translator().tokenizer
        keras.utils.set_random_seed(0)
        with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
            model = untrained(tokenizer, dtype)
        translator = kt.Translator(model, tokenizer, **settings)
        directory = tmp_path / "deep" / "1"
        saved_model.save(translator, directory, n_best)
        texts = ["ba de fi", "", "ra"]
        signatures = tf.saved_model.load(str(directory)).signatures
        found = signatures["n_best"](text=tf.constant(texts))
        assert found["scores"].shape == (3, expected_n_best)
        found = signatures["serving_default"](text=tf.constant(texts))
        expected = translator(tf.constant(texts))
        assert_all_equal(found["translation"], expected["translation"])
        assert_all_close(found["score"], expected["score"], 1e-4, 1e-5)
        assert len(set(expected["translation"].numpy())) == 3
        saved_model.check(directory, translator, texts)


class TestCheck:
    @pytest.mark.grid
    def test_accepts_what_was_saved(self):
        texts = random.Random(0).sample(sentences(), 11)
        saved_model.check(saved(), toy.translator(), [*texts, ""])
        saved_model.check(saved(), toy.translator(), [])

    def test_names_the_difference_to_another_model(self):
        tokenizer = toy.translator().tokenizer
        keras.utils.set_random_seed(1)
        model = untrained(tokenizer)
        other = kt.Translator(model, tokenizer)
        with pytest.raises(
            ValueError,
            match=f"{saved()} translates 'ba de fi' as '.*', but the model",
        ):
            saved_model.check(saved(), other, ["", "ba de fi"])

    def test_nothing_there(self):
        with pytest.raises(OSError, match="nowhere"):
            saved_model.check("/nowhere/1", toy.translator(), ["ba"])
