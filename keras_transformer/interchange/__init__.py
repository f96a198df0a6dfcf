"""Models from and to other systems, as run directories."""

from keras_transformer.interchange import ctranslate2_import
from keras_transformer.interchange.imported import (
    Imported,
    check_free,
    write_run,
)

# What reads a model, by the name of the system.
READERS = {"ctranslate2": ctranslate2_import.read}

__all__ = ["READERS", "Imported", "check_free", "write_run"]
