"""The Transformer: ids in, logits out, whole sequences or step by step.

B batch   T target length   S source length   D model_dim   H heads
L layers   V vocabulary_size
"""

from typing import NamedTuple

import keras
from keras import ops

from keras_transformer.layers import (
    decoder,
    embeddings,
    encoder,
    masks,
)
from keras_transformer.layers import (
    positions as position_encodings,
)
from keras_transformer.training import distributed_model

# The paper lets a translation have this many more tokens than its source.
EXTRA_LENGTH = 50


class AttentionScores(NamedTuple):
    """Where every position looked, float32, rows that sum to one.

    encoder: encoder self-attention `(B, L, H, S, S)`.
    decoder: decoder self-attention `(B, L, H, T, T)`.
    cross: encoder-decoder attention `(B, L, H, T, S)`.
    """

    encoder: object
    decoder: object
    cross: object


@keras.saving.register_keras_serializable("keras_transformer")
class Transformer(distributed_model.DistributedModel):
    """The encoder-decoder model of "Attention Is All You Need" (figure 1).

    Source embedding, target embedding and output projection share one matrix
    (section 3.4). Dropout is applied to the output of each sub-layer and to
    the sums of embeddings and positions (section 5.4). The model makes its
    masks from the ids; the decoder is causal. It is built at once.

    Args:
        vocabulary_size: V, of the vocabulary both languages share.
        num_encoder_layers: blocks of the encoder.
        num_decoder_layers: blocks of the decoder.
        model_dim: D, d_model.
        num_heads: H.
        feed_forward_dim: d_ff.
        dropout: P_drop.
        normalization: `"post"` (the paper) or `"pre"`, see `Residual`.
        positions: `"paper"` or `"tensor2tensor"`, see `sinusoidal_encoding`.
        pad_id: the id that fills up short rows and is never attended to.

    Call arguments:
        inputs: dict with `"source_ids"` `(B, S)` and `"target_input_ids"`
            `(B, T)`, the target shifted right by its start symbol.

    Returns:
        Logits of each next token, float32 `(B, T, V)`.

    Raises:
        ValueError: sizes that are not positive or do not fit together.

    Example:

    >>> model = Transformer(vocabulary_size=11, num_encoder_layers=1,
    ...     num_decoder_layers=1, model_dim=4, num_heads=2, feed_forward_dim=8)
    >>> ids = keras.ops.array([[5, 6, 2]])
    >>> model({"source_ids": ids, "target_input_ids": ids}).shape
    TensorShape([1, 3, 11])
    """

    def __init__(
        self,
        vocabulary_size,
        num_encoder_layers=6,
        num_decoder_layers=6,
        model_dim=512,
        num_heads=8,
        feed_forward_dim=2048,
        dropout=0.1,
        normalization="post",
        positions="paper",
        pad_id=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._settings = {
            "vocabulary_size": vocabulary_size,
            "num_encoder_layers": num_encoder_layers,
            "num_decoder_layers": num_decoder_layers,
            "model_dim": model_dim,
            "num_heads": num_heads,
            "feed_forward_dim": feed_forward_dim,
            "dropout": dropout,
            "normalization": normalization,
            "positions": positions,
            "pad_id": pad_id,
        }
        _check_sizes(self._settings)
        position_encodings.check_form(positions, model_dim)
        self.pad_id = pad_id
        policy = self.dtype_policy
        self.embedding = embeddings.ScaledEmbedding(
            vocabulary_size, model_dim, dtype=policy, name="embedding"
        )
        self.positions = position_encodings.SinusoidalPositions(
            positions, dtype=policy, name="positions"
        )
        block = (model_dim, num_heads, feed_forward_dim, dropout, normalization)
        self.encoder = encoder.Encoder(
            num_encoder_layers, *block, dtype=policy, name="encoder"
        )
        self.decoder = decoder.Decoder(
            num_decoder_layers, *block, dtype=policy, name="decoder"
        )
        self.drop = keras.layers.Dropout(dropout, dtype=policy, name="drop")
        self.build()

    def build(self, inputs_shape=None):
        self.embedding.build()
        self.positions.build((None, None, self._settings["model_dim"]))
        self.drop.build((None, None, self._settings["model_dim"]))
        self.encoder.build()
        self.decoder.build()
        self.built = True

    def call(self, inputs, training=None):
        source_ids, target_ids = self._ids(inputs)
        memory = self.encode(source_ids, training=training)
        outputs = self.decoder(
            self._embed(target_ids, training=training),
            memory,
            inputs_mask=masks.padding_mask(target_ids, self.pad_id),
            memory_mask=masks.padding_mask(source_ids, self.pad_id),
            training=training,
        )
        return self.embedding.logits(outputs)

    def encode(self, source_ids, training=False):
        """Encodes source ids (B, S) to memory (B, S, D)."""
        return self.encoder(
            self._embed(source_ids, training=training),
            mask=masks.padding_mask(source_ids, self.pad_id),
            training=training,
        )

    def start(self, source_ids, max_length=None):
        """Reads the source and makes the state before the first step.

        Args:
            source_ids: shape `(B, S)`.
            max_length: the most steps that will be taken; S + 50 if `None`.

        Returns:
            A nested structure of tensors, each with the batch axis first.
        """
        if max_length is None:
            max_length = ops.shape(source_ids)[1] + EXTRA_LENGTH
        memory = self.encode(source_ids)
        return {
            "memory_mask": masks.padding_mask(source_ids, self.pad_id),
            "blocks": self.decoder.start(memory, max_length),
        }

    def step(self, ids, position, state):
        """Reads one target token of each row and scores the next.

        The same numbers as `call`, one position at a time.

        Args:
            ids: the tokens at `position`, shape `(B,)`.
            position: scalar integer, counted from 0.
            state: what `start` or the step before returned.

        Returns:
            The pair (logits `(B, V)` in float32, the new state).
        """
        outputs, blocks = self.decoder.step(
            self._embed(ids[:, None], start=position),
            position,
            state["blocks"],
            state["memory_mask"],
        )
        state = {"memory_mask": state["memory_mask"], "blocks": blocks}
        return self.embedding.logits(outputs)[:, 0], state

    def attention_scores(self, inputs):
        """Runs the model and returns where it looked, `AttentionScores`.

        Args:
            inputs: as for `call`.
        """
        source_ids, target_ids = self._ids(inputs)
        source_mask = masks.padding_mask(source_ids, self.pad_id)
        memory, encoder_scores = self.encoder(
            self._embed(source_ids),
            mask=source_mask,
            training=False,
            return_attention_scores=True,
        )
        _, decoder_scores, cross_scores = self.decoder(
            self._embed(target_ids),
            memory,
            inputs_mask=masks.padding_mask(target_ids, self.pad_id),
            memory_mask=source_mask,
            training=False,
            return_attention_scores=True,
        )
        return AttentionScores(encoder_scores, decoder_scores, cross_scores)

    def get_config(self):
        return {**super().get_config(), **self._settings}

    def _ids(self, inputs):
        names = ("source_ids", "target_input_ids")
        if not isinstance(inputs, dict) or not set(names) <= set(inputs):
            received = sorted(inputs) if isinstance(inputs, dict) else inputs
            raise ValueError(
                f"The model is called on a dict with {names}. Received: "
                f"{received}."
            )
        return tuple(inputs[name] for name in names)

    def _embed(self, ids, start=0, training=False):
        vectors = self.positions(self.embedding(ids), start=start)
        return self.drop(vectors, training=training)


def _check_sizes(settings):
    for name in (
        "vocabulary_size",
        "num_encoder_layers",
        "num_decoder_layers",
        "model_dim",
        "num_heads",
        "feed_forward_dim",
    ):
        if settings[name] < 1:
            raise ValueError(
                f"`{name}` must be at least 1. Received: {settings[name]}."
            )
