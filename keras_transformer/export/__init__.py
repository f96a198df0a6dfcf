"""A translator as a SavedModel that needs nothing of this package."""

from keras_transformer.export.saved_model import check, save

__all__ = ["check", "save"]
