"""A program that loads models that a test saved, and compares the outputs.

It gets a folder and prints JSON: for each format and row an error or null. It
loads SavedModels with TensorFlow alone. Then it imports this package to load
`.keras` files, and last `users` for files with the layers of that module.
"""

import json
import pathlib
import sys
import traceback

import numpy as np
import tensorflow as tf


def check(folder, name, call):
    """Compares with the saved outputs of each set of inputs."""
    paths = sorted(folder.glob(f"{name}.*.npz"))
    if len(paths) != 2:
        raise AssertionError(f"Inputs of two sizes are expected: {paths}")
    for path in paths:
        with np.load(path) as saved:
            arrays = dict(saved)
        expected = [
            arrays.pop(key) for key in sorted(arrays) if key.startswith("=")
        ]
        outputs = call({n: tf.constant(array) for n, array in arrays.items()})
        outputs = tf.nest.flatten(outputs)
        if len(outputs) != len(expected):
            raise AssertionError(f"{len(outputs)} outputs, not {len(expected)}")
        for actual, reference in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(
                actual,
                reference,
                rtol=0,
                atol=1e-6 * max(1, np.abs(reference).max()),
                equal_nan=False,
                err_msg=path.name,
            )


def collect(folder, names, load):
    problems = {}
    for name in names:
        try:
            check(folder, name, load(name))
            problems[name] = None
        except Exception:
            problems[name] = traceback.format_exc()
    return problems


def main(folder):
    folder = pathlib.Path(folder)
    saved = json.loads((folder / "saved.json").read_text(encoding="utf-8"))
    problems = {}
    loaded = []

    def load_saved_model(name):
        # The list keeps the variables alive; `serve` does not.
        loaded.append(tf.saved_model.load(str(folder / name)))
        return loaded[-1].serve

    problems["SavedModel"] = collect(
        folder, saved["exported"], load_saved_model
    )
    if "keras_transformer" in sys.modules:
        raise AssertionError("The SavedModels were not loaded by TensorFlow.")

    import keras

    import keras_transformer  # noqa: F401

    def load(name):
        return keras.saving.load_model(folder / f"{name}.keras")

    problems["keras"] = collect(folder, saved["plain"], load)

    from tests.conformance import users  # noqa: F401

    problems["keras"].update(collect(folder, saved["wrapped"], load))
    print(json.dumps(problems))


if __name__ == "__main__":
    main(sys.argv[1])
