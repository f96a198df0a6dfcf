"""Reads or learns the vocabulary of a run, or one for each language."""

import dataclasses
import hashlib
import logging
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

    source: kt.Tokenizer
    target: kt.Tokenizer | None = None

    def vocabulary_sizes(self) -> dict[str, int | None]:
        """Returns the vocabulary sizes, as fields of `TransformerConfig`."""
        return {
            "vocabulary_size": self.source.vocabulary_size,
            "target_vocabulary_size": self.target
            and self.target.vocabulary_size,
        }

    def fingerprint(self) -> dict[str, str]:
        """Returns a hash of the pieces, which identifies the vocabularies."""
        digest = hashlib.sha256()
        for tokenizer in (self.source, self.target or self.source):
            pieces = tokenizer.pieces(list(range(tokenizer.vocabulary_size)))
            digest.update(repr(pieces).encode())
        return {"vocabulary_sha256": digest.hexdigest()}

    def save(self, directory: kt.runs.RunDirectory) -> None:
        """Writes the vocabularies, if the run directory does not have them."""
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

    Only the chief reads or learns them; it sends them to the other workers.

    Args:
        directory: the directory of the run.
        corpora: the data sets of the run.
        settings: the settings of the run, with or without defaults.
        overrides: dict of the `TransformerConfig` fields that the user gave.
            If it has a `target_vocabulary_size`, each language gets its own
            vocabulary.
        strategy: the strategy of the run; `None` for one process.

    Raises:
        ValueError: the text has too few different pieces for the size that the
            user gave.
    """
    preset = kt.PRESETS[settings.preset or settings.default_preset]
    source_size = overrides.get("vocabulary_size")
    target_size = overrides.get("target_vocabulary_size")
    is_shared = target_size is None
    strategy = strategy or tf.distribute.get_strategy()

    def load_one(path, texts, size, may_be_smaller):
        def read_or_learn():
            if directory.is_started and path.exists():
                return path.read_bytes()
            return _learn(texts, size, may_be_smaller, settings)

        return kt.Tokenizer(kt.training.from_chief(strategy, read_or_learn))

    sources = [pair.source for pair in corpora.train]
    targets = [pair.target for pair in corpora.train]
    source = load_one(
        directory.tokenizer,
        [text for pair in corpora.train for text in pair]
        if is_shared
        else sources,
        source_size or preset.vocabulary_size,
        # A size that the user gave must be reached. The size of a preset is
        # only a maximum.
        may_be_smaller=source_size is None,
    )
    if is_shared:
        return Tokenizers(source)
    target = load_one(
        directory.target_tokenizer,
        targets,
        target_size,
        may_be_smaller=False,
    )
    return Tokenizers(source, target)


def _learn(texts, size, may_be_smaller, settings):
    started = time.perf_counter()
    model = kt.learn_vocabulary(
        texts,
        size,
        may_be_smaller,
        settings.text_normalization,
        settings.seed,
    )
    _LOG.info(
        "Learned a vocabulary of %d pieces in %.0f s.",
        kt.Tokenizer(model).vocabulary_size,
        time.perf_counter() - started,
    )
    return model
