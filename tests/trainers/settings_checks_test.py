"""Settings that no run can have are refused by name."""

import sys
from unittest import mock

import pytest

from trainers import settings, settings_checks


class TestChecks:
    @pytest.mark.parametrize(
        ("values", "message"),
        [
            (
                {"train_source": ["a"]},
                "^--train_source and --train_target go together"
                ".*train_source=.'a'.",
            ),
            (
                {"dev_target": ["b"]},
                "--dev_source and --dev_target go together",
            ),
            (
                {
                    "train_tsv": ["t"],
                    "train_source": ["a"],
                    "train_target": ["b"],
                },
                "Give the training data once",
            ),
            ({"dev_tsv": ["t"]}, "Development data without training data"),
            (
                {
                    "train_tsv": ["t"],
                    "dev_tsv": ["t"],
                    "dev_source": ["a"],
                    "dev_target": ["b"],
                },
                "Give the development data once",
            ),
            ({"preset": "huge"}, "Unknown preset. Received: 'huge'.*tiny"),
            ({"epochs": 3, "steps": 5}, "epochs=3, steps=5. Give one"),
            ({"precision": "float8"}, "Received: 'float8'.*mixed_bfloat16"),
            ({"tokens_per_batch": 0}, "--tokens_per_batch must be positive"),
            ({"steps": -2}, "--steps must be positive. Received: -2"),
            (
                {"convention": "bert"},
                "Unknown convention.*'bert'.*fairseq, opennmt",
            ),
            (
                {"smoothing_over": "most"},
                "--smoothing_over.*'most'.*all, others",
            ),
            (
                {"beam_size": 3, "minimum_risk": 5},
                "--minimum_risk=5 --beam_size=3",
            ),
            (
                {"length_penalty_form": "mean"},
                "--length_penalty_form.*'mean'.*gnmt, average",
            ),
            (
                {"length_penalty": -1.0},
                "--length_penalty must be at least 0.*-1.0",
            ),
            ({"length_penalty": float("nan")}, "--length_penalty must be.*nan"),
            ({"rare_characters": 1.5}, "--rare_characters is a share.*1.5"),
            (
                {"text_normalization": "nfd"},
                "--text_normalization.*'nfd'.*none",
            ),
            ({"clip_norm": float("nan")}, "--clip_norm must be positive.*nan"),
            (
                {"label_smoothing": 1.0},
                "--label_smoothing must be at least 0 and",
            ),
            (
                {"ema_momentum": 1.5},
                "--ema_momentum must be at least 0 and.*1.5",
            ),
            (
                {"seed": -1},
                "--seed must be at least 0 and below 4294967296.*-1",
            ),
            ({"seed": 2**32}, "--seed must be.*Received: 4294967296"),
            ({"seed": 2**70}, "--seed must be.*Received: 11805916"),
            ({"tokenize": "foo"}, "tokenize='foo'. Expected one of none, zh"),
            (
                {"target_language": "Chinese"},
                "by its code. Received: 'Chinese'",
            ),
        ],
    )
    def test_contradictions(self, values, message):
        with pytest.raises(ValueError, match=message):
            settings_checks.check(settings.TrainingSettings(**values))

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"train_tsv": ["t"]}, "Give the training data once.*--train_tsv"),
            ({"dev_tsv": []}, "no text of which development data can be held"),
            ({"train_weights": ["1"]}, "1 weights .1.0., 2 directories"),
            ({"train_weights": ["1", "x"]}, "must be numbers.*Received: 1,x"),
            ({"train_weights": ["1", "-2"]}, "at least 0 and finite.*-2.0"),
            ({"sampling_temperature": 0.0}, "`temperature` must be above 0"),
            (
                {"train_weights": ["1", "2"], "sampling_temperature": 2.0},
                "Give one of them",
            ),
            (
                {"train_shards": [], "train_tsv": ["t"], "train_weights": "1"},
                "--train_weights is for the directories of --train_shards",
            ),
            (
                {
                    "train_shards": [],
                    "train_tsv": ["t"],
                    "sampling_temperature": 2.0,
                },
                "--sampling_temperature is for the directories",
            ),
            ({"target_vocabulary": "v"}, "--target_vocabulary goes with"),
        ],
    )
    def test_shards(self, values, message):
        given = {"train_shards": ["a", "b"], "dev_tsv": ["d"], **values}
        with pytest.raises(ValueError, match=message):
            settings_checks.check(settings.TrainingSettings(**given))

    def test_shards_are_training_data(self):
        given = settings.TrainingSettings(
            train_shards=["a", "b"],
            train_weights=["1", "0.5"],
            dev_tsv=["d"],
            vocabulary="v",
            target_vocabulary="w",
        )
        settings_checks.check(given)
        assert not given.is_built_in

    def test_defaults_are_consistent(self):
        settings_checks.check(settings.TrainingSettings())
        assert settings.TrainingSettings().is_built_in

    @pytest.mark.parametrize(
        ("values", "package"),
        [({"target_language": "ja"}, "ja"), ({"tokenize": "ko-mecab"}, "ko")],
    )
    def test_a_tokenization_that_is_not_installed(self, values, package):
        with (
            mock.patch.dict(
                sys.modules,
                {
                    "sacrebleu.tokenizers.tokenizer_ja_mecab": None,
                    "sacrebleu.tokenizers.tokenizer_ko_mecab": None,
                },
            ),
            pytest.raises(
                ValueError,
                match=rf"pip install 'sacrebleu\[{package}\]'; or choose",
            ),
        ):
            settings_checks.check(settings.TrainingSettings(**values))

    def test_sentences_to_trace(self):
        values = settings.TrainingSettings(trace_sentences=("a", " "))
        with pytest.raises(ValueError, match="--trace_sentences.*1 to 400"):
            settings_checks.check(values)

    def test_the_largest_seed(self):
        settings_checks.check(settings.TrainingSettings(seed=2**32 - 1))
