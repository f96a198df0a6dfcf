"""Defines the methods that a `Translator` and a search call on a model.

B batch   T target length   S source length   V vocabulary_size   L layers
H heads   W hypotheses of a row
"""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

from keras import ops

from keras_transformer.layers.typing import Tensor


class AttentionScores(NamedTuple):
    """The attention scores of all layers, float32.

    The scores of a query sum to one over keys. If a query may attend to no key,
    its scores are zero.

    encoder: encoder self-attention `(B, L, H, S, S)`.
    decoder: decoder self-attention `(B, L, H, T, T)`.
    cross: encoder-decoder attention `(B, L, H, T, S)`.
    """

    encoder: Tensor
    decoder: Tensor
    cross: Tensor

    def alignment(self) -> Tensor:
        """Returns one distribution over the source for each target token.

        The distribution is the mean over the heads of the second last decoder
        block, which aligns words best (Garg et al. 2019). If there are only one
        or two blocks, the last block is used, because the first block knows too
        little of the context.

        Returns:
            float32, shape `(B, T, S)`.
        """
        return alignment_of(self.cross)


def alignment_of(cross: Tensor) -> Tensor:
    """Returns `AttentionScores.alignment` of encoder-decoder scores.

    Args:
        cross: encoder-decoder scores, shape `(B, L, H, T, S)`.

    Returns:
        float32, shape `(B, T, S)`.
    """
    num_layers = cross.shape[1]
    block = num_layers - 2 if num_layers > 2 else num_layers - 1
    return ops.mean(cross[:, block], axis=1)


@runtime_checkable
class DecodingModel(Protocol):
    """A model that a `Translator` and a search can decode with.

    `Transformer` and `Ensemble` inherit from it. Your own model can inherit
    too, and so get `step` and `shift_right`; or it can define all methods and
    attributes itself.

    A state is a nested structure of tensors, each with the batch axis first.
    Only the model knows what is in a state. A search passes the state on, and
    calls `widen`, `select` and `take_rows` of the model to change the state.

    Attributes:
        pad_id: the id that pads short rows.
        start_id: the first id that the decoder reads; it may be the same as
            `pad_id`.

    Example:

    >>> from keras_transformer import models
    >>> config = models.TransformerConfig(11, 1, 1, 4, 2, 8)
    >>> model = models.build_transformer(config)
    >>> isinstance(model, DecodingModel)
    True
    >>> state = model.start(ops.array([[5, 6, 2]]))
    >>> logits, state = model.step([model.start_id], 0, state)
    >>> logits.shape
    TensorShape([1, 11])
    """

    pad_id: int
    start_id: int

    @abc.abstractmethod
    def __call__(
        self, inputs: dict[str, Tensor], training: bool | None = None
    ) -> Tensor:
        """Computes the logits of the next token at each position of targets.

        Args:
            inputs: dict with `"source_ids"` `(B, S)` and `"target_input_ids"`
                `(B, T)`, which `shift_right` makes from target ids.
            training: whether to apply dropout; `None` as in Keras.

        Returns:
            Logits or log-probabilities, float32 `(B, T, V)`.
        """

    @abc.abstractmethod
    def start(
        self, source_ids: Tensor, max_length: Tensor | None = None
    ) -> Any:
        """Encodes the source and makes the state before the first step.

        Args:
            source_ids: shape `(B, S)`.
            max_length: the maximum number of steps. With a number, the state
                has a fixed shape, as XLA needs. With `None` it may grow.

        Returns:
            The state, with one hypothesis for each row.

        Raises:
            ValueError: `max_length` is below 1. A value that is known only when
                a graph runs is not checked.
        """

    @abc.abstractmethod
    def stepper(self, return_attention: bool = False) -> Callable[..., Any]:
        """Makes a function to call at each step.

        Weights are cast or transposed once, when the function is made, and not
        at each step.

        Args:
            return_attention: whether the function also returns the attention
                to the source, as in `alignment_attention`, float32 `(B, S)`,
                or `(B W, S)` if the state was widened.

        Returns:
            A function with the arguments and results of `step`; with
            `return_attention` the attention is a third result.
        """

    def step(
        self, ids: Tensor, position: Tensor, state: Any
    ) -> tuple[Tensor, Any]:
        """Reads one token of each hypothesis; returns logits of the next token.

        A call of the model with the whole target gives the same logits at this
        position.

        Args:
            ids: the tokens at `position`, shape `(B,)`; if the state was
                widened, `(B W,)`, the W hypotheses of a row side by side.
            position: scalar integer, counted from 0.
            state: the state that `start` or the previous step returned.

        Returns:
            The pair of the logits, float32 `(B, V)` or `(B W, V)`, and the
            state for the next step.

        Raises:
            ValueError: the position does not fit the state, or the number of
                ids is not the number of hypotheses. Values that are known only
                when a graph runs are not checked.
        """
        return self.stepper()(ids, position, state)

    @abc.abstractmethod
    def widen(self, state: Any, width: int) -> Any:
        """Replaces each hypothesis by `width` copies, side by side.

        Raises:
            ValueError: `width` is below 1.
        """

    @abc.abstractmethod
    def select(self, state: Any, parents: Tensor) -> Any:
        """Gives slot w of row b the state of hypothesis `parents[b, w]`.

        Args:
            state: a state of B rows with W hypotheses each.
            parents: integers, shape `(B, W)`, indices of hypotheses of the
                same row.

        Raises:
            ValueError: `parents` has another shape.
        """

    @abc.abstractmethod
    def take_rows(self, state: Any, rows: Tensor, width: int) -> Any:
        """Keeps the given rows of a state, each with all its hypotheses.

        Args:
            state: a state of B rows with W hypotheses each.
            rows: the indices of the rows to keep, a vector of integers. The
                result has the rows in this order.
            width: W, for models whose state does not contain it.
        """

    @abc.abstractmethod
    def shapes(self, state: Any) -> Any:
        """Returns the shapes of the tensors of a state.

        Returns:
            The structure of the state, with a tuple for each tensor. A size
            that grows at each step, or is not known, is `None`.
        """

    @abc.abstractmethod
    def attention_scores(self, inputs: dict[str, Tensor]) -> AttentionScores:
        """Runs the model and returns the attention scores of all layers.

        Args:
            inputs: as for the call.
        """

    @abc.abstractmethod
    def alignment_attention(self, inputs: dict[str, Tensor]) -> Tensor:
        """Returns one distribution over the source for each target token.

        Args:
            inputs: as for the call.

        Returns:
            float32, shape `(B, T, S)`.
        """

    def shift_right(self, target_ids: Tensor) -> Tensor:
        """Turns target ids into the ids that the decoder reads (figure 1).

        Args:
            target_ids: integers, shape `(B, T)`; B and T may be 0, and may
                be unknown in a graph.

        Returns:
            In each row the start id, then all ids but the last, shape
            `(B, T)`.

        Example:

        >>> from keras_transformer import models
        >>> config = models.TransformerConfig(11, 1, 1, 4, 2, 8)
        >>> model = models.build_transformer(config)
        >>> model.shift_right([[5, 6, 2], [7, 2, 0]]).numpy().tolist()
        [[1, 5, 6], [1, 7, 2]]
        """
        target_ids = ops.convert_to_tensor(target_ids)
        # The number of columns stays T. If T is 0, there is no start id.
        start = ops.full_like(target_ids[:, :1], self.start_id)
        return ops.concatenate([start, target_ids[:, :-1]], axis=1)
