"""Modes of the graphs of tests: optimized, not optimized, or no graphs.

TensorFlow rewrites each graph before its first run, so that later runs take
less time. A test runs most of its graphs once or twice, and to rewrite the
graph of a search takes longer than such runs. So `make check` and `make test`
do not optimize graphs, except in the processes that tests start, and in tests
with the fixture `optimized_graphs`. With `--optimized-graphs`, as in
`make test-all`, TensorFlow optimizes all graphs.
"""

import contextlib

import tensorflow as tf


def optimize(is_on):
    """Turns the optimization of graphs in this process on or off."""
    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": not is_on}
    )


@contextlib.contextmanager
def run_as_python():
    """Runs functions without graphs.

    For a few short texts that takes less time than to trace the graphs.
    """
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)
