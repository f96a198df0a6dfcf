"""Lists of languages have their published sizes and no duplicates."""

from keras_transformer.interchange import language_codes as codes


def test_sizes():
    for names, size in (
        (codes.M2M100, 100),
        (codes.MBART, 25),
        (codes.MBART_50, 52),
        (codes.NLLB, 202),
    ):
        assert len(names) == len(set(names)) == size
    assert codes.MBART_50[:25] == codes.MBART
