"""All readers refuse wrong values of settings with the same message."""

import json
import pathlib
import shutil

import numpy as np
import pytest

from keras_transformer import interchange
from tests.goldens import make_checkpoints
from tests.interchange import tensor2tensor_import_test

GOLDENS = pathlib.Path(__file__).parent.parent / "goldens"
LANGUAGES = {"source_language": "en_XX", "target_language": "fr_XX"}
NLLB = {"source_language": "eng_Latn", "target_language": "fra_Latn"}
M2M100 = {"source_language": "en", "target_language": "fr"}
SYSTEMS = {
    "ctranslate2": ("ctranslate2/pre_norm", {}),
    "marian": ("marian_hf/shared", {}),
    "m2m100": ("m2m100", M2M100),
    "bart": ("bart", {}),
    "mbart": ("languages/mbart50", LANGUAGES),
    "nllb": ("languages/nllb", NLLB),
    "tensor2tensor": (None, {}),
}
# Values that JSON can have instead of the right value.
OTHERS = (None, True, -1, 0, 1.5, 10**30, 1e400, "", "x", [], [[]], [1], {})
COUNT = 60


def copy(system, folder):
    source, options = SYSTEMS[system]
    directory = folder / "model"
    if source is None:
        make_checkpoints.tensor2tensor(
            directory, tensor2tensor_import_test.PIECES, is_shared=True
        )
    else:
        shutil.copytree(GOLDENS / source, directory)
    return directory, options


@pytest.mark.seconds
@pytest.mark.parametrize("system", SYSTEMS)
def test_wrong_values(system, tmp_path):
    directory, options = copy(system, tmp_path)
    read = interchange.READERS[
        {"nllb": "m2m100", "mbart": "bart"}.get(system, system)
    ]
    read(directory, **options)
    files = {path: path.read_bytes() for path in directory.glob("*.json")}
    fields = [
        (path, name)
        for path, content in files.items()
        if isinstance(json.loads(content), dict)
        for name in sorted(json.loads(content))[:90]
    ]
    generator = np.random.default_rng(13)
    refused = 0
    for number in range(COUNT):
        path, name = fields[generator.integers(len(fields))]
        content = json.loads(files[path])
        content[name] = OTHERS[number % len(OTHERS)]
        path.write_text(json.dumps(content), encoding="utf-8")
        try:
            read(directory, **options)
        except (ValueError, FileNotFoundError) as error:
            refused += 1
            assert str(directory) in str(error), (name, content[name])
        path.write_bytes(files[path])
    assert refused > COUNT // 9
