"""A run directory has fixed file names and no incomplete files."""

import json
import os
import unittest

import pytest

from keras_transformer.runs import run_directory

CONFIG = {
    "architecture": {"model_dim": 6},
    "settings": {"seed": 1, "strategy": "none", "devices": []},
    "data": {"sha256": "abc"},
}


class RunDirectoryTest(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def make_directory(self, tmp_path):
        self.directory = run_directory.RunDirectory(tmp_path / "run")

    def test_names(self):
        # Other programs rely on these names; `docs/training.md` lists them.
        self.assertEqual(
            sorted(
                str(path.relative_to(self.directory.path))
                for name, path in vars(self.directory).items()
                if name != "path"
            ),
            [
                "checkpoints",
                "config.json",
                "logs",
                "metrics.json",
                "model.keras",
                "saved_model/1",
                "target_tokenizer.model",
                "tokenizer.model",
                "unfinished.keras",
            ],
        )

    def test_a_run_is_begun(self):
        self.assertFalse(self.directory.is_started)
        self.directory.write_config(CONFIG)
        self.assertTrue(self.directory.is_started)
        written = json.loads(self.directory.config.read_text())
        self.assertIn("tensorflow", written["versions"])

    def test_what_was_not_finished_is_cleared(self):
        self.directory.clear_unfinished()  # No run was started.
        self.directory.write_config(CONFIG)
        saved = self.directory.saved_model
        for folder in (saved, saved.with_name(".saving-a1b")):
            folder.mkdir(parents=True)
            (folder / "saved_model.pb").touch()
        for name in ("metrics.json.tmp", "unfinished.keras", "model.keras"):
            (self.directory.path / name).touch()
        self.directory.clear_unfinished()
        left = self.directory.path.rglob("*")
        self.assertEqual(
            sorted(path.name for path in left),
            ["1", "config.json", "model.keras", "saved_model"]
            + ["saved_model.pb"],
        )

    def test_what_is_found(self):
        self.assertEqual(self.directory.read_config(), {})
        self.directory.write_config(CONFIG)
        found = self.directory.read_config()
        self.assertEqual(found["architecture"], CONFIG["architecture"])
        # The settings of runs that are older than these flags.
        self.assertEqual(
            found["settings"],
            {
                "tokenize": "13a",
                "text_normalization": "none",
                "rare_characters": 0.0,
                **CONFIG["settings"],
            },
        )

    def test_another_end_makes_the_metrics_anew(self):
        self.directory.write_config(CONFIG)
        self.directory.metrics.write_text("{}")
        self.directory.write_config(CONFIG)
        self.assertFalse(self.directory.metrics.exists())

    def test_a_saved_model_is_replaced_whole(self):
        saved = self.directory.saved_model

        def save(name):
            def write(path):
                path.mkdir(parents=True)
                (path / name).touch()
                # Until the new SavedModel is complete, the old one is there.
                if name == "new":
                    self.assertEqual(os.listdir(saved), ["old"])

            return write

        self.directory.replace_saved_model(save("old"))
        self.assertEqual(os.listdir(saved), ["old"])
        self.directory.replace_saved_model(save("new"))
        self.assertEqual(os.listdir(saved), ["new"])
        self.assertEqual(os.listdir(saved.parent), ["1"])

        def fails(path):
            save("broken")(path)
            raise ValueError("it translates otherwise")

        with self.assertRaisesRegex(ValueError, "otherwise"):
            self.directory.replace_saved_model(fails)
        self.assertEqual(os.listdir(saved), ["new"])
        self.directory.clear_unfinished()
        self.assertEqual(os.listdir(saved.parent), ["1"])

    def test_not_a_configuration(self):
        self.directory.path.mkdir()
        self.directory.config.write_text("half a fi")
        with self.assertRaisesRegex(ValueError, "config.json is not a run's"):
            self.directory.read_config()


if __name__ == "__main__":
    unittest.main()
