"""Describes a search to time.

Every engine gets this description. An engine is an implementation of the
search, in keras_transformer or in another library.
"""

import dataclasses

from trainers.settings_flags import setting

# Engines of keras_transformer. `GRAPH` has one graph for all shapes, like a
# SavedModel. `XLA` has a graph for each shape, compiled by XLA.
GRAPH, XLA = "keras_transformer", "keras_transformer, XLA"
# This engine is like `GRAPH`, but it computes logits only for the tokens of a
# shortlist.
SHORTLIST = "keras_transformer, shortlist"
OURS = (GRAPH, XLA, SHORTLIST)


@dataclasses.dataclass(frozen=True)
class Job:
    """A search to time: its engine, and the sizes of its model and its batch.

    engine: `GRAPH`, `XLA`, `SHORTLIST`, "ctranslate2" or "marian".
    precision: a Keras policy for our engines, a compute type of CTranslate2, or
        a dtype of PyTorch for Marian.

    Raises:
        ValueError: a size is not an integer of at least 1.
    """

    engine: str = GRAPH
    precision: str = "float32"
    beam_size: int = 4
    threads: int = setting("Cores to use.", 2, least=1)
    layers: int = setting("Encoder and decoder blocks each.", 6)
    model_dim: int = setting("d_model.", 512)
    feed_forward_dim: int = setting("d_ff.", 2048)
    num_heads: int = setting("Heads.", 8)
    vocabulary_size: int = setting("Number of tokens.", 32000)
    batch_size: int = setting("Sentences.", 32)
    source_length: int = setting("Tokens of a source.", 20)
    target_length: int = setting("Tokens of a translation.", 32)

    def __post_init__(self):
        for field in dataclasses.fields(self):
            size = getattr(self, field.name)
            if field.type is int and not (isinstance(size, int) and size > 0):
                raise ValueError(
                    f"--{field.name} must be a number, at least 1. Received: "
                    f"{size}."
                )
