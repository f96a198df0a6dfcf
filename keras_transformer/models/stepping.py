"""What a model must have so that a translator and a search can decode with it.

B batch   T target length   S source length   V vocabulary_size   L layers
H heads   W hypotheses of a row   R rows that are kept
"""

import abc
from typing import Any, Protocol, runtime_checkable

from keras import ops


@runtime_checkable
class DecodingModel(Protocol):
    """The contract between a model, a `Translator` and a search.

    `Transformer` and `Ensemble` inherit from it, and so can a model of your
    own; one that has all of this without inheriting is as good. `step` and
    `shift_right` are there if you inherit; without, you write them too.

    A state is a nested structure of tensors, each with the batch axis first,
    which only the model understands. A search hands it on, and asks the model
    to `widen`, `select` and `take_rows`.

    Attributes:
        pad_id: the id that fills up short rows.
        start_id: what the decoder reads first; may be `pad_id`.

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
    def __call__(self, inputs, training=None):
        """Scores each next token of whole targets.

        Args:
            inputs: dict with `"source_ids"` `(B, S)` and `"target_input_ids"`
                `(B, T)`, which `shift_right` makes of targets.
            training: whether to drop units.

        Returns:
            Logits or log-probabilities, float32 `(B, T, V)`.
        """

    @abc.abstractmethod
    def start(self, source_ids, max_length=None) -> Any:
        """Reads the source and makes the state before the first step.

        Args:
            source_ids: shape `(B, S)`.
            max_length: the most steps that will be taken: the state then
                keeps its shape, as XLA needs. With `None` it may grow.

        Returns:
            The state, of one hypothesis a row.
        """

    @abc.abstractmethod
    def stepper(self, return_attention=False):
        """Makes a `step` for many steps: what they share is computed once.

        Args:
            return_attention: whether the step returns, thirdly, where it
                looked in the source, float32 `(B, S)` or `(B W, S)`, as
                `alignment_attention` says it.

        Returns:
            A function like `step`.
        """

    def step(self, ids, position, state):
        """Reads one target token of each row and scores the next.

        The same numbers as the call, one position at a time.

        Args:
            ids: the tokens at `position`, shape `(B,)`; of a state that was
                widened `(B W,)`, the W hypotheses of a row side by side.
            position: scalar integer, counted from 0.
            state: what `start` or the step before returned.

        Returns:
            The pair (logits, float32, `(B, V)` or `(B W, V)`, the new state).

        Raises:
            ValueError: outside of a graph, a position that the state has no
                room for, or another number of ids than it has hypotheses.
        """
        return self.stepper()(ids, position, state)

    @abc.abstractmethod
    def widen(self, state, width) -> Any:
        """Makes `width` hypotheses of each that a state has, side by side.

        Raises:
            ValueError: `width` is below 1.
        """

    @abc.abstractmethod
    def select(self, state, parents) -> Any:
        """Lets hypothesis w of row b continue hypothesis `parents[b, w]`.

        Args:
            state: of B sources with W hypotheses each.
            parents: integers, shape `(B, W)`.

        Raises:
            ValueError: `parents` has another shape.
        """

    @abc.abstractmethod
    def take_rows(self, state, rows, width) -> Any:
        """Keeps some sources, with all their hypotheses.

        Args:
            state: of B sources with W hypotheses each.
            rows: which, in any order, integers of shape `(R,)`.
            width: W; a model whose state knows it may ignore it.
        """

    @abc.abstractmethod
    def shapes(self, state) -> Any:
        """Shapes of a state that hold at every step, `None` what varies.

        Returns:
            The structure of the state, with a tuple for each tensor.
        """

    @abc.abstractmethod
    def attention_scores(self, inputs):
        """Runs the model and returns where it looked, `AttentionScores`.

        Args:
            inputs: as for the call.
        """

    @abc.abstractmethod
    def alignment_attention(self, inputs):
        """Where each target token looked in the source, as one distribution.

        Args:
            inputs: as for the call.

        Returns:
            float32, shape `(B, T, S)`.
        """

    def shift_right(self, target_ids):
        """Turns target ids into what the decoder reads (figure 1).

        Args:
            target_ids: integers, shape `(B, T)`; B and T may be 0, and
                unknown in a graph.

        Returns:
            The start id, then all but the last of each row, shape `(B, T)`.

        Example:

        >>> from keras_transformer import models
        >>> config = models.TransformerConfig(11, 1, 1, 4, 2, 8)
        >>> model = models.build_transformer(config)
        >>> model.shift_right([[5, 6, 2], [7, 2, 0]]).numpy().tolist()
        [[1, 5, 6], [1, 7, 2]]
        """
        target_ids = ops.convert_to_tensor(target_ids)
        # As many columns as before: where there is none, there is no start.
        start = ops.full_like(target_ids[:, :1], self.start_id)
        return ops.concatenate([start, target_ids[:, :-1]], axis=1)
