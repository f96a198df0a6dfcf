"""What differs, bit for bit, in what two training runs ended with."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

import keras_transformer as kt

_TIMINGS = ("train_seconds", "target_tokens_per_second")


def differences(run: pathlib.Path, other: pathlib.Path) -> list[str]:
    """Compares what two runs ended with, bit for bit.

    Args:
        run: the directory of a run that is complete.
        other: that of another.

    Returns:
        What differs: a list of names, empty if the runs are the same.
    """
    both = [kt.runs.RunDirectory(folder) for folder in (run, other)]
    found = []
    for files in zip(*((d.config, d.tokenizer) for d in both), strict=True):
        if files[0].read_bytes() != files[1].read_bytes():
            found.append(files[0].name)
    found += _different(
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
    found += _different(
        both[0].model.name, *(_variables(d.model) for d in both)
    )
    found += _different(
        "saved_model",
        *(_tensors(d.saved_model / "variables/variables") for d in both),
    )
    steps = [
        {path.stem for path in directory.checkpoints.glob("ckpt-*.index")}
        for directory in both
    ]
    if steps[0] != steps[1]:
        return [*found, f"checkpoints: {steps[0]} and {steps[1]}"]
    for step in sorted(steps[0]):
        found += _different(
            step,
            *(_tensors(directory.checkpoints / step) for directory in both),
        )
    return found


def _different(name, one, other):
    return [
        f"{name}: {key}"
        for key in sorted({*one, *other})
        if key not in one or key not in other or one[key] != other[key]
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
