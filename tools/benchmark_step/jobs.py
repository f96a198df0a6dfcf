"""Describes the training that each engine of the benchmark runs.

An engine is a process that trains a model of keras_transformer or of another
library, which is called a peer. This file does not import `keras_transformer`
or TensorFlow, because the Python environment of a peer may not have them.
"""

import dataclasses
import pathlib

import numpy as np

OURS, KERAS_HUB = "keras_transformer", "keras_hub"
TORCH, MARIAN = "torch.nn.Transformer", "transformers Marian"

# The number of steps before the first round. These steps trace the graph and
# allocate buffers, so they are not timed.
WARM_UP_STEPS = 4


@dataclasses.dataclass(frozen=True)
class Job:
    """The settings of the training of one engine.

    engine: `OURS`, `KERAS_HUB`, `TORCH` or `MARIAN`.
    layers: the number of encoder blocks, and also of decoder blocks.
    batch_size, length: the number of rows of a batch of random ids, and the
        number of tokens of a row. With a corpus, a batch of `OURS` has at most
        `batch_size * length` source tokens and as many target tokens, padding
        included, and a batch of `KERAS_HUB` has `batch_size` pairs.
    precision: a Keras policy. In PyTorch, "float32" is float32, and any other
        policy means automatic mixed precision with bfloat16.
    jit_compile: whether XLA compiles the forward and the backward pass of our
        step. The peers ignore it.
    threads: the number of cores to use.
    steps: the number of timed steps of a round.
    corpus: the directory of `Corpus`; `None` for batches of random ids.
    max_length: the maximum number of tokens of a sentence. Pairs of the corpus
        with a longer sentence are left out.
    """

    engine: str
    layers: int
    model_dim: int
    feed_forward_dim: int
    num_heads: int
    vocabulary_size: int
    batch_size: int
    length: int
    precision: str
    jit_compile: bool
    threads: int
    steps: int
    corpus: str | None = None
    max_length: int = 64

    def draw_ids(self) -> np.ndarray:
        """Draws int32 ids that are not special, `(batch_size, length)`.

        Each call draws the same ids.
        """
        return np.random.default_rng(0).integers(
            4, self.vocabulary_size, (self.batch_size, self.length), "int32"
        )


@dataclasses.dataclass(frozen=True)
class Corpus:
    """The files that all engines read for `--suite=epoch`.

    directory: the directory of the vocabulary and of the sentence pairs.
    """

    directory: str

    @property
    def vocabulary(self) -> pathlib.Path:
        """Returns the path of the SentencePiece model."""
        return pathlib.Path(self.directory) / "vocabulary.spm"

    @property
    def source(self) -> pathlib.Path:
        """Returns the path of the source sentences, one a line."""
        return pathlib.Path(self.directory) / "source.txt"

    @property
    def target(self) -> pathlib.Path:
        """Returns the path of the target sentences, one a line."""
        return pathlib.Path(self.directory) / "target.txt"
