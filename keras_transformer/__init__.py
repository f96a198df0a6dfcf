"""The Transformer of "Attention Is All You Need" for Keras 3 on TensorFlow.

Shapes are written with letters. CONTRIBUTING.md lists all letters; the most
frequent are:

B batch size   T query or target length   S key or source length   D model_dim
H heads   K head_dim   F feed_forward_dim   V vocabulary_size   L layers
W hypotheses of a row
"""

from keras_transformer import (
    data,
    explorer,
    export,
    interchange,
    interpretation,
    layers,
    models,
    runs,
    search,
    summaries,
    text,
    training,
    translation,
)
from keras_transformer.models import (
    CONVENTIONS,
    PRESETS,
    Ensemble,
    Transformer,
    TransformerConfig,
    build_transformer,
)
from keras_transformer.runs import load_translator
from keras_transformer.text import Tokenizer, learn_vocabulary
from keras_transformer.translation import Translator

__version__ = "0.1.0"

__all__ = [
    "CONVENTIONS",
    "Ensemble",
    "PRESETS",
    "Tokenizer",
    "Transformer",
    "TransformerConfig",
    "Translator",
    "build_transformer",
    "data",
    "explorer",
    "export",
    "interchange",
    "interpretation",
    "layers",
    "learn_vocabulary",
    "load_translator",
    "models",
    "runs",
    "search",
    "summaries",
    "text",
    "training",
    "translation",
]
