"""What differs, bit for bit, in what two training runs ended with."""

import json
import pathlib

import keras
import numpy as np
import tensorflow as tf

_TIMINGS = ("train_seconds", "target_tokens_per_second")


def differences(run: pathlib.Path, other: pathlib.Path) -> list[str]:
    """Compares what two runs ended with, bit for bit.

    Args:
        run: the directory of a run that is complete.
        other: that of another.

    Returns:
        What differs: a list of names, empty if the runs are the same.
    """
    found = []
    for name in ("config.json", "tokenizer.model"):
        if (run / name).read_bytes() != (other / name).read_bytes():
            found.append(name)
    found += _different(
        "metrics.json",
        *(
            {
                name: value
                for name, value in json.loads(
                    (folder / "metrics.json").read_text(encoding="utf-8")
                ).items()
                if name not in _TIMINGS
            }
            for folder in (run, other)
        ),
    )
    found += _different(
        "model.keras",
        *(_variables(folder / "model.keras") for folder in (run, other)),
    )
    found += _different(
        "saved_model",
        *(
            _tensors(folder / "saved_model/1/variables/variables")
            for folder in (run, other)
        ),
    )
    steps = [
        {path.stem for path in folder.glob("checkpoints/ckpt-*.index")}
        for folder in (run, other)
    ]
    if steps[0] != steps[1]:
        return [*found, f"checkpoints: {steps[0]} and {steps[1]}"]
    for step in sorted(steps[0]):
        found += _different(
            step,
            *(
                _tensors(folder / "checkpoints" / step)
                for folder in (run, other)
            ),
        )
    return found


def _different(name, one, other):
    return [
        f"{name}: {key}"
        for key in sorted({*one, *other})
        if key not in one or key not in other or one[key] != other[key]
    ]


def _variables(path):
    model = keras.models.load_model(path)
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
