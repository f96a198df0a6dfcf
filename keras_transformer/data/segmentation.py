"""Cuts each text into pieces at random, and anew in each epoch.

A model that has read a word in several segmentations translates rare words
better. With a vocabulary of byte-pair encoding, the method is BPE-dropout
(Provilkov et al. 2020). With a unigram vocabulary, it is subword regularization
(Kudo 2018).
"""

import numpy as np

from keras_transformer.data import encoding
from keras_transformer.text import TextTokenizer


class SampledSegmentation:
    """Encoded pairs whose segmentation is drawn anew in each window.

    The object has all attributes and methods of `PairWindows`. The arguments
    below and the number of a window decide the segmentations of the window. A
    sentence keeps the segmentation of `pairs` if its new segmentation, with an
    end token, is longer than `pairs.longest`, or if `Tokenizer.sample` cannot
    cut the sentence anew.

    Args:
        pairs: the encoded pairs.
        tokenizer: the tokenizer of the sources.
        target_tokenizer: the tokenizer of the targets; `tokenizer` if `None`.
        rate: with BPE, the probability that a merge is left out. With a
            unigram vocabulary, a segmentation with the probability p is chosen
            with a probability that is proportional to p^rate.
        seed: the seed of the sampling.

    Raises:
        ValueError: the rate is not in (0, 1].

    Example:

    >>> import keras_transformer as kt
    >>> pairs = [kt.data.SentencePair("the cat sat", "le chat assis")]
    >>> tokenizer = kt.Tokenizer(kt.learn_vocabulary(
    ...     list(pairs[0]), may_be_smaller=True))
    >>> encoded = kt.data.encode_pairs(pairs, tokenizer)
    >>> sampled = SampledSegmentation(encoded, tokenizer, rate=1.0)
    >>> ids = sampled.read_window(0).sources
    >>> tokenizer.decode(ids).numpy()[0].decode()
    'the cat sat'
    """

    def __init__(
        self,
        pairs: encoding.PairWindows,
        tokenizer: TextTokenizer,
        target_tokenizer: TextTokenizer | None = None,
        rate: float = 0.1,
        seed: int = 0,
    ):
        if not 0 < rate <= 1:
            raise ValueError(
                f"The rate of sampling must be in (0, 1]. Received: {rate}."
            )
        self._pairs = pairs
        self._tokenizers = (tokenizer, target_tokenizer or tokenizer)
        self._rate = rate
        self._seed = seed
        # The number of the window that was read last, and this window.
        self._window: tuple[int, encoding.EncodedPairs | None] = (-1, None)
        self.windows_per_epoch = pairs.windows_per_epoch
        self.num_pairs = pairs.num_pairs
        self.longest = pairs.longest
        self.source_special_ids = pairs.source_special_ids
        self.target_special_ids = pairs.target_special_ids

    def read_window(self, number: int) -> encoding.EncodedPairs:
        """Reads a window and draws its segmentations.

        Args:
            number: the number of the window.

        Raises:
            ValueError: a tokenizer is not a `Tokenizer`, and so can cut each
                text in only one way.
        """
        latest, window = self._window
        if window is None or number != latest:
            window = self._sampled(self._pairs.read_window(number), number)
            self._window = number, window
        return window

    def window_lengths(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the lengths of sources and targets, without special ids.

        The lengths depend on the segmentations. So the method draws the
        segmentations of the window, as `read_window` does.

        Args:
            number: the number of the window.

        Returns:
            Two vectors of integers, with one element for each pair.

        Raises:
            ValueError: as for `read_window`.
        """
        return self.read_window(number).window_lengths(0)

    def _sampled(self, window, number):
        return encoding.EncodedPairs(
            self._sample_side(0, window.sources, number),
            self._sample_side(1, window.targets, number),
            source_special_ids=self.source_special_ids,
            target_special_ids=self.target_special_ids,
        )

    def _sample_side(self, side, ids, number):
        seed = np.random.SeedSequence([self._seed, number, side])
        sampled = self._tokenizers[side].sample(
            ids, self._rate, int(seed.generate_state(1)[0])
        )
        return [
            np.array(new, "int32") if len(new) < self.longest else old
            for new, old in zip(sampled, ids, strict=True)
        ]
