"""Reads or learns the vocabulary of a run, or one for each language."""

import dataclasses
import functools
import logging
import os
import time

import tensorflow as tf

import keras_transformer as kt
from trainers import corpora as run_corpora
from trainers import settings as run_settings

_LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Tokenizers:
    """The tokenizers of source and target, or one tokenizer for both.

    source: tokenizer of the source, or of both languages.
    target: tokenizer of the target; `None` if the languages share one.
    """

    source: kt.text.TextTokenizer
    target: kt.text.TextTokenizer | None = None

    def vocabulary_sizes(self) -> dict[str, int | None]:
        """Returns the vocabulary sizes, as fields of `TransformerConfig`.

        The two tokenizers of an imported model may have the same pieces and
        ids, although they cut text differently. In this case the model has one
        vocabulary, and `target_vocabulary_size` is `None`.
        """
        target_size = self.target and self.target.vocabulary_size
        if self.target and kt.text.vocabulary_sha256(
            self.source
        ) == kt.text.vocabulary_sha256(self.target):
            target_size = None
        return {
            "vocabulary_size": self.source.vocabulary_size,
            "target_vocabulary_size": target_size,
        }

    def characters(self) -> set[str]:
        """Returns all characters of the pieces of both vocabularies."""
        return {
            character
            for tokenizer in (self.source, self.target or self.source)
            for piece in tokenizer.pieces(range(tokenizer.vocabulary_size))
            for character in piece
        }

    def fingerprint(self) -> dict[str, str]:
        """Returns a dict with a hash, which identifies the vocabularies."""
        return {
            "vocabulary_sha256": kt.text.vocabulary_sha256(
                self.source, self.target or self.source
            )
        }

    def save(self, directory: kt.runs.RunDirectory) -> None:
        """Writes each vocabulary that the run directory does not have yet."""
        if not directory.tokenizer.exists():
            self.source.save(directory.tokenizer)
        if self.target and not directory.target_tokenizer.exists():
            self.target.save(directory.target_tokenizer)


def load(
    directory: kt.runs.RunDirectory,
    corpora: run_corpora.Corpora,
    settings: run_settings.TrainingSettings,
    overrides: dict,
    strategy: tf.distribute.Strategy | None = None,
) -> Tokenizers:
    """Reads the vocabularies of a run, or learns them from its training text.

    A run that was started in the directory keeps its vocabularies. A new run
    reads its vocabularies from the first of these three that the user gave:
    --vocabulary with --target_vocabulary, shards, --initial_model. The chief
    learns the vocabularies if the user gave none of the three. It also learns
    them if the user gave a vocabulary size together with --initial_model, but
    no --vocabulary and no shards. All workers use the vocabularies of the
    chief.

    Args:
        directory: the directory of the run.
        corpora: the data sets of the run.
        settings: the settings of the run, before or after all defaults are
            filled in.
        overrides: dict of the `TransformerConfig` fields that the user gave.
            If it has a `target_vocabulary_size`, each language gets its own
            vocabulary.
        strategy: the strategy of the run; `None` for the current strategy of
            TensorFlow, which by default has one process.

    Raises:
        FileNotFoundError: a vocabulary that the user gave is missing.
        ValueError: the text has too few different pieces for the size that the
            user gave, a file is not a vocabulary, or a tag of a direction is
            not a symbol of the vocabulary.
    """
    strategy = strategy or tf.distribute.get_strategy()

    def load_one(path, make):
        def read_or_make():
            if directory.is_started and path.exists():
                return path.read_bytes()
            return make()

        return kt.text.tokenizer_of(
            kt.training.from_chief(strategy, read_or_make)
        )

    paths = (directory.tokenizer, directory.target_tokenizer)
    makers = _makers(corpora, settings, overrides)
    tokenizers = Tokenizers(*map(load_one, paths[: len(makers)], makers))
    for tag in settings.direction_tags:
        kt.data.check_tag(tag, tokenizers.source)
    return tokenizers


