"""A model that computes logits from ids, for whole targets or step by step.

B batch   T target length   S source length   D model_dim
V vocabulary_size
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_transformer.layers import block, checks, composite, masks, templates
from keras_transformer.layers.dropout import Dropout
from keras_transformer.layers.typing import Shape, Tensor
from keras_transformer.models import fitting, keras_tools, stepping
from keras_transformer.models import inputs as model_inputs
from keras_transformer.training import distributed_model


@keras.saving.register_keras_serializable("keras_transformer")
class Transformer(
    keras_tools.KerasTools,
    distributed_model.DistributedModel,
    stepping.DecodingModel,
):
    """The encoder-decoder model of "Attention Is All You Need" (figure 1).

    The model uses the given sublayers, not copies. `build_transformer` makes a
    model and its sublayers from a config. Masks are made from ids, or from
    segment ids; the decoder is causal. The constructor makes the weights.

    Args:
        encoder: an `Encoder`.
        decoder: a `Decoder` of the same `model_dim`.
        source_embedding: a `TokenEmbedding` of the source vocabulary.
        target_embedding: a `TokenEmbedding` of the target vocabulary; `None`
            means `source_embedding`: source and target share its vocabulary.
        projection: a `TokenEmbedding` that computes the logits of target
            tokens; `None` means `target_embedding`, as in section 3.4.
        pad_id: the id that pads short rows. No query attends to padding. If
            `start_id` is `pad_id`, the start of a target is not padding.
        start_id: the first id that the decoder reads; may be `pad_id`.
        word_dropout: the probability that the embedding of a source or target
            token is set to zero in training. Other embeddings are scaled up.

    Call arguments:
        inputs: dict with `"source_ids"` `(B, S)` and `"target_input_ids"`
            `(B, T)`, the target ids shifted right by `shift_right`. If rows
            hold several sentences, also `"source_segment_ids"` `(B, S)` and
            `"target_segment_ids"` `(B, T)`, see `layers.segments`. With
            booleans `"source_kept"` `(B, S)` and `"target_kept"` `(B, T)`,
            an embedding is zero where its boolean is False.
        training: whether to apply dropout; `None` as in Keras.

    Returns:
        Logits of each next token, float32 `(B, T, V)`.

    Raises:
        ValueError: the sublayers do not fit together, `word_dropout` is not
            in [0, 1), the inputs are not such a dict, or `pad_id`, `start_id`
            or an input id is not in the vocabulary. In a graph, input ids are
            not checked.

    Example:

    >>> from keras_transformer import layers
    >>> templates = layers.MultiHeadAttention(4, 2), layers.FeedForward(4, 8)
    >>> model = Transformer(layers.Encoder(1, *templates),
    ...     layers.Decoder(1, *templates), layers.TokenEmbedding(11, 4))
    >>> ids = keras.ops.array([[5, 6, 2]])
    >>> model({"source_ids": ids, "target_input_ids": ids}).shape
    TensorShape([1, 3, 11])
    """

    def __init__(
        self,
        encoder: keras.layers.Layer,
        decoder: keras.layers.Layer,
        source_embedding: keras.layers.Layer,
        target_embedding: keras.layers.Layer | None = None,
        projection: keras.layers.Layer | None = None,
        pad_id: int = 0,
        start_id: int = 1,
        word_dropout: float = 0.0,
        **kwargs: Any,
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
        checks.check_share("word_dropout", word_dropout)
        self._word_drop = Dropout(
            word_dropout,
            # One random number decides about a whole embedding.
            noise_shape=(None, None, 1),
            dtype=self.dtype_policy,
            name="word_drop",
        )
        fitting.check_sublayers(self)
        self.build()

    def build(self, inputs_shape: dict[str, Shape] | None = None) -> None:
        for name in fitting.SUBLAYERS:
            composite.build_all(getattr(self, name))
        self.built = True

    def call(
        self, inputs: dict[str, Tensor], training: bool | None = None
    ) -> Tensor:
        outputs, _ = self._run(inputs, training, return_attention_scores=False)
        return self.projection.logits(outputs)

    def encode(self, source_ids: Tensor, training: bool = False) -> Tensor:
        """Encodes source ids to memory, which the decoder attends to.

        Args:
            source_ids: shape `(B, S)`.
            training: whether to apply dropout.

        Returns:
            Memory, shape `(B, S, D)`.
        """
        memory, _ = self._encode(
            source_ids, training, return_attention_scores=False
        )
        return memory

    def start(
        self, source_ids: Tensor, max_length: Tensor | None = None
    ) -> dict[str, Any]:
        """Encodes the source and makes the state before the first step.

        See `DecodingModel.start`. With `max_length=None` the state grows.
        """
        source_ids = ops.convert_to_tensor(source_ids)
        memory = self.encode(source_ids)
        return {
            "memory_mask": masks.padding_mask(source_ids, self.pad_id),
            "decoder": self.decoder.start(memory, max_length),
        }

    def stepper(
        self, return_attention: bool = False, output_ids: Tensor | None = None
    ) -> Callable[..., Any]:
        """Makes a function to call at each step; see `DecodingModel.stepper`.

        With `output_ids`, a vector of integers, the function computes only the
        logits of these tokens, in this order.
        """
        score = self.projection.scorer(output_ids)
        take_step = self.decoder.stepper()

        def step(ids, position, state):
            ids = ops.convert_to_tensor(ids)
            mask = state["memory_mask"]
            rows, width = state["decoder"]["past"].ancestors.shape[:2]
            fitting.check_ids(ids.shape[0], rows, width)
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
            attention = stepping.alignment_of(scores)
            return (
                logits,
                state,
                ops.reshape(attention, (-1, ops.shape(mask)[1])),
            )

        return step

    def widen(self, state: dict[str, Any], width: int) -> dict[str, Any]:
        """Repeats each hypothesis `width` times; see `DecodingModel.widen`."""
        return {**state, "decoder": self.decoder.widen(state["decoder"], width)}

    def select(self, state: dict[str, Any], parents: Tensor) -> dict[str, Any]:
        """Gives slot w of row b the state of hypothesis `parents[b, w]`.

        No keys and values are moved. Only the table of ancestors changes, see
        `layers.past`. See `DecodingModel.select` for the arguments and errors.
        """
        return {
            **state,
            "decoder": self.decoder.select(state["decoder"], parents),
        }

    def take_rows(
        self, state: dict[str, Any], rows: Tensor, width: int
    ) -> dict[str, Any]:
        """Keeps the given rows of a state, each with all its hypotheses."""
        return keras.tree.map_structure(
            lambda x: ops.take(x, rows, axis=0), state
        )

    def shapes(self, state: dict[str, Any]) -> dict[str, Any]:
        """Returns the shapes of a state; see `DecodingModel.shapes`."""
        return {
            "memory_mask": tuple(state["memory_mask"].shape),
            "decoder": self.decoder.shapes(state["decoder"]),
        }

    def attention_scores(
        self, inputs: dict[str, Tensor]
    ) -> stepping.AttentionScores:
        """Runs the model and returns the attention scores of all layers.

        Args:
            inputs: as for `call`.
        """
        _, scores = self._run(
            inputs, training=False, return_attention_scores=True
        )
        return stepping.AttentionScores(*scores)

    def call_with_scores(
        self, inputs: dict[str, Tensor]
    ) -> tuple[Tensor, stepping.AttentionScores]:
        """Runs the model once and returns the logits and attention scores.

        Args:
            inputs: as for `call`.
        """
        outputs, scores = self._run(
            inputs, training=False, return_attention_scores=True
        )
        logits = self.projection.logits(outputs)
        return logits, stepping.AttentionScores(*scores)

    def alignment_attention(self, inputs: dict[str, Tensor]) -> Tensor:
        """Returns `AttentionScores.alignment`, float32 `(B, T, S)`.

        Args:
            inputs: as for `call`.
        """
        return self.attention_scores(inputs).alignment()

    def get_config(self) -> dict[str, Any]:
        # `None` means a shared layer, as in the constructor's arguments.
        target, projection = self.target_embedding, self.projection
        target = None if target is self.source_embedding else target
        projection = None if projection is self.target_embedding else projection
        return {
            **super().get_config(),
            "encoder": templates.settings_of(self.encoder),
            "decoder": templates.settings_of(self.decoder),
            "source_embedding": templates.settings_of(self.source_embedding),
            "target_embedding": templates.settings_of(target),
            "projection": templates.settings_of(projection),
            "pad_id": self.pad_id,
            "start_id": self.start_id,
            "word_dropout": self._word_drop.rate,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Transformer":
        """Makes a model and its sublayers from the result of `get_config`."""
        sublayers = {
            name: None
            if config[name] is None
            else templates.copy_of(config[name])
            for name in fitting.SUBLAYERS
        }
        return super().from_config({**config, **sublayers})

    def _run(self, inputs, training, return_attention_scores):
        """Runs encoder and decoder: figure 1 without the projection.

        Returns:
            The pair of the decoder's outputs `(B, T, D)` and a list: the fields
            of `AttentionScores`, or `None`s if no scores are returned.
        """
        read = model_inputs.read(inputs)
        memory, encoder_scores = self._encode(
            read.source_ids,
            training,
            return_attention_scores,
            read.source_segment_ids,
            read.source_kept,
        )
        if read.source_segment_ids is None:
            masking = {
                "inputs_mask": self._target_mask(read.target_input_ids),
                "memory_mask": masks.padding_mask(read.source_ids, self.pad_id),
            }
        else:
            masking = {
                "segment_ids": read.target_segment_ids,
                "memory_segment_ids": read.source_segment_ids,
            }
        outputs, *decoder_scores = block.call_with_scores(
            self.decoder,
            self._drop_words(
                self.target_embedding(read.target_input_ids),
                read.target_kept,
                training,
            ),
            memory,
            training=training,
            return_attention_scores=return_attention_scores,
            **masking,
        )
        return outputs, [encoder_scores, *decoder_scores]

    def _encode(
        self,
        source_ids,
        training,
        return_attention_scores,
        segment_ids=None,
        kept=None,
    ):
        """Returns memory `(B, S, D)`, and encoder scores or `None`."""
        source_ids = ops.convert_to_tensor(source_ids)
        if segment_ids is None:
            masking = {"mask": masks.padding_mask(source_ids, self.pad_id)}
        else:
            masking = {"segment_ids": segment_ids}
        return block.call_with_scores(
            self.encoder,
            self._drop_words(self.source_embedding(source_ids), kept, training),
            training=training,
            return_attention_scores=return_attention_scores,
            **masking,
        )

    def _drop_words(self, embeddings, kept, training):
        """Drops embeddings at random in training, and where `kept` is False."""
        embeddings = self._word_drop(embeddings, training=training)
        if kept is None:
            return embeddings
        return embeddings * ops.cast(kept, embeddings.dtype)[..., None]

    def _target_mask(self, target_ids):
        if self.start_id == self.pad_id:
            return masks.started_mask(target_ids, self.pad_id)
        return masks.padding_mask(target_ids, self.pad_id)
