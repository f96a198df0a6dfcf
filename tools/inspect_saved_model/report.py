"""Formats the report about a SavedModel as lines of text."""

import os
import pathlib
from collections.abc import Iterator

import keras_transformer as kt

_PARTS = ("graph", "variables", "assets", "other")
_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def sizes(directory: str | os.PathLike[str]) -> dict[str, int]:
    """Returns the sizes in bytes of the parts of a SavedModel, and their sum.

    Args:
        directory: the SavedModel.

    Returns:
        Dict of `graph`, for the file `saved_model.pb`; `variables` and
        `assets`, for these folders; `other`, for all other files; and `total`.
    """
    directory, counts = pathlib.Path(directory), {}
    names = {"saved_model.pb": "graph"}
    for path in directory.rglob("*"):
        if path.is_file():
            [first, *_] = path.relative_to(directory).parts
            name = names.get(first, first)
            name = name if name in _PARTS else "other"
            counts[name] = counts.get(name, 0) + path.stat().st_size
    return {
        **{name: counts.get(name, 0) for name in _PARTS},
        "total": sum(counts.values()),
    }


def lines(directory: str, described: dict, answer: dict) -> Iterator[str]:
    """Yields the lines about one SavedModel.

    Args:
        directory: the SavedModel.
        described: the metadata of the SavedModel; `{}` if it has none.
        answer: the answer of `probe.run`.
    """
    yield f"SavedModel {directory}"
    bytes_of = sizes(directory)
    graph = answer["graph"]
    yield "size       " + ", ".join(
        f"{name} {in_bytes(count)}" for name, count in bytes_of.items()
    )
    yield (
        f"graph      {graph['functions']} functions, {graph['nodes']} nodes, "
        f"{in_bytes(graph['vocabulary_bytes'])} of vocabularies"
    )
    yield from _of_metadata(described)
    yield (
        f"loaded     in {answer['load_seconds']:.2f} s by TensorFlow "
        f"{answer['versions']['tensorflow']}"
    )
    yield "signatures"
    for name, signature in answer["signatures"].items():
        inputs, outputs = (
            ", ".join(
                f"{key} {kind} {_shape(shape, kt.export.SIGNATURES, name, key)}"
                for key, (kind, shape) in signature[part].items()
            )
            for part in ("inputs", "outputs")
        )
        yield f"  {name}: {inputs}"
        yield f"    -> {outputs}"
    if answer["speed"]:
        yield "speed       batch  threads     p50 ms     p99 ms  sentences/s"
    for row in answer["speed"]:
        yield (
            f"           {row['batch_size']:>6} {row['threads']:>8} "
            f"{1e3 * row['p50']:>10.1f} {1e3 * row['p99']:>10.1f} "
            f"{row['sentences_per_second']:>12.1f}"
        )


def compared(name: str, differences: dict) -> Iterator[str]:
    """Yields the lines about a comparison with another run or SavedModel.

    Args:
        name: the directory of the other run or SavedModel.
        differences: the result of `comparing.differences`.
    """
    yield (
        f"against    {name}: {differences['different']} of "
        f"{differences['texts']} translations differ; scores differ by at most "
        f"{differences['largest_score_difference']:.2g}"
    )
    if differences["first_difference"] is not None:
        text, ours, theirs = differences["first_difference"]
        yield f"  {text!r}: {ours!r}, the other {theirs!r}"


def changed(ours: dict, theirs: dict) -> Iterator[str]:
    """Yields a line for each metadata field in which two SavedModels differ.

    The fields `run` and `warm_up` are not compared.

    Args:
        ours: the metadata of the inspected SavedModel.
        theirs: the metadata of the other SavedModel.
    """
    for key in sorted({*ours, *theirs} - {"run", "warm_up"}):
        if ours.get(key) != theirs.get(key):
            yield f"  {key}: {ours.get(key)}, the other {theirs.get(key)}"


def in_bytes(count: int) -> str:
    """Formats a number of bytes in bytes, kB, MB or GB (10^9 bytes).

    Example:

    >>> in_bytes(2_340_000), in_bytes(512), in_bytes(999_900)
    ('2.34 MB', '512 bytes', '1 MB')
    """
    for size, unit in _UNITS:
        # With three digits, 999.5 kB is "1e+03 kB", so it is printed as "1 MB".
        if count >= 0.9995 * size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"


def _of_metadata(described):
    if not described:
        yield "metadata   none: it was exported by an older version"
        return
    versions = {"keras_transformer": described["package"]}
    versions.update(described["versions"])
    yield "made by    " + ", ".join(f"{k} {v}" for k, v in versions.items())
    for name in ("search", "lengths"):
        settings = ", ".join(f"{k} {v}" for k, v in described[name].items())
        yield f"{name:<10} {settings}"
    yield f"sources    at most {described['max_source_length']} tokens"
    weights = ", ".join(
        f"{count} {name}" for name, count in described["parameters"].items()
    )
    vocabulary = described["vocabulary_sha256"][:12]
    yield f"weights    {weights}; vocabulary {vocabulary}"
    metrics = (described["run"] or {}).get("metrics", {})
    if "bleu" in metrics.get("dev", {}):
        yield (
            f"run        {metrics['steps']} steps, BLEU "
            f"{metrics['dev']['bleu']:.2f} on the development set"
        )


def _shape(sizes_, signatures, name, key):
    """Formats a shape with letters: `[None, 5]` may become "(B, W=5)".

    The letters are those of `export.SIGNATURES` for the input or output `key`
    of the signature `name`. If this table lacks the signature, the input or the
    output, each axis has "?" instead of a letter. If the number of axes is
    unknown, or differs from the number of letters, the result has no letters.
    """
    signature = signatures.get(name)
    letters = "?" * len(sizes_ or ())
    if signature is not None:
        known = {
            **signature.inputs,
            **signature.outputs,
            **signature.calibrated,
        }
        letters = known.get(key, ("", letters))[1]
    if sizes_ is None or len(letters) != len(sizes_):
        return str(sizes_)
    names = (
        letter if size is None else f"{letter}={size}"
        for letter, size in zip(letters, sizes_, strict=True)
    )
    return f"({', '.join(names)})"
