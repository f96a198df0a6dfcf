"""Dataclasses that record what a model computes for one sentence.

A `Trace` contains all of these records, and can be written as JSON.

T target length   S source length   V vocabulary_size   H heads
C candidates of a step
"""

import base64
import dataclasses
import json
from typing import Any

import numpy as np

from keras_transformer.translation import assessment

SCHEMA = "keras_transformer.trace"
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Sentence:
    """A source and its tokens. The subclass `Target` is for a translation.

    text: the text of the sentence.
    ids: S ids, with special ids such as the end id.
    tokens: S pieces.
    words: S numbers; the tokens of a word have the same number, see
        `words.of_tokens`.
    """

    text: str
    ids: list[int]
    tokens: list[str]
    words: list[int]


@dataclasses.dataclass(frozen=True)
class Target(Sentence):
    """The tokens of a translation, and what the decoder read.

    `ids`, `tokens` and `words` have T items. Step t of the decoder reads
    `input_ids[t]` and emits `ids[t]`. In the arrays of the decoder, index t of
    the axis T belongs to step t. In the attention weights `(H, T, T)` and
    `(H, T, S)`, the first T is the axis of these steps.

    input_ids: T ids, the start id first.
    input_tokens: T pieces.
    is_given: whether the translation was given, not searched for.
    """

    input_ids: list[int]
    input_tokens: list[str]
    is_given: bool


@dataclasses.dataclass(frozen=True)
class Candidates:
    """The most probable next tokens at one step, best first.

    The probability of a candidate is exp(logit - log_normalizer).

    log_normalizer: the logarithm of the sum of exp(logit) of all V tokens.
    ids: C ids.
    tokens: C pieces.
    logits: C logits.
    """

    log_normalizer: float
    ids: list[int]
    tokens: list[str]
    logits: list[float]


@dataclasses.dataclass(frozen=True)
class Hypothesis:
    """A hypothesis of a search at one step.

    ids: the ids of the tokens of the hypothesis.
    log_probability: the sum of the log-probabilities of these tokens.
    score: the log-probability with the penalties of the search.
    parent: the hypothesis that this step extended, as an index into the live
        hypotheses of the previous step; 0 in the first step. `None` if this
        step added no token to the hypothesis. In the result of a search,
        `parent` is always `None`.
    """

    ids: list[int]
    log_probability: float
    score: float
    parent: int | None


@dataclasses.dataclass(frozen=True)
class SearchStep:
    """The hypotheses of a search after one step.

    live: the unfinished hypotheses that the search keeps, the highest
        log-probability first.
    finished: the best hypotheses that finished in this step or earlier, the
        highest score first.
    dropped: the hypotheses that this step made but did not keep, the highest
        log-probability first; empty in a greedy search.
    """

    live: list[Hypothesis]
    finished: list[Hypothesis]
    dropped: list[Hypothesis]


@dataclasses.dataclass(frozen=True)
class SearchRecord:
    """The steps and the result of a search.

    kind: `"beam"` or `"greedy"`.
    settings: for a beam search, `beam_size`, `top_beams`, `alpha`, `penalty`
        and `coverage`; for a greedy search, empty.
    steps: the hypotheses after each step.
    hypotheses: the result, best first.
    """

    kind: str
    settings: dict[str, Any]
    steps: list[SearchStep]
    hypotheses: list[Hypothesis]


