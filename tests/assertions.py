"""Assertions about arrays and about log messages."""

import contextlib
import logging

import numpy as np


def assert_all_close(found, expected, rtol=1e-6, atol=1e-6, msg=""):
    """Compares numbers, or dicts and sequences of numbers, of equal shapes."""
    if isinstance(found, dict) or isinstance(expected, dict):
        assert found.keys() == expected.keys(), msg
        for name, value in expected.items():
            assert_all_close(found[name], value, rtol, atol, f"{msg} {name}")
        return
    try:
        found_array, expected_array = _numbers(found), _numbers(expected)
    except ValueError:
        # These are sequences of arrays of different shapes.
        for one, other in zip(found, expected, strict=True):
            assert_all_close(one, other, rtol, atol, msg)
        return
    assert found_array.shape == expected_array.shape, msg
    np.testing.assert_allclose(
        found_array, expected_array, rtol=rtol, atol=atol, err_msg=msg
    )


def assert_not_all_close(found, expected, rtol=1e-6, atol=1e-6):
    """Checks that arrays have the same shape and some different numbers."""
    found, expected = _numbers(found), _numbers(expected)
    assert found.shape == expected.shape
    assert not np.allclose(found, expected, rtol=rtol, atol=atol)


def assert_all_equal(found, expected, msg=""):
    """Compares arrays of numbers or strings, of the same shape."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, msg
    np.testing.assert_array_equal(found, expected, err_msg=msg)


def assert_not_all_equal(found, expected):
    """Checks that arrays have the same shape and some different elements."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.any(found != expected)


def _numbers(values):
    """Converts any numbers to an array of complex or float64 numbers."""
    array = np.asarray(values)
    return array if array.dtype.kind == "c" else array.astype("float64")


@contextlib.contextmanager
def logged(logger, level):
    """Collects the messages of a logger; fails if there is none."""
    if isinstance(logger, str):
        logger = logging.getLogger(logger)
    messages, before = [], logger.level
    handler = logging.Handler(level)
    handler.emit = lambda record: messages.append(record.getMessage())
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    assert messages
