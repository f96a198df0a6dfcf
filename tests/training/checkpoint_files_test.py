"""After a kill or damage, good checkpoints are found and bad ones named."""

import contextlib
import logging
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.training import checkpoint_files
from tests.assertions import logged

ROOT = pathlib.Path(__file__).parents[2]
DATA = "data-00000-of-00001"


def writer(value):
    """Returns a function that writes a checkpoint of tensors of this value."""
    shapes = (3, 5), (7,), (), (11, 2)
    variables = [tf.Variable(tf.fill(shape, float(value))) for shape in shapes]
    return tf.train.Checkpoint(model=variables).write


def values(prefix):
    reader = tf.train.load_checkpoint(prefix)
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
    }


class Cases:
    """A directory of checkpoints, with methods that write and check them."""

    @pytest.fixture(autouse=True)
    def make_directory(self, tmp_path):
        self.directory = tmp_path

    def open(self, max_to_keep=2):
        return checkpoint_files.CheckpointFiles(self.directory, max_to_keep)

    def write(self, *steps, max_to_keep=2):
        for step in steps:
            self.open(max_to_keep).write(step, writer(step))

    def file(self, step, suffix="index"):
        return self.directory / f"ckpt-{step}.{suffix}"

    def names(self):
        return sorted(path.name for path in self.directory.iterdir())

    @contextlib.contextmanager
    def warnings(self):
        """Collects the messages that are logged; there may be none."""
        handler = logging.Handler()
        handler.messages = []
        handler.emit = lambda record: handler.messages.append(
            record.getMessage()
        )
        checkpoint_files._LOG.addHandler(handler)
        try:
            yield handler
        finally:
            checkpoint_files._LOG.removeHandler(handler)

    def assert_has_only(self, *steps):
        expected = [f"ckpt-{s}.{end}" for s in steps for end in (DATA, "index")]
        assert self.names() == sorted(["checkpoint", *expected])

    def assert_value(self, step):
        found = values(self.open().path(step))
        matrix = found["model/0/.ATTRIBUTES/VARIABLE_VALUE"]
        assert matrix.flatten().tolist() == [step] * 15