@dataclasses.dataclass(frozen=True)
class Trace:
    """The numbers that a model computes for one sentence; see `trace`.

    model: sizes, special ids and layer variants of the model.
    source: the source.
    target: the translation.
    arrays: float32 arrays by name, without a batch axis, in the order in which
        the model computes them. `docs/interpretation.md` lists the names and
        shapes.
    steps: the `Candidates` of each of the T steps.
    lens: for each decoder block, the `Candidates` of each of the T steps,
        computed from the output of this block; see `logit_lens`.
    search: the record of the search; `None` if the translation was given, if
        the search is neither beam search nor greedy search, or if a `Tracer`
        made the trace.
    attribution: an `Attribution`; `None` if none was asked for.
    assessments: an `Assessment` for each translation that the search returned,
        or for the given translation; `None` without a calibration.
    """

    model: dict[str, Any]
    source: Sentence
    target: Target
    arrays: dict[str, np.ndarray]
    steps: list[Candidates]
    lens: list[list[Candidates]]
    search: SearchRecord | None = None
    attribution: "Attribution | None" = None
    assessments: list[assessment.Assessment] | None = None

    def to_json(self) -> str:
        """Returns JSON, with arrays as little-endian float32 in base64.

        Raises:
            ValueError: a number outside of the arrays is NaN or infinite.
        """
        return json.dumps(self.fields(), ensure_ascii=False, allow_nan=False)

    def fields(self) -> dict[str, Any]:
        """Returns the dict that `to_json` writes as JSON."""
        fields = {
            "schema": SCHEMA,
            "version": VERSION,
            **dataclasses.asdict(self),
        }
        fields["arrays"] = {
            name: _packed(array) for name, array in self.arrays.items()
        }
        if self.attribution is not None:
            fields["attribution"]["scores"] = _packed(self.attribution.scores)
        if self.assessments is not None:
            fields["assessments"] = [one._asdict() for one in self.assessments]
        return fields

    @classmethod
    def from_json(cls, text: str | bytes) -> "Trace":
        """Reads the result of `to_json`, or the JSON of a TensorBoard summary.

        A trace from a summary has less data: `arrays` has only attention
        weights, rounded to float16; `lens` is empty; `search` and `attribution`
        are `None`; and each step has at most 20 candidates, with rounded
        logits.

        Args:
            text: the JSON. A summary has JSON that is compressed by gzip;
                decompress it first. Only the schema and the version are
                checked.

        Raises:
            ValueError: the text is not JSON, is not a trace, or is a trace of
                another version.
        """
        fields = json.loads(text)
        _check_version(fields)
        attribution = fields["attribution"]
        if attribution is not None:
            scores = _unpacked(attribution["scores"])
            attribution = Attribution(**{**attribution, "scores": scores})
        return cls(
            model=fields["model"],
            source=Sentence(**fields["source"]),
            target=Target(**fields["target"]),
            arrays={
                name: _unpacked(packed)
                for name, packed in fields["arrays"].items()
            },
            steps=[Candidates(**each) for each in fields["steps"]],
            lens=[
                [Candidates(**each) for each in block]
                for block in fields["lens"]
            ],
            search=_search_record(fields["search"]),
            attribution=attribution,
            assessments=_assessments(fields.get("assessments")),
        )


@dataclasses.dataclass(frozen=True)
class Attribution:
    """Contributions of each source token to each target token.

    method: `"integrated_gradients"` or `"input_x_gradient"`.
    scores: float32 `(T, S)`, in units of log-probability.
    """

    method: str
    scores: np.ndarray


def _search_record(fields):
    if fields is None:
        return None

    def hypotheses(items):
        return [Hypothesis(**item) for item in items]

    return SearchRecord(
        fields["kind"],
        fields["settings"],
        [
            SearchStep(**{kind: hypotheses(step[kind]) for kind in step})
            for step in fields["steps"]
        ],
        hypotheses(fields["hypotheses"]),
    )


def _assessments(items):
    # Older traces and traces without a calibration have no assessments.
    if items is None:
        return None
    return [assessment.Assessment(**item) for item in items]


def _check_version(fields):
    if not isinstance(fields, dict) or fields.get("schema") != SCHEMA:
        raise ValueError(
            f"A trace is a JSON object with the schema {SCHEMA!r}. Received: "
            f"{str(fields)[:60]!r}. Give the result of `Trace.to_json`."
        )
    if fields.get("version") != VERSION:
        raise ValueError(
            f"Traces of version {VERSION} can be read. Received: version "
            f"{fields.get('version')!r}. Make the trace again with this "
            "version of the package."
        )


def _packed(array):
    data = np.asarray(array, "<f4").tobytes()
    return {
        "shape": list(array.shape),
        "values": base64.b64encode(data).decode("ascii"),
    }


def _unpacked(packed):
    # The traces in TensorBoard's summaries have arrays of float16.
    dtype = {"float32": "<f4", "float16": "<f2"}[packed.get("dtype", "float32")]
    values = np.frombuffer(base64.b64decode(packed["values"]), dtype)
    return values.reshape(packed["shape"]).astype("float32")
