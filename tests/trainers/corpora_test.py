"""Which pairs a run trains on, and the fingerprint that identifies them."""

from unittest import mock

import pytest

from tests.assertions import logged
from trainers import corpora, settings


def write(folder, name, lines):
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


class TestCorpora:
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
        assert len(loaded.train) >= 20000
        assert (len(loaded.dev), len(loaded.test)) == (500, 500)
        assert len(loaded.contrast) >= 400

    def test_held_out_pairs_are_not_trained_on(self):
        loaded = self.load(
            train_source=[self.source], train_target=[self.target]
        )
        assert len(loaded.dev) == 2
        assert len(loaded.train) == 45
        assert len({*loaded.train, *loaded.dev}) == 47

    def test_duplicates_of_held_out_pairs_are_removed(self):
        # Each of 47 pairs three times: unchanged, with other spaces, and with
        # another translation. The last is a different pair.
        lines = [f"a {i}\tun {i}" for i in range(47)]
        lines += [f" a  {i}\tun {i}\u00a0" for i in range(47)]
        lines += [f"a {i}\tune {i}" for i in range(47)]
        lines += ["\tun", "", "", ""] * 5
        path = write(self.folder, "many", lines)
        with logged("trainers", "INFO") as logs:
            loaded = self.load(train_tsv=[path])
        assert len(loaded.dev) == 4  # A twentieth of 94, rounded down.

        def text(pair):
            return tuple(" ".join(side.split()) for side in pair)

        trained, held_out = ({*map(text, side)} for side in loaded[:2])
        assert len(held_out) == 4
        assert not trained & held_out
        assert all(source and target for source, target in held_out)
        twice = sum(" une" not in f" {pair.target}" for pair in loaded.dev)
        assert len(loaded.train) == len(lines) - 4 - twice
        assert (
            f"held out 4 of the training pairs and removed {twice} dup"
            in logs[-1]
        )
        assert twice > 0

    def test_all_pairs_are_the_same(self):
        path = write(self.folder, "same", ["a\tb"] * 1000)
        with pytest.raises(
            ValueError, match="1000 pairs, of which 1 are distinct"
        ):
            self.load(train_tsv=[path])

    def test_faults_are_said_before_all_is_read(self):
        with pytest.raises(FileNotFoundError, match="nowhere.fr"):
            self.load(train_source=[self.tsv], train_target=["nowhere.fr"])
        unreadable = write(self.folder, "dev", ["no tab"])
        with pytest.raises(ValueError, match="dev, line 1: expected source"):
            with mock.patch.object(corpora.large_text, "read_small") as read:
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
        assert len(loaded.train) == 47
        assert loaded.dev == [("x", "y"), ("z", "w")]

    def test_too_few_pairs_to_hold_out(self):
        with pytest.raises(ValueError, match="Too few sentence pairs.*: 2"):
            self.load(train_tsv=[self.tsv])

    def test_fingerprint_tells_other_data(self):
        first = self.load(train_tsv=[self.tsv], dev_tsv=[self.tsv])
        same = self.load(train_tsv=[self.tsv], dev_tsv=[self.tsv])
        other = first._replace(train=first.train[::-1])
        assert first.fingerprint() == same.fingerprint()
        assert first.fingerprint() != other.fingerprint()
