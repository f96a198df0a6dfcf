"""Which pairs a run trains on, and how they are told from others."""

import pathlib
import tempfile
import unittest

from trainers import corpora, settings


def write(folder, name, lines):
    path = pathlib.Path(folder) / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


class CorporaTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.source = write(folder.name, "en", [f"a {i}" for i in range(47)])
        self.target = write(folder.name, "fr", [f"un {i}" for i in range(47)])
        self.tsv = write(folder.name, "tsv", ["x\ty", "z\tw"])

    def load(self, **values):
        return corpora.load(settings.TrainingSettings(**values))

    def test_built_in(self):
        found = self.load(seed=3)
        self.assertGreaterEqual(len(found.train), 20000)
        self.assertEqual((len(found.dev), len(found.test)), (500, 500))
        self.assertGreaterEqual(len(found.contrast), 400)

    def test_held_out_pairs_are_not_trained_on(self):
        found = self.load(
            train_source=[self.source], train_target=[self.target]
        )
        self.assertEqual(len(found.dev), 2)
        self.assertEqual(len(found.train), 45)
        self.assertEqual(len({*found.train, *found.dev}), 47)

    def test_development_data_given(self):
        found = self.load(
            train_source=[self.source],
            train_target=[self.target],
            dev_tsv=[self.tsv],
        )
        self.assertEqual(len(found.train), 47)
        self.assertEqual(found.dev, [("x", "y"), ("z", "w")])

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
