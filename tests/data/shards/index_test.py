"""An index must be read as it was written; other files must be refused."""

import json

import pytest

from keras_transformer.data.shards import index
from keras_transformer.text import SpecialIds


def make(**values):
    vocabulary = index.Vocabulary("00ff", SpecialIds(7, None, 5, 3))
    return index.ShardIndex(
        **{
            "num_pairs": 11,
            "num_source_tokens": 97,
            "num_target_tokens": 89,
            "max_length": 13,
            "num_empty": 2,
            "num_too_long": 3,
            "tag": "<2ça>",
            "pairs_per_record": 7,
            "sha256": "ff00",
            "source_vocabulary": vocabulary,
            "target_vocabulary": vocabulary,
            "files": (index.Shard("a", 11, 101),),
            "source_files": ("x.en",),
            "cleaning": {"copies": {"pairs": 1, "examples": [["é", "é"]]}},
            **values,
        }
    )


def test_comes_back(tmp_path):
    assert not index.is_shard_directory(str(tmp_path))
    index.write(str(tmp_path), make())
    assert index.is_shard_directory(str(tmp_path))
    assert index.read(str(tmp_path)) == make()
    # People read the file too, so text is not escaped.
    assert "<2ça>" in (tmp_path / "index.json").read_text(encoding="utf-8")


def test_another_one_replaces_it(tmp_path):
    index.write(str(tmp_path), make())
    index.write(str(tmp_path), make(num_empty=5))
    assert index.read(str(tmp_path)).num_empty == 5


@pytest.mark.parametrize(
    "values",
    [{"tag": 1, "unknown": 2}, {"source_vocabulary": {}}, {"num_pairs": 0}],
)
def test_other_fields(tmp_path, values):
    index.write(str(tmp_path), make())
    file = tmp_path / "index.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))
    with pytest.raises(ValueError, match="is not the index"):
        index.read(str(tmp_path))
