"""Exports a translator as a SavedModel that runs without this package."""

from keras_transformer.export.contract import SIGNATURES, Signature
from keras_transformer.export.metadata import read as read_metadata
from keras_transformer.export.saved_model import check, save

__all__ = ["SIGNATURES", "Signature", "check", "read_metadata", "save"]
