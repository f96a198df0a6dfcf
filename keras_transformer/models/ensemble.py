"""Makes an ensemble, which decodes with several models together.

B batch   T target length   V vocabulary_size
"""

from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from keras_transformer.layers import checks
from keras_transformer.layers.typing import Tensor
from keras_transformer.models import stepping

MEANS = ("probabilities", "log_probabilities")


class Ensemble(stepping.DecodingModel):
    """A model that averages the predictions of several models, its members.

    It has the methods of a `Transformer` for decoding, and can replace a
    `Transformer` in a `Translator`.

    Args:
        models: the members, `Transformer`s with the same vocabularies,
            padding id and start id.
        mean: what is averaged, `"probabilities"` or `"log_probabilities"`.
            The second gives geometric means of the probabilities. These means
            do not sum to one; a search normalizes them.

    Raises:
        ValueError: `models` is empty; `mean` is unknown; or the members do not
            have the same padding id, start id and vocabulary sizes.

    Example:

    >>> from keras_transformer import models
    >>> config = models.TransformerConfig(11, 1, 1, 4, 2, 8)
    >>> two = [models.build_transformer(config) for _ in range(2)]
    >>> ids = ops.array([[5, 6, 2]])
    >>> Ensemble(two)({"source_ids": ids, "target_input_ids": ids}).shape
    TensorShape([1, 3, 11])
    """

    def __init__(self, models: Sequence[Any], mean: str = "probabilities"):
        self.models = tuple(models)
        checks.check_name("mean", mean, MEANS)
        self.mean = mean
        if not self.models:
            raise ValueError(
                "An ensemble needs at least one model. Received: no models. "
                "Give a list of Transformers."
            )
        described = {
            (
                model.pad_id,
                model.start_id,
                model.source_embedding.vocabulary_size,
                model.projection.vocabulary_size,
            )
            for model in self.models
        }
        if len(described) > 1:
            raise ValueError(
                "Models that decode together must have the same padding id, "
                "start id and vocabularies. Received: (pad_id, start_id, "
                "source_vocabulary_size, target_vocabulary_size) of "
                f"{sorted(described)}. Train them with one tokenizer."
            )
        self.pad_id, self.start_id, _, self.vocabulary_size = described.pop()

    @property
    def variables(self) -> list[Any]:
        """The variables of all members."""
        return [v for model in self.models for v in model.variables]

    def __call__(
        self, inputs: dict[str, Tensor], training: bool | None = None
    ) -> Tensor:
        """Returns the averaged predictions of each next token.

        Args:
            inputs: as for the call of a `Transformer`.
            training: whether to apply dropout.

        Returns:
            The logarithms of the averaged probabilities, or the averaged
            log-probabilities, as `mean` says; float32, shape `(B, T, V)`.
        """
        return self._mean([m(inputs, training=training) for m in self.models])

    def start(
        self, source_ids: Tensor, max_length: Tensor | None = None
    ) -> tuple[Any, ...]:
        """Makes a tuple of the members' states before the first step."""
        return tuple(m.start(source_ids, max_length) for m in self.models)

    def stepper(self, return_attention: bool = False) -> Callable[..., Any]:
        """Makes a function to call at each step; see `DecodingModel.stepper`.

        Instead of logits, the function returns the averaged predictions of the
        members. With `return_attention`, it also returns the mean of the
        members' attention.
        """
        member_steps = [
            model.stepper(return_attention) for model in self.models
        ]

        def step(ids, position, state):
            results = [
                member_step(ids, position, member_state)
                for member_step, member_state in zip(
                    member_steps, state, strict=True
                )
            ]
            logits, states, *attention = zip(*results, strict=True)
            return (
                self._mean(logits),
                states,
                *(sum(members) / len(members) for members in attention),
            )

        return step

    def widen(self, state: tuple[Any, ...], width: int) -> tuple[Any, ...]:
        """Replaces each hypothesis in each member's state by `width` copies."""
        return self._each("widen", state, width)

    def select(
        self, state: tuple[Any, ...], parents: Tensor
    ) -> tuple[Any, ...]:
        """Gives slot w of row b the state of hypothesis `parents[b, w]`."""
        return self._each("select", state, parents)

    def take_rows(
        self, state: tuple[Any, ...], rows: Tensor, width: int
    ) -> tuple[Any, ...]:
        """Keeps the given rows in each member's state."""
        return self._each("take_rows", state, rows, width)

    def shapes(self, state: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns the shapes of each member's state."""
        return self._each("shapes", state)

    def alignment_attention(self, inputs: dict[str, Tensor]) -> Tensor:
        """Returns the mean of the members' `alignment_attention`."""
        attention = [m.alignment_attention(inputs) for m in self.models]
        return sum(attention) / len(attention)

    def attention_scores(
        self, inputs: dict[str, Tensor]
    ) -> stepping.AttentionScores:
        """Returns the attention scores of all members.

        The axis of layers has all layers of the first member, then all layers
        of the second, and so on.

        Raises:
            ValueError: the members have different numbers of heads.
        """
        scores = [model.attention_scores(inputs) for model in self.models]
        heads = [member.cross.shape[2] for member in scores]
        if len(set(heads)) > 1:
            raise ValueError(
                "Scores of members with different numbers of heads do not fit "
                f"into one array. Received: models of {heads} heads. Call "
                "`attention_scores` of each of `models`."
            )
        return stepping.AttentionScores(
            *(
                ops.concatenate(members, axis=1)
                for members in zip(*scores, strict=True)
            )
        )

    def _each(self, method, state, *arguments):
        """Calls a method of each member with the state of this member."""
        return tuple(
            getattr(model, method)(member_state, *arguments)
            for model, member_state in zip(self.models, state, strict=True)
        )

    def _mean(self, logits):
        log_probs = ops.stack([ops.log_softmax(member) for member in logits])
        if self.mean == "log_probabilities":
            return ops.mean(log_probs, axis=0)
        return ops.logsumexp(log_probs, axis=0) - ops.log(
            ops.cast(len(self.models), "float32")
        )
