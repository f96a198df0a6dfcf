"""Several models that decode together.

B batch   T target length   S source length   V vocabulary_size   W hypotheses
of a row
"""

from collections.abc import Sequence

from keras import ops

from keras_transformer.layers import checks
from keras_transformer.models import stepping

MEANS = ("probabilities", "log_probabilities")


class Ensemble(stepping.DecodingModel):
    """Models of one vocabulary as one: the mean of what they predict.

    It is called, started and stepped as a `Transformer`, and can take its
    place in a `Translator`.

    Args:
        models: `Transformer`s of the same vocabularies, padding id and start
            id.
        mean: of what, `"probabilities"` or `"log_probabilities"`; the second
            is the geometric mean, which a search makes a distribution again.

    Raises:
        ValueError: no models, models that do not fit together, or an unknown
            mean.

    Example:

    >>> from keras_transformer import models
    >>> config = models.TransformerConfig(11, 1, 1, 4, 2, 8)
    >>> two = [models.build_transformer(config) for _ in range(2)]
    >>> ids = ops.array([[5, 6, 2]])
    >>> Ensemble(two)({"source_ids": ids, "target_input_ids": ids}).shape
    TensorShape([1, 3, 11])
    """

    def __init__(self, models: Sequence, mean: str = "probabilities"):
        self.models = tuple(models)
        checks.check_name("mean", mean, MEANS)
        self.mean = mean
        if not self.models:
            raise ValueError("An ensemble needs at least one model.")
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
    def variables(self):
        """The variables of all models."""
        return [v for model in self.models for v in model.variables]

    def __call__(self, inputs, training=None):
        """Log-probabilities of each next token, float32 `(B, T, V)`."""
        return self._mean([m(inputs, training=training) for m in self.models])

    def start(self, source_ids, max_length=None):
        """See `DecodingModel.start`; a tuple of the models' states."""
        return tuple(m.start(source_ids, max_length) for m in self.models)

    def stepper(self, return_attention=False):
        """See `DecodingModel.stepper`; the attention is the models' mean."""
        steps = [model.stepper(return_attention) for model in self.models]

        def step(ids, position, state):
            answers = [
                take(ids, position, one)
                for take, one in zip(steps, state, strict=True)
            ]
            logits, states, *attention = zip(*answers, strict=True)
            return (
                self._mean(logits),
                states,
                *(sum(some) / len(some) for some in attention),
            )

        return step

    def widen(self, state, width):
        """See `DecodingModel.widen`."""
        return self._each("widen", state, width)

    def select(self, state, parents):
        """See `DecodingModel.select`."""
        return self._each("select", state, parents)

    def take_rows(self, state, rows, width):
        """See `DecodingModel.take_rows`."""
        return self._each("take_rows", state, rows, width)

    def shapes(self, state):
        """See `DecodingModel.shapes`."""
        return self._each("shapes", state)

    def alignment_attention(self, inputs):
        """See `Transformer.alignment_attention`; the models' mean."""
        attention = [m.alignment_attention(inputs) for m in self.models]
        return sum(attention) / len(attention)

    def attention_scores(self, inputs):
        """`AttentionScores` of all models, their layers one after another.

        Raises:
            ValueError: models of different numbers of heads.
        """
        scores = [model.attention_scores(inputs) for model in self.models]
        heads = [some.cross.shape[2] for some in scores]
        if len(set(heads)) > 1:
            raise ValueError(
                "Scores of layers with different numbers of heads are no one "
                f"array. Received: models of {heads} heads. Read "
                "`attention_scores` of each of `models`."
            )
        return type(scores[0])(
            *(
                ops.concatenate(some, axis=1)
                for some in zip(*scores, strict=True)
            )
        )

    def _each(self, method, state, *arguments):
        return tuple(
            getattr(model, method)(one, *arguments)
            for model, one in zip(self.models, state, strict=True)
        )

    def _mean(self, logits):
        log_probs = ops.stack([ops.log_softmax(some) for some in logits])
        if self.mean == "log_probabilities":
            return ops.mean(log_probs, axis=0)
        return ops.logsumexp(log_probs, axis=0) - ops.log(
            ops.cast(len(self.models), "float32")
        )
