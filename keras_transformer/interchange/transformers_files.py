"""Reads the files of a model saved by Hugging Face's library `transformers`."""

import json
import os
import pathlib
from typing import Any

import numpy as np

from keras_transformer.interchange import safetensors_file, torch_file

CONFIG = "config.json"
GENERATION = "generation_config.json"
TOKENIZER = "tokenizer_config.json"
WEIGHTS = {
    "model.safetensors": safetensors_file.read,
    "pytorch_model.bin": torch_file.read,
}
# The largest accepted id. It is also the largest accepted size, unless the
# caller of `Settings.size` gives another limit.
_MOST = 2**24
# The absolute value of a number that is neither an id nor a size must be below
# this limit. So infinity and NaN are refused.
_LARGEST = 1e30
_STOPPINGS = {False: "current_length", True: "full", "never": "certain"}


class Settings:
    """The settings in a JSON file, with methods that check the settings.

    Args:
        path: the path of the file, which is part of each error message.
        content: the content of the file.

    Example:

    >>> settings = Settings(pathlib.Path("config.json"), {"d_model": 8})
    >>> settings.size("d_model")
    8
    """

    def __init__(self, path: pathlib.Path, content: dict[str, Any]):
        self.path = path
        self._content = content

    def get(self, name: str, default: Any = None) -> Any:
        """Returns a setting, or the default if it is absent or null."""
        value = self._content.get(name)
        return default if value is None else value

    def is_of_class(self, name: str) -> bool:
        """Returns whether `tokenizer_class` is `name`, or `name` + "Fast"."""
        # The class with the suffix `Fast` gives the same ids.
        received = str(self.get("tokenizer_class", ""))
        return received.removesuffix("Fast") == name

    def size(
        self, name: str, default: int | None = None, most: int = _MOST
    ) -> int:
        """Returns a setting that is a whole number from 1 to `most`.

        Args:
            name: the name of the setting.
            default: the value of a missing setting; `None` if a missing
                setting is an error.
            most: the largest value that is accepted.

        Raises:
            ValueError: the setting has another value, or is missing and has no
                default.
        """
        return self._number(name, default, 1, most)

    def id(self, name: str, default: int | None = None) -> int:
        """Returns a setting that is the id of a token.

        Args:
            name: the name of the setting.
            default: the value of a missing setting; `None` if a missing
                setting is an error.

        Raises:
            ValueError: the setting is not a whole number from 0 to 2**24, or
                is missing and has no default.
        """
        return self._number(name, default, 0, _MOST)

    def number(self, name: str, default: float) -> float:
        """Returns a setting that is a number between -1e30 and 1e30.

        Args:
            name: the name of the setting.
            default: the value of a missing setting.

        Raises:
            ValueError: the setting is not such a number.
        """
        value = self.get(name, default)
        if type(value) not in (int, float) or not abs(value) < _LARGEST:
            raise ValueError(
                f"{self.path}: {name} must be a number. Received: {value!r}. "
                "Copy the file again from the original."
            )
        return float(value)

    def _number(self, name, default, least, most):
        value = self.get(name, default)
        if type(value) is not int or not least <= value <= most:
            raise ValueError(
                f"{self.path}: {name} must be a whole number from {least} to "
                f"{most}. Received: {value!r}. Copy the file again from the "
                "original."
            )
        return value

    def expect(self, name: str, supported: tuple[Any, ...]) -> Any:
        """Returns a setting; it must have one of the supported values.

        Args:
            name: the name of the setting.
            supported: the supported values. The first is returned for a
                missing setting.

        Raises:
            ValueError: the setting has another value.
        """
        value = self.get(name, supported[0])
        if value not in supported:
            raise unsupported(self.path, name, value, supported)
        return value

    def same(self, *names: str) -> int:
        """Checks that several sizes are equal, and returns their value.

        Args:
            *names: the names of the settings.

        Raises:
            ValueError: the sizes differ, or one is missing or not a size.
        """
        values = [self.size(name) for name in names]
        if len(set(values)) > 1:
            raise unsupported(
                self.path, ", ".join(names), values, ("one value for all",)
            )
        return values[0]


