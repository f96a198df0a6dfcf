"""A mapping works in both directions. Errors name what does not fit."""

import numpy as np
import pytest

from keras_transformer.interchange import mapping
from keras_transformer.interchange.mapping import Entry

SHAPES = {"query": (3, 5), "key": (3, 7), "bias": (5,), "table": (11, 3)}
ENTRIES = [
    Entry("fused/weight", ("query", "key"), is_transposed=True),
    Entry("fused/bias", ("bias",), is_optional=True),
    Entry("table", ("table",)),
]


def weights():
    generator = np.random.default_rng(3)
    return {
        name: generator.normal(size=shape).astype("float32")
        for name, shape in SHAPES.items()
    }


def test_there_and_back():
    ours = weights()
    theirs = mapping.to_theirs(ENTRIES, ours)
    assert theirs["fused/weight"].shape == (12, 3)
    np.testing.assert_array_equal(theirs["fused/weight"][:5], ours["query"].T)
    np.testing.assert_array_equal(theirs["table"], ours["table"])
    back = mapping.to_ours(ENTRIES, theirs, SHAPES, "file")
    assert set(back) == set(ours)
    for name, values in ours.items():
        np.testing.assert_array_equal(back[name], values)


def test_what_is_optional():
    ours = weights()
    del ours["bias"]
    theirs = mapping.to_theirs(ENTRIES, ours)
    assert set(theirs) == {"fused/weight", "table"}
    back = mapping.to_ours(ENTRIES, theirs, SHAPES, "file")
    assert back["bias"].tolist() == [0] * 5


def test_arrays_that_do_not_fit():
    theirs = mapping.to_theirs(ENTRIES, weights())
    wrong = {**theirs, "table": theirs["table"].T}
    with pytest.raises(
        ValueError,
        match=r"file: .*'table'.* shape \(3, 11\). Expected: \(11, 3\)",
    ):
        mapping.to_ours(ENTRIES, wrong, SHAPES, "file")
    del theirs["table"]
    with pytest.raises(ValueError, match=r"no array 'table'.*\(11, 3\)"):
        mapping.to_ours(ENTRIES, theirs, SHAPES, "file")


def test_arrays_without_meaning():
    names = ["fused/weight", "fused/bias", "table", "known"]
    mapping.check_all_read(ENTRIES, names, ["known"], "file")
    with pytest.raises(ValueError, match="file has .*Received: 'alibi'. See"):
        mapping.check_all_read(ENTRIES, [*names, "alibi"], ["known"], "file")
    with pytest.raises(ValueError, match="'a', 'b', 'c' and others"):
        mapping.check_all_read(ENTRIES, list("abcd"), [], "file")
