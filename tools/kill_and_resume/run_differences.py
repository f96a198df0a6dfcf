"""Finds differences between the results of two training runs."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

import keras_transformer as kt

_TIMINGS = ("train_seconds", "target_tokens_per_second")


def differences(run: pathlib.Path, other: pathlib.Path) -> list[str]:
    """Compares the results of two runs, bit for bit.

    The results are the configuration, `tokenizer.model`, the metrics, and the
    tensors of the model, of the SavedModel and of the checkpoints. Measured
    times, and the file of a separate target vocabulary, are not compared. If
    the runs have checkpoints of different steps, this is one difference, and
    the tensors of the checkpoints are not compared.

    Args:
        run: the directory of a finished run.
        other: the directory of another finished run.

    Returns:
        A text for each difference: the file, and in most cases the name of the
        value in it. The list is empty if the results are equal.
    """
    both = [kt.runs.RunDirectory(folder) for folder in (run, other)]
    names = []
    for files in zip(*((d.config, d.tokenizer) for d in both), strict=True):
        if files[0].read_bytes() != files[1].read_bytes():
            names.append(files[0].name)
    names += _different(
        both[0].metrics.name,
        *(
            {
                name: value
                for name, value in directory.read_metrics().items()
                if name not in _TIMINGS
            }
            for directory in both
        ),
    )
    names += _different(
        both[0].model.name, *(_variables(d.model) for d in both)
    )
    names += _different(
        "saved_model",
        *(_tensors(d.saved_model / "variables/variables") for d in both),
    )
    steps = [
        {path.stem for path in directory.checkpoints.glob("ckpt-*.index")}
        for directory in both
    ]
    if steps[0] != steps[1]:
        return [*names, f"checkpoints: {steps[0]} and {steps[1]}"]
    for step in sorted(steps[0]):
        names += _different(
            step,
            *(_tensors(directory.checkpoints / step) for directory in both),
        )
    return names


def _different(name, first, second):
    """Returns `name: key` for each key whose values in two dicts differ.

    The values also differ if only one dict has the key.

    Args:
        name: the file of the values.
        first: a dict of values.
        second: another dict of values.
    """
    return [
        f"{name}: {key}"
        for key in sorted({*first, *second})
        if key not in first or key not in second or first[key] != second[key]
    ]


def _variables(path):
    model = keras.models.load_model(path, compile=False)
    return {
        f"{i} {weight.path}": _bits(weight)
        for i, weight in enumerate(model.weights)
    }


def _tensors(path):
    reader = tf.train.load_checkpoint(str(path))
    return {
        name: _bits(reader.get_tensor(name))
        for name in reader.get_variable_to_shape_map()
        if not name.startswith(("counters/train_seconds/", "_"))
    }


def _bits(array):
    array = np.asarray(array)
    return array.dtype.name, array.shape, array.tobytes()
