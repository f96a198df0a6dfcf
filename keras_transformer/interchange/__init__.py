"""Models from and to other systems, as run directories."""

from keras_transformer.interchange import (
    ctranslate2_export,
    ctranslate2_import,
    marian_import,
)
from keras_transformer.interchange.imported import Imported, write_run
from keras_transformer.interchange.unfinished import check_free

# What reads and what writes a model, by the name of the system.
READERS = {
    "ctranslate2": ctranslate2_import.read,
    "marian": marian_import.read,
}
WRITERS = {"ctranslate2": ctranslate2_export.write}
QUANTIZATIONS = ctranslate2_export.QUANTIZATIONS

__all__ = [
    "QUANTIZATIONS",
    "READERS",
    "WRITERS",
    "Imported",
    "check_free",
    "write_run",
]
