"""Pairs that are read in two windows an epoch, as a corpus on disk is."""

from keras_transformer.data import encoding


class Windows:
    """Two windows an epoch: the even pairs and the odd pairs."""

    windows_per_epoch = 2

    def __init__(self, encoded):
        self.encoded = encoded
        self.num_pairs = len(encoded.sources)
        self.longest = encoded.longest
        self.source_special_ids = encoded.source_special_ids
        self.target_special_ids = encoded.target_special_ids
        self.was_read = []

    def window_lengths(self, number):
        return tuple(x[number % 2 :: 2] for x in self.encoded.window_lengths(0))

    def read_window(self, number):
        self.was_read.append(number)
        return encoding.EncodedPairs(
            self.encoded.sources[number % 2 :: 2],
            self.encoded.targets[number % 2 :: 2],
        )
