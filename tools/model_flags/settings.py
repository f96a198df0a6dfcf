"""What flags say of the models and the search, checked before any work."""

import dataclasses
import functools
import math
from collections.abc import Sequence

import keras_transformer as kt
from keras_transformer import translation

_OF_BEAMS = (
    "beam_size",
    "length_penalty",
    "length_penalty_form",
    "coverage_penalty",
)
_OF_SAMPLING = ("temperature", "top_k", "top_p", "seed")
_LEAST = {
    "beam_size": 1,
    "length_penalty": 0,
    "coverage_penalty": 0,
    "n_best": 1,
    "min_length": 0,
    "max_length": 1,
    "min_length_ratio": 0,
    "max_length_ratio": 0,
    "no_repeat_ngram_size": 0,
    "top_k": 0,
}


class _Settings:
    def given(self):
        """The settings that are not `None`, by name."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) is not None
        }


@dataclasses.dataclass(frozen=True)
class SearchSettings(_Settings):
    """How to search; `None` means what the run, or the library, does.

    Each is the flag of its name; docs/translating.md describes them.

    Raises:
        ValueError: settings that contradict each other or are out of range.
    """

    beam_size: int | None = None
    length_penalty: float | None = None
    length_penalty_form: str | None = None
    coverage_penalty: float | None = None
    n_best: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_length_ratio: float | None = None
    max_length_ratio: float | None = None
    no_repeat_ngram_size: int | None = None
    sample: bool | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    seed: int | None = None

    def __post_init__(self):
        given = self.given()
        for names, with_sample in ((_OF_BEAMS, False), (_OF_SAMPLING, True)):
            wrong = {name for name in names if name in given}
            if wrong and bool(self.sample) != with_sample:
                raise ValueError(
                    f"{as_flags(given, wrong)} is for "
                    f"{'samples' if with_sample else 'beam search'}. "
                    f"{'Give' if with_sample else 'Leave out'} --sample, or "
                    "leave it out."
                )
        for name, least in _LEAST.items():
            value = given.get(name, least)
            if not least <= value < math.inf:
                raise ValueError(
                    f"--{name} must be at least {least}. Received: {value}."
                )
        if not 0 < given.get("temperature", 1.0) < math.inf:
            raise ValueError(
                "--temperature must be above 0. Received: "
                f"{self.temperature}. Leave out --sample for the best "
                "translations."
            )
        if not 0 < given.get("top_p", 1.0) <= 1:
            raise ValueError(
                f"--top_p must be in (0, 1]. Received: {self.top_p}."
            )
        if not -(2**63) <= given.get("seed", 0) < 2**63:
            raise ValueError(
                f"--seed must fit into 64 bits. Received: {self.seed}."
            )
        if self.beam_size is not None and self.beam_size < (self.n_best or 1):
            raise ValueError(
                "A beam holds the translations that it returns. Received: "
                f"--beam_size={self.beam_size} --n_best={self.n_best}. Give a "
                "larger beam, or none."
            )
        self.lengths().check()

    def search(self, run_directory):
        """The search of a run with these settings, for a `Translator`."""
        constraints = kt.search.Constraints(
            no_repeat_ngram_size=self.no_repeat_ngram_size or 0
        )
        count = self.n_best or 1
        if self.sample:
            return functools.partial(
                kt.search.sampling_search,
                num_samples=count,
                constraints=constraints,
                **{
                    name: value
                    for name, value in self.given().items()
                    if name in _OF_SAMPLING
                },
            )
        search = translation.run_search(
            run_directory,
            beam_size=self.beam_size,
            alpha=self.length_penalty,
            penalty=self.length_penalty_form,
            coverage=self.coverage_penalty,
            top_beams=count,
            constraints=constraints,
        )
        # A beam that was not asked for grows to what shall be returned.
        width = max(search.keywords.get("beam_size", 4), count)
        return functools.partial(search, beam_size=width)

    def lengths(self) -> translation.Lengths:
        """The limits of translations' lengths."""
        given = {
            "maximum": self.max_length,
            "ratio": self.max_length_ratio,
            "minimum": self.min_length,
            "minimum_ratio": self.min_length_ratio,
            # A ratio that was asked for is all that is allowed.
            "extra": None if self.max_length_ratio is None else 0,
        }
        return translation.Lengths(
            **{name: v for name, v in given.items() if v is not None}
        )


@dataclasses.dataclass(frozen=True)
class ModelSettings(_Settings):
    """Which models translate, and how they compute.

    model: run directories, several for an ensemble, or one SavedModel.
    ensemble: mean of several models, see `Ensemble`.
    precision: dtype policy, `None` for the run's.
    jit_compile: whether XLA compiles the search.
    """

    model: Sequence[str]
    ensemble: str | None = None
    precision: str | None = None
    jit_compile: bool | None = None

    def __post_init__(self):
        if not self.model:
            raise ValueError("--model is empty. Give a run directory.")
        if self.ensemble is not None and len(self.model) < 2:
            raise ValueError(
                "--ensemble is for several models. Received: --model="
                f"{','.join(self.model)}. Give several, or leave it out."
            )


def check_sizes(**sizes: int) -> None:
    """Raises ValueError for flags that must be at least 1."""
    for name, value in sizes.items():
        if value < 1:
            raise ValueError(f"--{name} must be at least 1. Received: {value}.")


def from_flags(kind, values):
    """Makes settings from the flags of their names, where there are any.

    Args:
        kind: `SearchSettings` or `ModelSettings`.
        values: `absl.flags.FLAGS`.

    Raises:
        ValueError: see `kind`.
    """
    return kind(
        **{
            field.name: values[field.name].value
            for field in dataclasses.fields(kind)
            if field.name in values
        }
    )


def as_flags(given, names):
    """Settings as they stand on a command line, in their order."""
    return " ".join(
        f"--{name}={','.join(v) if name == 'model' else v}"
        for name, v in given.items()
        if name in names
    )
