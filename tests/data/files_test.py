"""Lines of files become pairs; every error names the file and the line."""

import gzip
import pathlib
import re

import pytest

from keras_transformer.data import files, pairs


class FilesTestCase:
    @pytest.fixture(autouse=True)
    def set_up(self, tmp_path):
        self.folder = tmp_path

    def write(self, name, content):
        path = self.folder / name
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
        return str(path)

    def assert_named(self, message, *parts):
        """Checks that a message contains all parts, in this order."""
        assert re.search(".*".join(map(re.escape, parts)), str(message))


class TestReadParallel(FilesTestCase):
    @pytest.mark.parametrize("ending", ["", ".gz"])
    def test_reads_pairs_in_order(self, ending):
        source = self.write("en" + ending, "a cat\na dog\nçà\n")
        target = self.write("fr" + ending, "un chat\nun chien\nété\n")
        assert files.read_parallel([source], [target]) == [
            pairs.SentencePair("a cat", "un chat"),
            pairs.SentencePair("a dog", "un chien"),
            pairs.SentencePair("çà", "été"),
        ]

    def test_several_files_and_globs(self):
        # Made in another order than they are read.
        for number in (2, 3, 1):
            self.write(f"part{number}.en", f"source {number}\n")
            self.write(f"part{number}.fr.gz", f"target {number}\n")
        more = self.write("more.en", "source 4\n"), self.write("x", "target 4")
        found = files.read_parallel(
            [f"{self.folder}/part*.en", more[0]],
            [f"{self.folder}/part?.fr.gz", more[1]],
        )
        assert found == [(f"source {i}", f"target {i}") for i in (1, 2, 3, 4)]

    def test_a_name_with_glob_characters_is_a_name(self):
        source = self.write("set[1].en", "named\n")
        self.write("set1.en", "matched\n")
        assert files.read_parallel([source], [source]) == [("named", "named")]

    @pytest.mark.parametrize(
        ("content", "lines"),
        [
            ("a\nb", ["a", "b"]),  # No line end at the end.
            ("a\nb\n", ["a", "b"]),
            ("a\r\nb\r\n", ["a", "b"]),
            ("\n\na\n\n", ["", "", "a", ""]),  # Empty lines count.
            (" a \n\tb\n", [" a ", "\tb"]),
            ("", []),
            ("a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\n", None),
            ("a\rb\n", None),
        ],
    )
    def test_only_newlines_end_lines(self, content, lines):
        name = self.write("text", content)
        lines = [content[:-1]] if lines is None else lines
        assert [
            pair.source for pair in files.read_parallel([name], [name])
        ] == lines

    @pytest.mark.parametrize("name", ["nowhere.en", "nowhere*.en"])
    def test_missing_file(self, name):
        there = self.write("there", "a\n")
        missing = str(self.folder / name)
        for arguments in (([there], [missing]), ([there, missing], [there])):
            with pytest.raises(FileNotFoundError) as caught:
                files.read_parallel(*arguments)
            self.assert_named(caught.value, missing)

    def test_other_number_of_lines(self):
        source = self.write("long.en", "a\nb\nc\n\n\n")
        target = self.write("short.fr", "a\nb\n\n")
        with pytest.raises(ValueError) as caught:
            files.read_parallel([source], [target])
        self.assert_named(caught.value, source, "5 lines", target, "3 lines")

    def test_lines_are_counted_in_each_file(self):
        # Together they have as many lines, but the pairs would be shifted.
        sources = self.write("1.en", "a\n"), self.write("2.en", "b\nc\n")
        targets = self.write("1.fr", "a\nb\n"), self.write("2.fr", "c\n")
        with pytest.raises(ValueError) as caught:
            files.read_parallel(sources, targets)
        self.assert_named(
            caught.value, sources[0], "1 lines", targets[0], "2 lines"
        )

    def test_other_number_of_files(self):
        names = [self.write(f"{i}.en", "a\n") for i in range(3)]
        with pytest.raises(ValueError) as caught:
            files.read_parallel([f"{self.folder}/*.en"], names[1:])
        self.assert_named(caught.value, "3 source files", "0.en", "1.en")
        self.assert_named(caught.value, "2 target files", *names[1:])

    @pytest.mark.parametrize("name", ["latin", "latin.gz"])
    def test_not_utf8(self, name):
        good = self.write("good", "a\nb\nc\nd\n")
        bad = self.write(name, "a\nb\ncafé\nd\n".encode("latin-1"))
        for arguments in (([good], [bad]), ([bad], [good])):
            with pytest.raises(ValueError) as caught:
                files.read_parallel(*arguments)
            self.assert_named(caught.value, bad, "line 3", "UTF-8", "byte 3")

    @pytest.mark.parametrize(
        "spoil",
        [
            pytest.param(lambda data: data[:-11], id="cut"),
            pytest.param(lambda data: data[:5], id="cut_in_the_header"),
            pytest.param(
                lambda data: data[:60] + bytes(60) + data[120:], id="wrong_data"
            ),
            pytest.param(
                lambda data: data[:-8] + bytes(8), id="wrong_checksum"
            ),
        ],
    )
    def test_broken_gzip(self, spoil):
        text = "".join(f"{i * i} lines of text\n" for i in range(1009))
        good = self.write("good.gz", text)
        bad = self.folder / "bad.gz"
        bad.write_bytes(spoil(pathlib.Path(good).read_bytes()))
        with pytest.raises(ValueError) as caught:
            files.read_parallel([good], [str(bad)])
        self.assert_named(caught.value, str(bad), "gzip")


