"""The vocabulary of a run, or the two of source and target."""

import dataclasses
import hashlib
import logging
import time

import tensorflow as tf

import keras_transformer as kt

_LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Tokenizers:
    """The tokenizers of both sides; one for both if `target` is `None`."""

    source: kt.Tokenizer
    target: kt.Tokenizer | None = None

    def vocabulary_sizes(self) -> dict:
        """The sizes, as fields of `TransformerConfig`."""
        return {
            "vocabulary_size": self.source.vocabulary_size,
            "target_vocabulary_size": self.target
            and self.target.vocabulary_size,
        }

    def fingerprint(self) -> dict:
        """What tells these vocabularies from others: a hash of their pieces."""
        digest = hashlib.sha256()
        for tokenizer in (self.source, self.target or self.source):
            pieces = tokenizer.pieces(list(range(tokenizer.vocabulary_size)))
            digest.update(repr(pieces).encode())
        return {"vocabulary_sha256": digest.hexdigest()}

    def save(self, directory) -> None:
        """Writes what the run directory does not hold yet."""
        if not directory.tokenizer.exists():
            self.source.save(directory.tokenizer)
        if self.target and not directory.target_tokenizer.exists():
            self.target.save(directory.target_tokenizer)


def load(
    directory,
    corpora,
    settings,
    overrides,
    strategy: tf.distribute.Strategy | None = None,
) -> Tokenizers:
    """Reads the vocabularies of a run, or learns them of its training text.

    Of several workers the chief does, and all others get what it has.

    Args:
        directory: the `RunDirectory`.
        corpora: the `Corpora` to learn from.
        settings: the `TrainingSettings`.
        overrides: dict of `TransformerConfig` fields that were asked for;
            with a `target_vocabulary_size` each side has its own.
        strategy: of the run; `None` for one process.

    Raises:
        ValueError: the text does not allow a vocabulary of the size that was
            asked for.
    """
    preset = kt.PRESETS[settings.preset or settings.default_preset]
    wanted = overrides.get("vocabulary_size")
    wanted_target = overrides.get("target_vocabulary_size")
    is_shared = wanted_target is None
    strategy = strategy or tf.distribute.get_strategy()

    def one(path, texts, size, may_be_smaller):
        def make():
            if directory.is_started and path.exists():
                return path.read_bytes()
            return _learn(texts, size, may_be_smaller, settings)

        return kt.Tokenizer(kt.training.from_chief(strategy, make))

    sources = [pair.source for pair in corpora.train]
    targets = [pair.target for pair in corpora.train]
    source = one(
        directory.tokenizer,
        [text for pair in corpora.train for text in pair]
        if is_shared
        else sources,
        wanted or preset.vocabulary_size,
        # Only a size that was asked for must be reached.
        may_be_smaller=wanted is None,
    )
    if is_shared:
        return Tokenizers(source)
    target = one(
        directory.target_tokenizer,
        targets,
        wanted_target,
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
