"""Which pairs a run trains on, and how they are told from others."""

import unittest
from unittest import mock

import pytest

from trainers import corpora, settings


def write(folder, name, lines):
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


class CorporaTest(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def write_files(self, tmp_path):
        self.folder = tmp_path
        self.source = write(tmp_path, "en", [f"a {i}" for i in range(47)])
        self.target = write(tmp_path, "fr", [f"un {i}" for i in range(47)])
        self.tsv = write(tmp_path, "tsv", ["x\ty", "z\tw"])

    def load(self, **values):
        return corpora.load(settings.TrainingSettings(**values))

    def test_built_in(self):
        loaded = self.load(seed=3)
        self.assertGreaterEqual(len(loaded.train), 20000)
        self.assertEqual((len(loaded.dev), len(loaded.test)), (500, 500))
        self.assertGreaterEqual(len(loaded.contrast), 400)

    def test_held_out_pairs_are_not_trained_on(self):
        loaded = self.load(
            train_source=[self.source], train_target=[self.target]
        )
        self.assertEqual(len(loaded.dev), 2)
        self.assertEqual(len(loaded.train), 45)
        self.assertEqual(len({*loaded.train, *loaded.dev}), 47)

    def test_duplicates_of_held_out_pairs_are_removed(self):
        # 47 distinct pairs, each three times: as it is, with other spaces, and
        # with another translation, which is another pair.
        lines = [f"a {i}\tun {i}" for i in range(47)]
        lines += [f" a  {i}\tun {i}\u00a0" for i in range(47)]
        lines += [f"a {i}\tune {i}" for i in range(47)]
        lines += ["\tun", "", "", ""] * 5
        path = write(self.folder, "many", lines)
        with self.assertLogs("trainers", "INFO") as logs:
            loaded = self.load(train_tsv=[path])
        self.assertEqual(len(loaded.dev), 4)  # A twentieth of 94.

        def text(pair):
            return tuple(" ".join(side.split()) for side in pair)

        trained, held_out = ({*map(text, side)} for side in loaded[:2])
        self.assertEqual(len(held_out), 4)
        self.assertFalse(trained & held_out)
        self.assertTrue(all(source and target for source, target in held_out))
        twice = sum(" une" not in f" {pair.target}" for pair in loaded.dev)
        self.assertEqual(len(loaded.train), len(lines) - 4 - twice)
        self.assertIn(
            f"held out 4 of the training pairs and removed {twice} dup",
            logs.output[-1],
        )
        self.assertGreater(twice, 0)

    def test_all_pairs_are_the_same(self):
        path = write(self.folder, "same", ["a\tb"] * 1000)
        with self.assertRaisesRegex(
            ValueError, "1000 pairs, of which 1 are distinct"
        ):
            self.load(train_tsv=[path])

    def test_faults_are_said_before_all_is_read(self):
        with self.assertRaisesRegex(FileNotFoundError, "nowhere.fr"):
            self.load(train_source=[self.tsv], train_target=["nowhere.fr"])
        unreadable = write(self.folder, "dev", ["no tab"])
        with self.assertRaisesRegex(ValueError, "dev, line 1: expected source"):
            with mock.patch.object(corpora.data, "read_parallel") as read:
                self.load(
                    train_source=[self.source],
                    train_target=[self.target],
                    dev_tsv=[unreadable],
                )
        read.assert_not_called()

    def test_development_data_given(self):
        loaded = self.load(
            train_source=[self.source],
            train_target=[self.target],
            dev_tsv=[self.tsv],
        )
        self.assertEqual(len(loaded.train), 47)
        self.assertEqual(loaded.dev, [("x", "y"), ("z", "w")])

    def test_too_few_pairs_to_hold_out(self):
        with self.assertRaisesRegex(ValueError, "Too few sentence pairs.*: 2"):
            self.load(train_tsv=[self.tsv])

    def test_fingerprint_tells_other_data(self):
        first = self.load(train_tsv=[self.tsv], dev_tsv=[self.tsv])
        same = self.load(train_tsv=[self.tsv], dev_tsv=[self.tsv])
        other = first._replace(train=first.train[::-1])
        self.assertEqual(first.fingerprint(), same.fingerprint())
        self.assertNotEqual(first.fingerprint(), other.fingerprint())


if __name__ == "__main__":
    unittest.main()