def read(vocabulary: str, target_vocabulary: str | None = None) -> Tokenizers:
    """Reads vocabularies from files or from the directory of a run.

    Args:
        vocabulary: the file of the vocabulary of the sources, or of both
            languages; or the directory of a run, for its vocabularies.
        target_vocabulary: the file of the vocabulary of the targets. `None` if
            `vocabulary` is the directory of a run, or the file of a vocabulary
            of both languages.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is not a vocabulary.
    """
    run = kt.runs.RunDirectory(vocabulary)
    is_run = run.path.is_dir()
    if is_run and target_vocabulary is None and run.target_tokenizer.exists():
        target_vocabulary = str(run.target_tokenizer)
    paths = [run.tokenizer if is_run else run.path, target_vocabulary]
    for path in filter(None, paths):
        if not os.path.isfile(path):
            raise FileNotFoundError(
                f"No such vocabulary: {path}. Give a file that the trainer or "
                "tools.build_vocabulary wrote, or the directory of a run."
            )
    source, target = (path and kt.text.read_tokenizer(path) for path in paths)
    return Tokenizers(source, target)


def check(settings: run_settings.TrainingSettings, overrides: dict) -> None:
    """Checks the flags of vocabularies. The training text is not read.

    Args:
        settings: the settings that the user gave.
        overrides: dict of the `TransformerConfig` fields that the user gave.

    Raises:
        FileNotFoundError: a vocabulary is missing.
        ValueError: a file is not a vocabulary, or flags contradict each other.
    """
    if settings.vocabulary is not None:
        read(settings.vocabulary, settings.target_vocabulary)
    sizes = _sizes(overrides)
    if sizes and (settings.vocabulary is not None or settings.train_shards):
        raise ValueError(
            "The size of an existing vocabulary is fixed. Received: "
            f"{', '.join(sizes)} with --vocabulary or --train_shards. Leave "
            "out the sizes."
        )


def fingerprint_of_given(
    settings: run_settings.TrainingSettings,
) -> dict[str, str]:
    """Returns the fingerprint of --vocabulary and --target_vocabulary.

    If the user did not give --vocabulary, the result is `{}`, even if shards or
    --initial_model have vocabularies.

    Args:
        settings: the settings that the user gave.

    Raises:
        FileNotFoundError: a vocabulary is missing.
        ValueError: a file is not a vocabulary.
    """
    if settings.vocabulary is None:
        return {}
    return read(settings.vocabulary, settings.target_vocabulary).fingerprint()


def _sizes(overrides):
    """Returns the flags of vocabulary sizes that the user gave."""
    return [
        f"--{name}={overrides[name]}"
        for name in ("vocabulary_size", "target_vocabulary_size")
        if overrides.get(name) is not None
    ]


def _makers(corpora, settings, overrides):
    """Returns functions that make the vocabularies.

    There is one function for both languages, or one for each language. Each
    function returns the bytes of a vocabulary.
    """
    if settings.vocabulary is not None:
        given = read(settings.vocabulary, settings.target_vocabulary)
    elif isinstance(corpora.train, kt.data.ShardedPairs):
        given = Tokenizers(*corpora.train.tokenizers())
    elif settings.initial_model is not None and not _sizes(overrides):
        given = read(settings.initial_model)
    else:
        return _learners(corpora.train, settings, overrides)
    return [
        functools.partial(getattr, tokenizer, "model")
        for tokenizer in (given.source, given.target)
        if tokenizer is not None
    ]


def _learners(pairs, settings, overrides):
    """Returns functions that learn the vocabularies from pairs.

    Each function returns the bytes of a vocabulary.
    """
    preset = kt.PRESETS[settings.preset or settings.default_preset]
    source_size = overrides.get("vocabulary_size")
    target_size = overrides.get("target_vocabulary_size")
    learn_source = functools.partial(
        _learn,
        size=source_size or preset.vocabulary_size,
        # A size that the user gave must be reached. The size of a preset is
        # only a maximum.
        may_be_smaller=source_size is None,
        settings=settings,
    )
    if target_size is None:
        return [lambda: learn_source(text for pair in pairs for text in pair)]
    return [
        lambda: learn_source(pair.source for pair in pairs),
        lambda: _learn(
            (pair.target for pair in pairs), target_size, False, settings
        ),
    ]


def _learn(texts, size, may_be_smaller, settings):
    started = time.perf_counter()
    model = kt.learn_vocabulary(
        texts,
        size,
        may_be_smaller,
        settings.text_normalization,
        settings.seed,
        user_symbols=settings.direction_tags,
    )
    _LOG.info(
        "Learned a vocabulary of %d pieces in %.0f s.",
        kt.Tokenizer(model).vocabulary_size,
        time.perf_counter() - started,
    )
    return model
