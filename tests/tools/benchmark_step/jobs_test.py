"""All engines do the same work."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tools.benchmark_step import jobs

SIZES = {
    "layers": 1,
    "model_dim": 6,
    "feed_forward_dim": 7,
    "num_heads": 3,
    "vocabulary_size": 23,
    "batch_size": 5,
    "length": 13,
    "precision": "float32",
    "jit_compile": False,
    "threads": 1,
    "steps": 2,
}
JOB = jobs.Job(engine=jobs.OURS, **SIZES)


def test_ids_are_of_the_vocabulary_and_the_same_each_time():
    ids = JOB.draw_ids()
    assert ids.shape == (5, 13) and ids.dtype == "int32"
    assert ids.min() >= 4 and ids.max() < 23
    np.testing.assert_array_equal(ids, JOB.draw_ids())


@pytest.mark.process
def test_needs_numpy_only():
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "import json, sys\n"
            "from tools.benchmark_step import engine\n"
            "print(json.dumps(list(sys.modules)))",
        ],
        stdout=subprocess.PIPE,
        check=True,
    )
    modules = json.loads(result.stdout)
    assert not {"keras", "tensorflow", "keras_transformer"} & set(modules)
