"""A run directory recognizes its own run."""

import json
import pathlib
import tempfile
import unittest

from trainers import run_directory

CONFIG = {
    "architecture": {"model_dim": 6},
    "settings": {"seed": 1, "strategy": "none", "devices": []},
    "data": {"sha256": "abc"},
}


class RunDirectoryTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = run_directory.RunDirectory(
            pathlib.Path(folder.name) / "run"
        )

    def test_same_run(self):
        self.assertFalse(self.directory.is_started)
        self.directory.write_config(CONFIG)
        self.assertTrue(self.directory.is_started)
        self.directory.check_same(CONFIG)
        written = json.loads(self.directory.config.read_text())
        self.assertIn("tensorflow", written["versions"])

    def test_differences_are_named(self):
        self.directory.write_config(CONFIG)
        before = self.directory.config.read_bytes()
        other = {
            **CONFIG,
            "architecture": {"model_dim": 10},
            "settings": {**CONFIG["settings"], "seed": 2},
        }
        with self.assertRaisesRegex(
            ValueError,
            "architecture.model_dim: 6 there, 10 now; "
            "settings.seed: 1 there, 2 now",
        ):
            self.directory.check_same(other)
        self.assertEqual(self.directory.config.read_bytes(), before)

    def test_the_place_may_change(self):
        self.directory.write_config(CONFIG)
        settings = {"seed": 1, "strategy": "mirrored", "devices": ["GPU:0"]}
        self.directory.check_same({**CONFIG, "settings": settings})

    def test_what_was_not_finished_is_cleared(self):
        self.directory.clear_unfinished()  # Of a run that is not there.
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

    def test_the_last_checkpoint(self):
        self.assertIsNone(self.directory.last_checkpoint)
        self.directory.checkpoints.mkdir(parents=True)
        for name in ("ckpt-8.index", "ckpt-12.index", "ckpt-12.data", "a.b"):
            (self.directory.checkpoints / name).touch()
        self.assertEqual(self.directory.last_checkpoint, 12)

    def test_not_a_configuration(self):
        self.directory.path.mkdir()
        self.directory.config.write_text("half a fi")
        with self.assertRaisesRegex(ValueError, "config.json is not a run's"):
            self.directory.check_same(CONFIG)


if __name__ == "__main__":
    unittest.main()
