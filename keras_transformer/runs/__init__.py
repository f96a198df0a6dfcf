"""What a training run leaves on disk, and how it is loaded."""

from keras_transformer.runs.loading import load_translator, run_search
from keras_transformer.runs.run_directory import RunDirectory

__all__ = ["RunDirectory", "load_translator", "run_search"]
