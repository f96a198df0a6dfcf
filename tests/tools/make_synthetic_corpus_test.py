"""Lines are sentence pairs, the same for the same seed."""

from tests.tools import in_process
from tools import make_synthetic_corpus


def test_lines_are_pairs_of_words_in_reverse_order():
    lines = make_synthetic_corpus.lines(1009, [3])
    assert len(set(lines)) > 1000
    words = {}
    for line in lines:
        source, target = line.removesuffix("\n").split("\t")
        for word, translation in zip(
            source.split(), reversed(target.split()), strict=True
        ):
            assert words.setdefault(word, translation) == translation
    assert len(words) > 1000
    lengths = sorted(len(line.split("\t")[0].split()) for line in lines)
    # The median length is 18, or less since fractions are cut off.
    assert 15 <= lengths[len(lines) // 2] <= 19
    assert lines == make_synthetic_corpus.lines(1009, [3])
    assert lines != make_synthetic_corpus.lines(1009, [4])


def test_command(tmp_path):
    file = tmp_path / "pairs.tsv"
    result = in_process.call(
        "make_synthetic_corpus", f"--output={file}", "--pairs=17", "--seed=5"
    )
    assert result.returncode == 0, result.stderr
    assert file.read_text().splitlines(keepends=True) == (
        make_synthetic_corpus.lines(17, [5, 0])
    )