class TestCheckpointFiles(Cases):
    def test_keeps_the_last(self):
        self.write(2, 3, 5, 7, 11, max_to_keep=3)
        self.assert_has_only(5, 7, 11)
        assert self.open().good() == [5, 7, 11]
        assert tf.train.latest_checkpoint(self.directory) == self.open().path(
            11
        )
        assert (
            len(
                tf.train.get_checkpoint_state(
                    self.directory
                ).all_model_checkpoint_paths
            )
            == 3
        )

    def test_removes_one(self):
        self.write(2, 3, 5, max_to_keep=3)
        files = self.open(max_to_keep=3)
        files.remove(5)
        self.assert_has_only(2, 3)
        assert files.good() == [2, 3]
        assert tf.train.latest_checkpoint(self.directory) == files.path(3)

    def test_no_directory(self):
        files = checkpoint_files.CheckpointFiles(self.directory / "a/b", 2)
        files.tidy()
        assert files.good() == []
        assert files.damaged() == {}
        files.write(3, writer(3))
        assert files.good() == [3]

    def test_keeps_one_at_least(self):
        with pytest.raises(ValueError, match="Received: max_to_keep=0"):
            self.open(max_to_keep=0)

    def test_every_flipped_byte_is_seen(self):
        self.write(3)
        path = self.open().path(3)
        good = values(path)
        for suffix in ("index", DATA):
            whole = self.file(3, suffix).read_bytes()
            unseen = 0
            for i in range(len(whole)):
                flipped = bytearray(whole)
                flipped[i] ^= 1 << (i % 8)
                self.file(3, suffix).write_bytes(flipped)
                with self.warnings() as warnings:
                    found = self.open().good()
                if found:
                    # The index has padding, where a flip changes nothing.
                    unseen += 1
                    assert suffix == "index"
                    for name, value in values(path).items():
                        np.testing.assert_array_equal(value, good[name])
                else:
                    assert path in warnings.messages[0]
            assert unseen < 60
            self.file(3, suffix).write_bytes(whole)

    @pytest.mark.parametrize("suffix", ("index", DATA))
    @pytest.mark.parametrize("left", ("none", "a byte", "half", "all but one"))
    def test_cut_files_are_seen(self, suffix, left):
        self.write(3, 5)
        file = self.file(5, suffix)
        whole = file.read_bytes()
        size = {
            "none": 0,
            "a byte": 1,
            "half": len(whole) // 2,
            "all but one": len(whole) - 1,
        }
        file.write_bytes(whole[: size[left]])
        files = self.open()
        with logged(checkpoint_files._LOG, "WARNING") as logs:
            assert files.good() == [3]
        [message] = logs
        assert f"{self.directory}/ckpt-5 is damaged" in message
        assert f"ckpt-5.{suffix.split('-')[0]}" in message
        assert list(files.damaged()) == [5]
        # The warning is logged once, and again only with `anew=True`.
        with self.warnings() as warnings:
            files.good()
        assert warnings.messages == []
        with logged(checkpoint_files._LOG, "WARNING"):
            files.good(anew=True)

    @pytest.mark.parametrize("suffix", ["index", DATA])
    def test_missing_files_are_seen(self, suffix):
        self.write(3, 5)
        self.file(5, suffix).unlink()
        with logged(checkpoint_files._LOG, "WARNING") as logs:
            assert self.open().good() == [3]
        assert re.search(f"ckpt-5.{suffix}.* (missing|No such file)", logs[0])

    def test_index_and_data_of_different_checkpoints(self):
        self.write(3, 5)
        shutil.copy(self.file(3), self.file(5))
        assert self.open().good() == [3]

    @pytest.mark.parametrize(
        "content",
        [None, b"", b"\xff garbage", b'model_checkpoint_path: "ckpt-7"\n'],
    )
    def test_the_file_named_checkpoint_is_not_read(self, content):
        self.write(3, 5)
        state = self.directory / "checkpoint"
        state.unlink() if content is None else state.write_bytes(content)
        assert self.open().good() == [3, 5]
        self.write(7)
        self.assert_has_only(5, 7)

    def test_steps_are_numbers(self):
        self.write(9, 10)
        assert self.open().good() == [9, 10]
        self.write(11)
        self.assert_has_only(10, 11)

    def test_a_damaged_one_pushes_no_good_one_out(self):
        self.write(3, 5, 7, max_to_keep=3)
        self.file(5, DATA).write_bytes(b"")
        self.write(11, max_to_keep=3)
        # Checkpoint 5 is newer than 3, the oldest that is kept; so it stays.
        self.assert_has_only(3, 5, 7, 11)
        assert self.open().good() == [3, 7, 11]
        self.write(13, max_to_keep=3)
        self.assert_has_only(7, 11, 13)

    def test_a_damaged_one_is_written_again(self):
        self.write(3, 5)
        self.file(5).write_bytes(b"")
        (self.directory / "ckpt-7.index").write_bytes(b"")
        files = self.open()
        assert files.good() == [3]
        files.write(5, writer(5))
        assert files.good() == [3, 5]
        assert list(files.damaged()) == [7]
        assert self.open().good() == [3, 5]
        self.assert_value(5)

    def test_steps_do_not_go_back(self):
        self.write(3, 5)
        before = self.names()
        with pytest.raises(ValueError, match="step 4, but .* one of step 5"):
            self.write(4)
        assert self.names() == before

    def test_a_failed_write_leaves_the_others(self):
        self.write(3)

        def fails(prefix):
            writer(5)(prefix)
            raise OSError("No space left on device")

        with pytest.raises(OSError, match="No space"):
            self.open().write(5, fails)
        assert self.open().good() == [3]
        self.write(5)
        self.assert_has_only(3, 5)

    def test_what_tensorflow_leaves_is_cleared(self):
        self.write(3)
        # TensorFlow leaves files with such names if a write is killed.
        (self.directory / "ckpt-5_temp").mkdir()
        (self.directory / "ckpt-5_temp/part-00000-of-00001.index").touch()
        (self.directory / "ckpt-5.index.tempstate17").touch()
        (self.directory / "checkpoint.tmp0a1b").touch()
        (self.directory / "notes.txt").touch()
        self.open().tidy()
        (self.directory / "notes.txt").unlink()  # `tidy` keeps other files.
        self.assert_has_only(3)

    @pytest.mark.process
    @pytest.mark.parametrize(
        "scenes",
        [
            ("a_new_checkpoint", "while_tensorflow_writes"),
            pytest.param(("instead_of_a_damaged_one",), marks=pytest.mark.grid),
        ],
    )
    def test_killed_at_each_of_its_steps(self, scenes):
        # In a process of its own, which forks before it uses TensorFlow.
        module = ".".join(
            pathlib.Path(__file__).relative_to(ROOT).with_suffix("").parts
        )
        result = subprocess.run(
            [sys.executable, "-m", module, *scenes],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert result.returncode == 0, result.stderr[-5000:]
        assert result.stdout.split() == list(scenes)


class Killed(Cases):
    """Writes of checkpoint 7 beside 3 and 5, killed at every file operation."""

    def in_a_process(self, function, *args):
        """Returns the exit status of a child process that calls a function."""
        child = os.fork()
        if child == 0:
            try:
                function(*args)
            except BaseException as error:
                print(repr(error), file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        return os.waitpid(child, 0)[1]

    def kill_at(self, operation, write=lambda path: writer(7)(path)):
        seen = 0

        def hook(event, args):
            nonlocal seen
            if event.startswith(("os.", "shutil.", "open")):
                # The hook is called before each operation happens.
                if any(str(self.directory) in str(each) for each in args):
                    if seen == operation:
                        os.kill(os.getpid(), signal.SIGKILL)
                    seen += 1

        files = self.open()
        files.good()
        sys.addaudithook(hook)
        files.write(7, write)

    def check(self, expected, may_warn=False):
        files = self.open()
        with self.warnings() as warnings:
            files.tidy()
            assert files.good() in expected
        if not may_warn:
            assert warnings.messages == []
        for step in (7, 11):
            if step not in files.good():
                files.write(step, writer(step))
            self.assert_value(step)
        self.assert_has_only(7, 11)

    def run_all(self, prepare, **settings):
        """Kills a write at each operation; returns the number of operations."""
        assert self.in_a_process(prepare) == 0
        start = f"{self.directory}.start"
        shutil.copytree(self.directory, start)

        def check():
            self.check(([3, 5], [5, 7]), **settings)

        def check_and_kill_at(operation):
            # One process does both, since TensorFlow takes long to start.
            if operation > 0:
                check()
            shutil.rmtree(self.directory)
            shutil.copytree(start, self.directory)
            self.kill_at(operation)

        for at in range(100):
            status = self.in_a_process(check_and_kill_at, at)
            assert status in (0, signal.SIGKILL), f"killed at {at - 1} or {at}"
            if status == 0:
                assert self.in_a_process(check) == 0
                return at

    def a_new_checkpoint(self):
        assert self.run_all(lambda: self.write(3, 5)) > 12

    def instead_of_a_damaged_one(self):
        def prepare():
            self.write(3, 5, 7, max_to_keep=3)
            self.file(7, DATA).write_bytes(b"damaged")

        # The damaged checkpoint causes warnings until it is replaced.
        assert self.run_all(prepare, may_warn=True) > 12

    def while_tensorflow_writes(self):
        def half(prefix):
            writer(7)(prefix)
            os.truncate(f"{prefix}.{DATA}", 100)
            os.kill(os.getpid(), signal.SIGKILL)

        assert self.in_a_process(self.write, 3, 5) == 0
        assert self.in_a_process(self.kill_at, 1000, half) == signal.SIGKILL
        assert ".ckpt-7.writing" in self.names()
        assert self.in_a_process(self.check, ([3, 5],)) == 0


class TestNewestStep:
    def test_the_newest(self, tmp_path):
        folder = tmp_path
        assert checkpoint_files.newest_step(folder / "nowhere") is None
        assert checkpoint_files.newest_step(folder) is None
        # The user may have put other files into the directory.
        for name in ("ckpt-8.index", "ckpt-12.index", "ckpt-best.index", "a"):
            (folder / name).touch()
        (folder / "ckpt-13.index.tmp").touch()
        assert checkpoint_files.newest_step(str(folder)) == 12


def main():
    for scene in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            killed = Killed()
            killed.directory = pathlib.Path(folder) / "checkpoints"
            killed.directory.mkdir()
            getattr(killed, scene)()
        print(scene, flush=True)


if __name__ == "__main__":
    main()
