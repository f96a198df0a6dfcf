"""A run directory has fixed file names and no incomplete files."""

import json
import os
import zipfile
from unittest import mock

import pytest

from keras_transformer.runs import run_directory

CONFIG = {
    "architecture": {"model_dim": 6},
    "settings": {"seed": 1, "strategy": "none", "devices": []},
    "data": {"sha256": "abc"},
}


class TestRunDirectory:
    @pytest.fixture(autouse=True)
    def make_directory(self, tmp_path):
        self.directory = run_directory.RunDirectory(tmp_path / "run")

    def test_names(self):
        # Other programs rely on these names; `docs/training.md` lists them.
        assert sorted(
            str(path.relative_to(self.directory.path))
            for name, path in vars(self.directory).items()
            if name != "path"
        ) == [
            "checkpoints",
            "confidence.json",
            "config.json",
            "evaluations.json",
            "logs",
            "metrics.json",
            "model.keras",
            "page.html",
            "saved_model/1",
            "shards",
            "shards/text.json",
            "stages",
            "target_tokenizer.model",
            "tokenizer.model",
            "unfinished.keras",
        ]

    def test_a_run_is_begun(self):
        assert not self.directory.is_started
        self.directory.write_config(CONFIG)
        assert self.directory.is_started
        written = json.loads(self.directory.config.read_text())
        assert "tensorflow" in written["versions"]

    def test_what_was_not_finished_is_cleared(self):
        self.directory.clear_unfinished()  # There is no run yet.
        self.directory.write_config(CONFIG)
        saved = self.directory.saved_model
        for folder in (saved, saved.with_name(".saving-a1b")):
            folder.mkdir(parents=True)
            (folder / "saved_model.pb").touch()
        for name in ("metrics.json.tmp", "unfinished.keras", "model.keras"):
            (self.directory.path / name).touch()
        self.directory.clear_unfinished()
        left = self.directory.path.rglob("*")
        assert sorted(path.name for path in left) == (
            ["1", "config.json", "model.keras", "saved_model"]
            + ["saved_model.pb"]
        )

    def test_what_is_found(self):
        assert self.directory.read_config() == {}
        self.directory.write_config(CONFIG)
        found = self.directory.read_config()
        assert found["architecture"] == {
            **CONFIG["architecture"],
            # Older runs lack these fields; these are the values they used.
            "attention_dropout": 0.0,
            "activation_dropout": 0.0,
            "word_dropout": 0.0,
            "max_positions": 1024,
        }
        # Older runs lack these settings; these are the values they used.
        assert found["settings"] == {
            "tokenize": "13a",
            "text_normalization": "none",
            "rare_characters": 0.0,
            "packed": False,
            "train_shards": [],
            "train_weights": [],
            "freeze": [],
            "select_by": "last",
            "replaces_recipe": [],
            "direction_tags": [],
            "optimizer": "adam",
            "schedule": "paper",
            "consistency": "none",
            "teacher": [],
            "consistency_start": 0,
            "consistency_ramp": 0,
            "minimum_risk": 0,
            **CONFIG["settings"],
        }

    def test_another_end_makes_the_metrics_anew(self):
        self.directory.write_config(CONFIG)
        self.directory.metrics.write_text("{}")
        self.directory.write_config(CONFIG)
        assert not self.directory.metrics.exists()

    def test_a_saved_model_is_replaced_whole(self):
        saved = self.directory.saved_model

        def save(name):
            def write(path):
                path.mkdir(parents=True)
                (path / name).touch()
                # Until the new SavedModel is complete, the old one is there.
                if name == "new":
                    assert os.listdir(saved) == ["old"]

            return write

        self.directory.replace_saved_model(save("old"))
        assert os.listdir(saved) == ["old"]
        self.directory.replace_saved_model(save("new"))
        assert os.listdir(saved) == ["new"]
        assert os.listdir(saved.parent) == ["1"]

        def fails(path):
            save("broken")(path)
            raise ValueError("it translates otherwise")

        with pytest.raises(ValueError, match="otherwise"):
            self.directory.replace_saved_model(fails)
        assert os.listdir(saved) == ["new"]
        self.directory.clear_unfinished()
        assert os.listdir(saved.parent) == ["1"]

        # Killed between the two renames: the old SavedModel comes back.
        class Killed(BaseException):
            pass

        rename = os.rename

        def renames_once(path, to):
            if path != saved:
                raise Killed
            rename(path, to)

        with (
            mock.patch.object(os, "rename", renames_once),
            pytest.raises(Killed),
        ):
            self.directory.replace_saved_model(save("newer"))
        assert not saved.exists()
        self.directory.clear_unfinished()
        assert os.listdir(saved.parent) == ["1"]
        assert os.listdir(saved) == ["new"]

    def test_not_a_configuration(self):
        self.directory.path.mkdir()
        self.directory.config.write_text("half a fi")
        with pytest.raises(ValueError, match="config.json is not a run's"):
            self.directory.read_config()


class TestReplaceModel:
    @pytest.fixture(autouse=True)
    def make_directory(self, tmp_path):
        self.directory = run_directory.RunDirectory(tmp_path)

    def replace(self, weights, time):
        def save(path):
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("metadata.json", time)
                archive.writestr("model.weights.h5", weights)

        self.directory.replace_model(save)
        assert not self.directory.unfinished_model.exists()
        return self.directory.model.read_bytes()

    def test_the_file_of_the_same_model_stays(self):
        first = self.replace("weights", "monday")
        assert self.replace("weights", "tuesday") == first

    def test_another_model_replaces_it(self):
        self.replace("weights", "monday")
        assert b"weighty" in self.replace("weighty", "monday")

    def test_a_damaged_file_is_replaced(self):
        whole = self.replace("weights", "monday")
        self.directory.model.write_bytes(whole[:-7])
        assert self.replace("weights", "monday") == whole
