"""The compiler's answers, and the errors if there is no compiler."""

import pathlib
import sys

import pytest
import tensorflow as tf

from tests.tools.tpu_preflight import programs
from tools.tpu_preflight import chips, compiler, lowering

TOPOLOGY = chips.topology("v5e:2x2")


def interpreter(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.process
@programs.needs_compiler
@pytest.mark.parametrize("name", ["v5e:1x1", "v5e:2x2", "v4:2x2x1", "v6e:2x2"])
def test_a_product(name):
    size = 512
    weights = tf.Variable(tf.zeros([size, size]))

    def update(x):
        weights.assign_add(tf.matmul(x, weights))

    hlo = lowering.lower(update, tf.TensorSpec([size, size]))
    found = compiler.compile_program(hlo, chips.topology(name))
    num_bytes = 4 * size**2
    assert found.arguments == 2 * num_bytes
    # The variable is updated in place.
    assert found.aliased == num_bytes
    assert 2 * size**3 <= found.flops < 2.1 * size**3
    assert found.bytes_accessed >= 3 * num_bytes
    assert found.loops == 0
    assert 2 * num_bytes < found.peak_memory < 20 * num_bytes


@pytest.mark.process
@programs.needs_compiler
def test_a_loop_counts_once():
    def repeated(x):
        return tf.while_loop(
            lambda y: tf.reduce_sum(y) < 97.0,
            lambda y: (tf.matmul(y, y),),
            (x,),
        )[0]

    hlo = lowering.lower(repeated, tf.TensorSpec([256, 256]))
    found = compiler.compile_program(hlo, TOPOLOGY)
    assert found.loops == 1
    assert 2 * 256**3 <= found.flops < 2.1 * 256**3


@pytest.mark.process
@programs.needs_compiler
def test_too_large_for_the_chip():
    def crossed(x):
        scores = tf.nn.softmax(tf.matmul(x, x, transpose_b=True))
        return tf.reduce_sum(scores, axis=0)

    hlo = lowering.lower(crossed, tf.TensorSpec([100003, 17]))
    with pytest.raises(
        compiler.CompilationError, match=r"Ran out of memory on HBM.*15.75G"
    ):
        compiler.compile_program(hlo, TOPOLOGY)


@pytest.mark.process
def test_no_compiler_installed(tmp_path):
    # -S hides the installed packages.
    python = interpreter(tmp_path / "bare", f'exec {sys.executable} -S "$@"')
    with pytest.raises(
        compiler.MissingCompilerError,
        match=r"No module named 'jax'.*pip install '.\[tpu-preflight\]'",
    ):
        compiler.compile_program(b"", TOPOLOGY, python)


@pytest.mark.process
def test_no_such_interpreter():
    with pytest.raises(
        compiler.MissingCompilerError, match="No such interpreter: absent"
    ):
        compiler.compile_program(b"", TOPOLOGY, "absent")


@pytest.mark.process
def test_a_compiler_that_ends_itself(tmp_path):
    python = interpreter(
        tmp_path / "dying", "echo 'F0101 layout.cc:7] Check failed' >&2; exit 6"
    )
    with pytest.raises(
        compiler.CompilationError, match="code 6: F0101.*Check failed"
    ):
        compiler.compile_program(b"", TOPOLOGY, python)


def test_the_extra_is_that_of_setup():
    root = pathlib.Path(compiler.__file__).parents[2]
    assert compiler.INSTALL == "pip install '.[tpu-preflight]'"
    assert '"tpu-preflight": [' in (root / "setup.py").read_text()
