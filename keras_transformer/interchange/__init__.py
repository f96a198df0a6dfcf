"""Models from and to other systems, as run directories."""

from collections.abc import Callable

from keras_transformer.interchange import (
    ctranslate2_export,
    ctranslate2_import,
    m2m100_import,
    marian_export,
    marian_import,
)
from keras_transformer.interchange.imported import Imported, write_run
from keras_transformer.interchange.unfinished import check_free

# What reads and what writes a model, by the name of the system.
READERS: dict[str, Callable[..., Imported]] = {
    "ctranslate2": ctranslate2_import.read,
    "m2m100": m2m100_import.read,
    "marian": marian_import.read,
}
# Systems whose reader takes a `source_language` and a `target_language`.
OF_MANY_LANGUAGES = ("m2m100",)
WRITERS = {
    "ctranslate2": ctranslate2_export.write,
    "marian_hf": marian_export.write,
}
QUANTIZATIONS = ctranslate2_export.QUANTIZATIONS

__all__ = [
    "OF_MANY_LANGUAGES",
    "QUANTIZATIONS",
    "READERS",
    "WRITERS",
    "Imported",
    "check_free",
    "write_run",
]
