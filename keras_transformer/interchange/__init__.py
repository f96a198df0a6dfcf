"""Imports models of other systems as runs, and exports runs to such systems."""

from collections.abc import Callable

from keras_transformer.interchange import (
    bart_import,
    ctranslate2_export,
    ctranslate2_import,
    m2m100_import,
    marian_export,
    marian_import,
    opennmt_tf_import,
    tensor2tensor_import,
)
from keras_transformer.interchange.imported import Imported, write_run
from keras_transformer.interchange.unfinished import check_free

# The functions that read a model, by the name of its system.
READERS: dict[str, Callable[..., Imported]] = {
    "bart": bart_import.read,
    "ctranslate2": ctranslate2_import.read,
    "m2m100": m2m100_import.read,
    "marian": marian_import.read,
    "opennmt_tf": opennmt_tf_import.read,
    "tensor2tensor": tensor2tensor_import.read,
}
# The names of the arguments that a reader takes besides the path, by the name
# of its system. A reader that is not listed here takes only the path.
OPTIONS = {
    **dict.fromkeys(("bart", "m2m100"), ("source_language", "target_language")),
    "tensor2tensor": ("target_space",),
}
# The functions that write a run as a model of another system, by the name of
# the format.
WRITERS = {
    "ctranslate2": ctranslate2_export.write,
    "marian_hf": marian_export.write,
}
QUANTIZATIONS = ctranslate2_export.QUANTIZATIONS

__all__ = [
    "OPTIONS",
    "QUANTIZATIONS",
    "READERS",
    "WRITERS",
    "Imported",
    "check_free",
    "write_run",
]
