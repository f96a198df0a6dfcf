"""A directory is written completely, or it does not exist."""

import pytest

from keras_transformer.interchange import unfinished


def test_a_new_and_an_empty_directory(tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "new/deep"):
        with unfinished.unfinished(tmp_path / name) as directory:
            (directory / "file").write_text("text")
            assert not (tmp_path / name / "file").exists()
        assert (tmp_path / name / "file").read_text() == "text"
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "new"}


def test_nothing_is_left_after_an_error(tmp_path):
    with pytest.raises(KeyError):
        with unfinished.unfinished(tmp_path / "new") as directory:
            (directory / "file").write_text("text")
            raise KeyError("a")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_replaced(tmp_path):
    (tmp_path / ".new.unfinished").mkdir()
    (tmp_path / ".new.unfinished" / "old").write_text("")
    with unfinished.unfinished(tmp_path / "new") as directory:
        (directory / "file").write_text("text")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]


def test_directories_with_files(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(ValueError, match="not an empty directory. Give"):
            unfinished.check_free(path)
    unfinished.check_free(tmp_path / "new")
