"""Export of a translator as a SavedModel that runs without this package."""

from keras_transformer.export.saved_model import check, save

__all__ = ["check", "save"]
