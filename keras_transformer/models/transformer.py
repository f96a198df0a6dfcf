"""The Transformer: ids in, logits out, whole sequences or step by step.

B batch   T target length   S source length   D model_dim   H heads
L layers   V vocabulary_size
"""

from typing import NamedTuple

import keras
from keras import ops

from keras_transformer.layers import block, masks, templates
from keras_transformer.models import fitting, keras_tools, stepping
from keras_transformer.training import distributed_model


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
class Transformer(
    keras_tools.KerasTools,
    distributed_model.DistributedModel,
    stepping.DecodingModel,
):
    """The encoder-decoder model of "Attention Is All You Need" (figure 1).

    Put together from its parts, which are used as they are;
    `build_transformer` makes them from a config. The model makes its masks
    from the ids; the decoder is causal. It is built at once.

    Args:
        encoder: an `Encoder`.
        decoder: a `Decoder` of the same `model_dim`.
        source_embedding: a `TokenEmbedding` of the source vocabulary.
        target_embedding: one of the target vocabulary; `None` means the
            source's, of a vocabulary and a matrix that both share.
        projection: a `TokenEmbedding` whose matrix scores the target tokens;
            `None` means the target's, as in section 3.4.
        pad_id: the id that fills up short rows and is never attended to.
        start_id: what the decoder reads first; may be `pad_id`.

    Call arguments:
        inputs: dict with `"source_ids"` `(B, S)` and `"target_input_ids"`
            `(B, T)`, the target shifted right by its start symbol, as
            `shift_right` does.

    Returns:
        Logits of each next token, float32 `(B, T, V)`.

    Raises:
        ValueError: parts that do not fit together; other inputs than these;
            outside of a graph, ids that are not in the vocabulary.

    Example:

    >>> from keras_transformer import layers
    >>> kinds = (layers.MultiHeadAttention(4, 2), layers.FeedForward(4, 8))
    >>> model = Transformer(layers.Encoder(1, *kinds),
    ...     layers.Decoder(1, *kinds), layers.TokenEmbedding(11, 4))
    >>> ids = keras.ops.array([[5, 6, 2]])
    >>> model({"source_ids": ids, "target_input_ids": ids}).shape
    TensorShape([1, 3, 11])
    """

    def __init__(
        self,
        encoder,
        decoder,
        source_embedding,
        target_embedding=None,
        projection=None,
        pad_id=0,
        start_id=1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if target_embedding is None:
            target_embedding = source_embedding
        if projection is None:
            projection = target_embedding
        self.encoder = encoder
        self.decoder = decoder
        self.source_embedding = source_embedding
        self.target_embedding = target_embedding
        self.projection = projection
        self.pad_id = pad_id
        self.start_id = start_id
        fitting.check_sublayers(self)
        self.build()

    def build(self, inputs_shape=None):
        for part in (getattr(self, name) for name in fitting.SUBLAYERS):
            if not part.built:
                part.build()
        self.built = True

    def call(self, inputs, training=None):
        outputs, _ = self._run(inputs, training, return_attention_scores=False)
        return self.projection.logits(outputs)

    def encode(self, source_ids, training=False):
        """Encodes source ids to what the decoder attends to.

        Args:
            source_ids: shape `(B, S)`.
            training: whether to drop units.

        Returns:
            Memory, shape `(B, S, D)`.
        """
        memory, _ = self._encode(
            source_ids, training, return_attention_scores=False
        )
        return memory

    def start(self, source_ids, max_length=None):
        """See `DecodingModel.start`; a growing state reads no empty places."""
        source_ids = ops.convert_to_tensor(source_ids)
        memory = self.encode(source_ids)
        return {
            "memory_mask": masks.padding_mask(source_ids, self.pad_id),
            "decoder": self.decoder.start(memory, max_length),
        }

    def stepper(self, return_attention=False):
        """See `DecodingModel.stepper`."""
        score = self.projection.scorer()
        take_step = self.decoder.stepper()

        def step(ids, position, state):
            ids = ops.convert_to_tensor(ids)
            mask = state["memory_mask"]
            rows, width = state["decoder"]["past"].ancestors.shape[:2]
            _check_ids(ids.shape[0], rows, width)
            outputs, decoder_state, scores = take_step(
                self.target_embedding(ops.reshape(ids, (-1, width))),
                position,
                state["decoder"],
                mask,
            )
            logits = score(ops.reshape(outputs, (-1, outputs.shape[-1])))
            state = {"memory_mask": mask, "decoder": decoder_state}
            if not return_attention:
                return logits, state
            attention = _alignment(scores)
            return (
                logits,
                state,
                ops.reshape(attention, (-1, ops.shape(mask)[1])),
            )

        return step

    def widen(self, state, width):
        """See `DecodingModel.widen`."""
        return {**state, "decoder": self.decoder.widen(state["decoder"], width)}

    def select(self, state, parents):
        """See `DecodingModel.select`; moves no keys and values.

        Their places are found by a table of ancestors, see `layers.past`.
        """
        return {
            **state,
            "decoder": self.decoder.select(state["decoder"], parents),
        }

    def take_rows(self, state, rows, width):
        """See `DecodingModel.take_rows`."""
        return keras.tree.map_structure(
            lambda x: ops.take(x, rows, axis=0), state
        )

    def shapes(self, state):
        """See `DecodingModel.shapes`."""
        return {
            "memory_mask": tuple(state["memory_mask"].shape),
            "decoder": self.decoder.shapes(state["decoder"]),
        }

    def attention_scores(self, inputs):
        """Runs the model and returns where it looked, `AttentionScores`.

        Args:
            inputs: as for `call`.
        """
        _, scores = self._run(
            inputs, training=False, return_attention_scores=True
        )
        return AttentionScores(*scores)

    def alignment_attention(self, inputs):
        """Where each target token looked in the source, as one distribution.

        The mean over all heads of the last decoder block but one, which
        follows words best (Garg et al. 2019); of one or two blocks the last,
        since the first of two has not read enough.

        Args:
            inputs: as for `call`.

        Returns:
            float32, shape `(B, T, S)`.
        """
        return _alignment(self.attention_scores(inputs).cross)

    def get_config(self):
        embeddings = [
            self.source_embedding,
            self.target_embedding,
            self.projection,
        ]
        # A matrix that is shared is named once, `None` after that.
        described = [templates.settings_of(embeddings[0])] + [
            None if one is before else templates.settings_of(one)
            for before, one in zip(embeddings, embeddings[1:], strict=False)
        ]
        return {
            **super().get_config(),
            "encoder": templates.settings_of(self.encoder),
            "decoder": templates.settings_of(self.decoder),
            "source_embedding": described[0],
            "target_embedding": described[1],
            "projection": described[2],
            "pad_id": self.pad_id,
            "start_id": self.start_id,
        }

    @classmethod
    def from_config(cls, config):
        """Makes the model, and its parts, that `get_config` described."""
        made = {
            name: None
            if config[name] is None
            else templates.copy_of(config[name])
            for name in fitting.SUBLAYERS
        }
        return super().from_config({**config, **made})

    def _run(self, inputs, training, return_attention_scores):
        """Figure 1 below the projection, of which `call` makes logits.

        Returns:
            The pair of the decoder's outputs `(B, T, D)` and the scores in
            the order of `AttentionScores`, if they are asked for.
        """
        source_ids, target_ids = self._ids(inputs)
        memory, encoder_scores = self._encode(
            source_ids, training, return_attention_scores
        )
        outputs, *decoder_scores = block.call_with_scores(
            self.decoder,
            self.target_embedding(target_ids),
            memory,
            inputs_mask=self._target_mask(target_ids),
            memory_mask=masks.padding_mask(source_ids, self.pad_id),
            training=training,
            return_attention_scores=return_attention_scores,
        )
        return outputs, [encoder_scores, *decoder_scores]

    def _encode(self, source_ids, training, return_attention_scores):
        """The pair of memory `(B, S, D)` and scores, if they are asked for."""
        source_ids = ops.convert_to_tensor(source_ids)
        return block.call_with_scores(
            self.encoder,
            self.source_embedding(source_ids),
            mask=masks.padding_mask(source_ids, self.pad_id),
            training=training,
            return_attention_scores=return_attention_scores,
        )

    def _ids(self, inputs):
        names = keras_tools.INPUTS
        if not isinstance(inputs, dict) or not set(names) <= set(inputs):
            received = sorted(inputs) if isinstance(inputs, dict) else inputs
            raise ValueError(
                f"The model is called on a dict with {names}. Received: "
                f"{received}."
            )
        return tuple(inputs[name] for name in names)

    def _target_mask(self, target_ids):
        if self.start_id == self.pad_id:
            return masks.started_mask(target_ids, self.pad_id)
        return masks.padding_mask(target_ids, self.pad_id)


def _check_ids(number, rows, width):
    if None not in (number, rows) and number != rows * width:
        raise ValueError(
            f"The state is of {rows} sources, {width} hypotheses each. "
            f"Received: {number} ids. Expected: {rows * width}, those of a "
            "source side by side. Start with as many sources, and widen or "
            "gather the state."
        )


def _alignment(cross_BLHTS):
    num_layers = cross_BLHTS.shape[1]
    block = num_layers - 2 if num_layers > 2 else num_layers - 1
    return ops.mean(cross_BLHTS[:, block], axis=1)
