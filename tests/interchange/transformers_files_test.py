"""Settings of transformers are read. Errors name wrong settings."""

import json
import pathlib

import pytest

from keras_transformer.interchange import transformers_files
from keras_transformer.interchange.transformers_files import Settings

PATH = pathlib.Path("config.json")


def test_settings():
    settings = Settings(PATH, {"a": 3, "b": None, "c": "x", "d": 3})
    assert settings.get("b", 7) == 7 and settings.get("a", 7) == 3
    assert settings.size("a") == 3 and settings.size("e", 5) == 5
    assert settings.id("a") == 3
    assert settings.expect("c", ("y", "x")) == "x"
    assert settings.expect("e", ("y", "x")) == "y"
    assert settings.same("a", "d") == 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.size("a"), "a must be .* from 1 to .*Received: 0"),
        (lambda s: s.size("b"), "b must be a whole number.*Received: True"),
        (lambda s: s.size("e"), "e must be a whole number.*Received: None"),
        (lambda s: s.size("c", most=5), "from 1 to 5. Received: 7"),
        (lambda s: s.expect("c", (1, 2)), "c = 7. Supported: 1, 2. See docs"),
        (lambda s: s.same("c", "d"), r"c, d = \[7, 8\]. Supported: 'one"),
    ],
)
def test_settings_that_are_wrong(call, message):
    settings = Settings(PATH, {"a": 0, "b": True, "c": 7, "d": 8})
    with pytest.raises(ValueError, match=f"config.json: .*{message}"):
        call(settings)


def test_json(tmp_path):
    path = tmp_path / "config.json"
    with pytest.raises(FileNotFoundError, match="has no config.json"):
        transformers_files.read_json(path)
    path.write_text('{"model_type": "bart"}')
    assert transformers_files.read_json(path) == {"model_type": "bart"}
    with pytest.raises(ValueError, match="model_type = 'bart'. Supported: 'm"):
        transformers_files.read_settings(tmp_path, "marian")
    path.write_text("[" * 100_000)
    with pytest.raises(ValueError, match="is not JSON"):
        transformers_files.read_json(path)


def test_search(tmp_path):
    own = Settings(PATH, {"num_beams": 3, "early_stopping": True})
    search, lengths = transformers_files.search_of(tmp_path, own)
    assert search == {
        "beam_size": 3,
        "length_penalty": 1.0,
        "length_penalty_form": "average",
        "stopping": "full",
        "banned_ids": [],
        "normalized_over": "all",
    }
    assert lengths == {"ratio": 0.0, "extra": 511}
    # The file `generation_config.json` has priority.
    content = {"num_beams": 5, "max_length": 20, "bad_words_ids": [[7], [3]]}
    (tmp_path / "generation_config.json").write_text(json.dumps(content))
    search, lengths = transformers_files.search_of(tmp_path, own)
    assert search["beam_size"] == 5 and search["banned_ids"] == [7, 3]
    assert search["stopping"] == "current_length"
    assert lengths["extra"] == 19


def test_a_search_that_prefers_short_translations_is_refused(tmp_path):
    own = Settings(PATH, {"length_penalty": -0.5})
    with pytest.raises(
        ValueError, match="length_penalty = -0.5. Supported: 'a"
    ):
        transformers_files.search_of(tmp_path, own)