def unsupported(
    path: str | os.PathLike[str], field: str, value: Any, supported: Any
) -> ValueError:
    """Returns the error for an architecture that is not supported.

    Args:
        path: the file or directory of the model.
        field: the name of the setting, for the message.
        value: the value of the setting.
        supported: the supported values, an iterable.
    """
    return ValueError(
        f"{path}: an architecture that is not supported. Received: {field} = "
        f"{value!r}. Supported: {', '.join(map(repr, supported))}. See "
        "docs/interchange.md."
    )


def read_json(path: pathlib.Path) -> dict[str, Any]:
    """Reads a JSON file whose content is an object.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not JSON, or its content is not an object.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path.parent} has no {path.name}. Give a directory that the "
            "library transformers saved, with all its files."
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not JSON ({error}). Copy it again from the original."
        ) from error
    if not isinstance(content, dict):
        raise ValueError(
            f"{path} must have an object. Received: {type(content).__name__}. "
            "Copy it again from the original."
        )
    return content


def tokenizer_settings(directory: pathlib.Path) -> Settings:
    """Reads `tokenizer_config.json`; a missing file gives empty settings.

    Raises:
        ValueError: the file is damaged.
    """
    path = directory / TOKENIZER
    return Settings(path, read_json(path) if path.is_file() else {})


def read_settings(directory: pathlib.Path, *model_types: str) -> Settings:
    """Reads the `config.json` of a model, and checks the type of the model.

    Args:
        directory: the directory of the model.
        *model_types: the accepted values of `model_type`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or the model is of another type.
    """
    path = directory / CONFIG
    settings = Settings(path, read_json(path))
    if settings.get("model_type") not in model_types:
        raise unsupported(
            path, "model_type", settings.get("model_type"), model_types
        )
    return settings


def read_weights(
    directory: pathlib.Path,
) -> tuple[pathlib.Path, dict[str, np.ndarray]]:
    """Reads the arrays of a model.

    They are read from `model.safetensors` if it exists, else from
    `pytorch_model.bin`.

    Args:
        directory: the directory of the model.

    Returns:
        The path of the file, and a dict from the names of the arrays to the
        arrays.

    Raises:
        FileNotFoundError: the directory has neither of these files.
        ValueError: the file is damaged.
    """
    for name, read in WEIGHTS.items():
        path = directory / name
        if path.is_file():
            return path, read(path)
    raise FileNotFoundError(
        f"{directory} has no weights. Expected {' or '.join(WEIGHTS)}; weights "
        "in several files are not supported. Save the model in one file."
    )


def search_of(
    directory: pathlib.Path, settings: Settings
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reads the settings of the search.

    They are read from `generation_config.json` if the directory has this file,
    else from the `config.json` of the model.

    Args:
        directory: the directory of the model.
        settings: the content of its `config.json`.

    Returns:
        Two dicts: settings of the search, with the names that they have in
        `config.json` of a run; and fields of `translation.Lengths`.

    Raises:
        ValueError: `generation_config.json` is damaged, or a setting is not
            supported.
    """
    path = directory / GENERATION
    if path.is_file():
        settings = Settings(path, read_json(path))
    settings.expect("num_beam_groups", (1,))
    settings.expect("do_sample", (False,))
    settings.expect("repetition_penalty", (1.0, 1))
    settings.expect("no_repeat_ngram_size", (0,))
    settings.expect("min_length", (0,))
    banned = settings.get("bad_words_ids", [])
    if not isinstance(banned, list) or not all(
        isinstance(ids, list) and len(ids) == 1 and type(ids[0]) is int
        for ids in banned
    ):
        raise unsupported(
            settings.path, "bad_words_ids", banned, ("single tokens",)
        )
    renormalizes = settings.expect("renormalize_logits", (False, True))
    penalty = settings.number("length_penalty", 1.0)
    if penalty < 0:
        raise unsupported(
            settings.path, "length_penalty", penalty, ("at least 0",)
        )
    search = {
        "beam_size": settings.size("num_beams", 1),
        "length_penalty": penalty,
        "length_penalty_form": "average",
        "stopping": _STOPPINGS[
            settings.expect("early_stopping", (False, True, "never"))
        ],
        "banned_ids": [ids[0] for ids in banned],
        "normalized_over": "allowed" if renormalizes else "all",
    }
    # `max_length` counts the start token too, but `Lengths` does not.
    longest = settings.size("max_length", 512) - 1
    lengths = {"ratio": 0.0, "extra": max(longest, 1)}
    return search, lengths
