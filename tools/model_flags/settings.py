"""The flags of models, searches and batches, with their checks."""

import dataclasses
import math

import keras_transformer as kt
from keras_transformer import translation
from trainers import settings_flags
from trainers.settings_flags import setting

_OF_BEAMS = (
    "beam_size",
    "length_penalty",
    "length_penalty_form",
    "coverage_penalty",
    "minimum_risk",
)
_LENGTHS = translation.Lengths()
_OF_SAMPLING = ("temperature", "top_k", "top_p", "seed")
_LEAST = {
    "beam_size": 1,
    "length_penalty": 0,
    "coverage_penalty": 0,
    "minimum_risk": 0,
    "n_best": 1,
    "min_length": 0,
    "max_length": 1,
    "min_length_ratio": 0,
    "max_length_ratio": 0,
    "no_repeat_ngram_size": 0,
    "top_k": 0,
}


@dataclasses.dataclass(frozen=True)
class SearchSettings:
    """The settings of the search.

    If a field is `None`, the search uses the value of the run or a default.
    docs/translating.md describes the flags and their defaults.

    Raises:
        ValueError: settings contradict each other, or are out of range.
    """

    beam_size: int | None = setting("Beam size. Default: the run's.", None)
    length_penalty: float | None = setting(
        "Alpha of the length penalty. Default: the run's.", None
    )
    length_penalty_form: str | None = setting(
        "Form of the length penalty. Default: the run's.",
        None,
        choices=["gnmt", "average", "none"],
    )
    coverage_penalty: float | None = setting(
        "Beta of the coverage penalty. Default: 0.", None
    )
    minimum_risk: int | None = setting(
        "How many of the best translations are compared, to take the one with "
        "the greatest expected BLEU; 0 for the most probable one. Default: the "
        "run's.",
        None,
    )
    n_best: int | None = setting("Translations of each line. Default: 1.", None)
    min_length: int | None = setting(
        "Fewest tokens of a translation, its end token included.", None
    )
    max_length: int | None = setting(
        "Most tokens of a translation, its end token included.", None
    )
    min_length_ratio: float | None = setting(
        "Least length of a translation, as a ratio to that of its source.", None
    )
    max_length_ratio: float | None = setting(
        "Greatest length of a translation, as a ratio to that of its source. "
        "Default: as long as the source, and 50 tokens more.",
        None,
    )
    no_repeat_ngram_size: int | None = setting(
        "Length of token sequences that never occur twice.", None
    )
    sample: bool | None = setting(
        "Draw samples instead of a beam search.", None
    )
    temperature: float | None = setting(
        "Temperature of sampling. Default: 1.", None
    )
    top_k: int | None = setting(
        "Draw from this number of the best tokens. Default: all.", None
    )
    top_p: float | None = setting(
        "Draw from the best tokens with this total probability. Default: 1.",
        None,
    )
    seed: int | None = setting("Seed of sampling. Default: 0.", None)

    def __post_init__(self):
        given = settings_flags.specified(self)
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
                "The beam size must be at least the number of translations. "
                f"Received: --beam_size={self.beam_size} "
                f"--n_best={self.n_best}. Give a larger beam size, or leave it "
                "out."
            )
        self.lengths().check()

    def search(self, run_directory):
        """Returns the beam search of a run, changed by these settings.

        With `sample`, returns a `SamplingSearch` instead.

        Args:
            run_directory: the directory of the run.
        """
        search = kt.runs.run_search(
            run_directory,
            beam_size=self.beam_size,
            alpha=self.length_penalty,
            penalty=self.length_penalty_form,
            coverage=self.coverage_penalty,
            minimum_risk=self.minimum_risk,
        )
        constraints = dataclasses.replace(
            search.constraints,
            no_repeat_ngram_size=self.no_repeat_ngram_size or 0,
        )
        count = self.n_best or 1
        if self.sample:
            return kt.search.SamplingSearch(
                num_samples=count,
                constraints=constraints,
                **{
                    name: value
                    for name, value in settings_flags.specified(self).items()
                    if name in _OF_SAMPLING
                },
            )
        # The beam size is at least `count`, because a beam search cannot return
        # more hypotheses than its beam size.
        return dataclasses.replace(
            search,
            top_beams=count,
            beam_size=max(search.beam_size, count),
            constraints=constraints,
        )

    def lengths(
        self, of_run: translation.Lengths = _LENGTHS
    ) -> translation.Lengths:
        """Returns the limits of the translations' lengths.

        Args:
            of_run: the limits of the run. Each flag that the user sets replaces
                a limit of the run: --max_length, for example, replaces
                `maximum`.
        """
        given = {
            "maximum": self.max_length,
            "ratio": self.max_length_ratio,
            "minimum": self.min_length,
            "minimum_ratio": self.min_length_ratio,
            # With --max_length_ratio, the maximum is this ratio times the
            # length of the source, without extra tokens.
            "extra": None if self.max_length_ratio is None else 0,
        }
        return of_run._replace(
            **{name: v for name, v in given.items() if v is not None}
        )


@dataclasses.dataclass(frozen=True)
class ModelSettings:
    """The flags of the models that translate, and of their computation.

    Raises:
        ValueError: there is no model, or `ensemble` is given for one model.
    """

    model: list[str] = setting("Run directories or one SavedModel.")
    ensemble: str | None = setting(
        "What an ensemble averages. Default: probabilities.",
        None,
        choices=["probabilities", "log_probabilities"],
    )
    precision: str | None = setting(
        "Default: the run's.", None, choices=["float32", "bfloat16"]
    )
    jit_compile: bool | None = setting(
        "Compile the search with XLA, for short input.", None
    )

    def __post_init__(self):
        if not self.model:
            raise ValueError("--model is empty. Give a run directory.")
        if self.ensemble is not None and len(self.model) < 2:
            raise ValueError(
                "--ensemble is for several models. Received: --model="
                f"{','.join(self.model)}. Give several, or leave it out."
            )


@dataclasses.dataclass(frozen=True)
class BatchSettings:
    """The number of sentences that are translated together.

    Raises:
        ValueError: the number is below 1.
    """

    batch_size: int = setting("Sentences translated together.", 64)

    def __post_init__(self):
        check_sizes(batch_size=self.batch_size)


def check_sizes(**sizes: int) -> None:
    """Raises ValueError if the value of a flag is below 1.

    Args:
        **sizes: the name and the value of each flag.
    """
    for name, value in sizes.items():
        if value < 1:
            raise ValueError(f"--{name} must be at least 1. Received: {value}.")


def as_flags(given, names):
    """Formats settings as flags of a command line.

    Args:
        given: a dict from the names of settings to their values.
        names: the names of the settings to format. Names that `given` lacks
            are ignored.
    """
    return " ".join(
        f"--{name}={','.join(v) if name == 'model' else v}"
        for name, v in given.items()
        if name in names
    )