class TestIterate(FilesTestCase):
    def test_files_are_read_when_pairs_are_asked_for(self):
        source = self.write("en", "a\nb\n")
        target = self.write("fr", "c\n")
        tsv = self.write("tsv", "a\tc\nno tab\n")
        for iterator in (
            files.iterate_parallel([source], [target]),
            files.iterate_tsv([tsv]),
        ):
            assert next(iterator) == ("a", "c")
            with pytest.raises(ValueError, match="tsv, line 2|with 2 lines"):
                next(iterator)

    def test_names_are_checked_at_once(self):
        with pytest.raises(FileNotFoundError, match="nowhere"):
            files.iterate_tsv([f"{self.folder}/nowhere"])
        name = self.write("en", "a\n")
        with pytest.raises(FileNotFoundError, match="nowhere"):
            files.iterate_parallel([name], [f"{self.folder}/nowhere"])
        with pytest.raises(ValueError, match="1 source files.*2 target files"):
            files.iterate_parallel([name], [name, name])

    def test_bytes_that_are_not_text_may_be_kept(self):
        name = self.write("tsv", b"a\tb\n\xe9\tb\n")
        pairs_ = files.iterate_tsv([name], errors="surrogateescape")
        assert list(pairs_) == [("a", "b"), ("\udce9", "b")]
        pairs_ = files.iterate_parallel([name], [name], "surrogateescape")
        assert list(pairs_)[1] == ("\udce9\tb", "\udce9\tb")


class TestReadTsv(FilesTestCase):
    @pytest.mark.parametrize("ending", ["", ".gz"])
    def test_reads_the_first_two_columns(self, ending):
        self.write("1.tsv" + ending, "a cat\tun chat\r\na\tun\tCC-BY\t7\n")
        self.write("2.tsv" + ending, "\tempty source\nempty target\t\n")
        assert files.read_tsv([f"{self.folder}/*.tsv{ending}"]) == [
            pairs.SentencePair("a cat", "un chat"),
            pairs.SentencePair("a", "un"),
            pairs.SentencePair("", "empty source"),
            pairs.SentencePair("empty target", ""),
        ]

    def test_empty_lines_stay(self):
        name = self.write("x.tsv", "\na\tb\n\n")
        assert files.read_tsv([name]) == [("", ""), ("a", "b"), ("", "")]

    def test_byte_order_mark_is_no_text(self):
        name = self.write("x.tsv", b"\xef\xbb\xbfa\tb\n\xef\xbb\xbfc\td\n")
        assert files.read_tsv([name]) == [("a", "b"), ("c", "d")]

    def test_line_without_tab(self):
        good = self.write("good.tsv", "a\tb\n")
        bad = self.write("bad.tsv", "a\tb\n\nno tab here\n")
        with pytest.raises(ValueError) as caught:
            files.read_tsv([good, bad])
        self.assert_named(caught.value, bad, "line 3", "no tab here")

    def test_not_utf8(self):
        name = self.write("x.tsv", b"a\tb\n\xff\tb\n")
        with pytest.raises(ValueError) as caught:
            files.read_tsv([name])
        self.assert_named(caught.value, name, "line 2", "UTF-8")

    def test_missing_file(self):
        with pytest.raises(FileNotFoundError, match="nowhere.tsv"):
            files.read_tsv([str(self.folder / "nowhere.tsv")])


class TestExpand(FilesTestCase):
    def test_sorts_matches_and_keeps_the_order_given(self):
        names = [self.write(name, "") for name in ("b1", "a1", "a2")]
        assert files.expand([names[0], f"{self.folder}/a*"]) == [
            names[0],
            names[1],
            names[2],
        ]
        assert files.expand([]) == []
