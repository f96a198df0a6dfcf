"""Lines of files to pairs; every fault names the file and the line."""

import gzip
import pathlib
import re

import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.data import files, pairs


class FilesTestCase(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir())

    def write(self, name, content):
        path = self.folder / name
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
        return str(path)

    def assertNamed(self, message, *parts):
        """All parts stand in the message, in this order."""
        self.assertRegex(str(message), ".*".join(map(re.escape, parts)))


class ReadParallelTest(FilesTestCase):
    @parameterized.parameters("", ".gz")
    def test_reads_pairs_in_order(self, ending):
        source = self.write("en" + ending, "a cat\na dog\nçà\n")
        target = self.write("fr" + ending, "un chat\nun chien\nété\n")
        self.assertEqual(
            files.read_parallel([source], [target]),
            [
                pairs.SentencePair("a cat", "un chat"),
                pairs.SentencePair("a dog", "un chien"),
                pairs.SentencePair("çà", "été"),
            ],
        )

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
        self.assertEqual(
            found, [(f"source {i}", f"target {i}") for i in (1, 2, 3, 4)]
        )

    def test_a_name_with_glob_characters_is_a_name(self):
        source = self.write("set[1].en", "named\n")
        self.write("set1.en", "matched\n")
        self.assertEqual(
            files.read_parallel([source], [source]), [("named", "named")]
        )

    @parameterized.parameters(
        ("a\nb", ["a", "b"]),  # No line end at the end.
        ("a\nb\n", ["a", "b"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("\n\na\n\n", ["", "", "a", ""]),  # Empty lines count.
        (" a \n\tb\n", [" a ", "\tb"]),
        ("", []),
        ("a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\n", None),
        ("a\rb\n", None),
    )
    def test_only_newlines_end_lines(self, content, lines):
        name = self.write("text", content)
        lines = [content[:-1]] if lines is None else lines
        self.assertEqual(
            [pair.source for pair in files.read_parallel([name], [name])],
            lines,
        )

    @parameterized.parameters("nowhere.en", "nowhere*.en")
    def test_missing_file(self, name):
        there = self.write("there", "a\n")
        missing = str(self.folder / name)
        for arguments in (([there], [missing]), ([there, missing], [there])):
            with self.assertRaises(FileNotFoundError) as caught:
                files.read_parallel(*arguments)
            self.assertNamed(caught.exception, missing)

    def test_other_number_of_lines(self):
        source = self.write("long.en", "a\nb\nc\n\n\n")
        target = self.write("short.fr", "a\nb\n\n")
        with self.assertRaises(ValueError) as caught:
            files.read_parallel([source], [target])
        self.assertNamed(caught.exception, source, "5 lines", target, "3 lines")

    def test_lines_are_counted_in_each_file(self):
        # Together they have as many lines, but the pairs would be shifted.
        sources = self.write("1.en", "a\n"), self.write("2.en", "b\nc\n")
        targets = self.write("1.fr", "a\nb\n"), self.write("2.fr", "c\n")
        with self.assertRaises(ValueError) as caught:
            files.read_parallel(sources, targets)
        self.assertNamed(
            caught.exception, sources[0], "1 lines", targets[0], "2 lines"
        )

    def test_other_number_of_files(self):
        names = [self.write(f"{i}.en", "a\n") for i in range(3)]
        with self.assertRaises(ValueError) as caught:
            files.read_parallel([f"{self.folder}/*.en"], names[1:])
        self.assertNamed(caught.exception, "3 source files", "0.en", "1.en")
        self.assertNamed(caught.exception, "2 target files", *names[1:])

    @parameterized.parameters("latin", "latin.gz")
    def test_not_utf8(self, name):
        good = self.write("good", "a\nb\nc\nd\n")
        bad = self.write(name, "a\nb\ncafé\nd\n".encode("latin-1"))
        for arguments in (([good], [bad]), ([bad], [good])):
            with self.assertRaises(ValueError) as caught:
                files.read_parallel(*arguments)
            self.assertNamed(caught.exception, bad, "line 3", "UTF-8", "byte 3")

    @parameterized.named_parameters(
        ("cut", lambda data: data[:-11]),
        ("cut_in_the_header", lambda data: data[:5]),
        ("wrong_data", lambda data: data[:60] + bytes(60) + data[120:]),
        ("wrong_checksum", lambda data: data[:-8] + bytes(8)),
    )
    def test_broken_gzip(self, spoil):
        text = "".join(f"{i * i} lines of text\n" for i in range(1009))
        good = self.write("good.gz", text)
        bad = self.folder / "bad.gz"
        bad.write_bytes(spoil(pathlib.Path(good).read_bytes()))
        with self.assertRaises(ValueError) as caught:
            files.read_parallel([good], [str(bad)])
        self.assertNamed(caught.exception, str(bad), "gzip")


class ReadTsvTest(FilesTestCase):
    @parameterized.parameters("", ".gz")
    def test_reads_the_first_two_columns(self, ending):
        self.write("1.tsv" + ending, "a cat\tun chat\r\na\tun\tCC-BY\t7\n")
        self.write("2.tsv" + ending, "\tempty source\nempty target\t\n")
        self.assertEqual(
            files.read_tsv([f"{self.folder}/*.tsv{ending}"]),
            [
                pairs.SentencePair("a cat", "un chat"),
                pairs.SentencePair("a", "un"),
                pairs.SentencePair("", "empty source"),
                pairs.SentencePair("empty target", ""),
            ],
        )

    def test_empty_lines_stay(self):
        name = self.write("x.tsv", "\na\tb\n\n")
        self.assertEqual(
            files.read_tsv([name]), [("", ""), ("a", "b"), ("", "")]
        )

    def test_byte_order_mark_is_no_text(self):
        name = self.write("x.tsv", b"\xef\xbb\xbfa\tb\n\xef\xbb\xbfc\td\n")
        self.assertEqual(files.read_tsv([name]), [("a", "b"), ("c", "d")])

    def test_line_without_tab(self):
        good = self.write("good.tsv", "a\tb\n")
        bad = self.write("bad.tsv", "a\tb\n\nno tab here\n")
        with self.assertRaises(ValueError) as caught:
            files.read_tsv([good, bad])
        self.assertNamed(caught.exception, bad, "line 3", "no tab here")

    def test_not_utf8(self):
        name = self.write("x.tsv", b"a\tb\n\xff\tb\n")
        with self.assertRaises(ValueError) as caught:
            files.read_tsv([name])
        self.assertNamed(caught.exception, name, "line 2", "UTF-8")

    def test_missing_file(self):
        with self.assertRaisesRegex(FileNotFoundError, "nowhere.tsv"):
            files.read_tsv([str(self.folder / "nowhere.tsv")])


class ExpandTest(FilesTestCase):
    def test_sorts_matches_and_keeps_the_order_given(self):
        names = [self.write(name, "") for name in ("b1", "a1", "a2")]
        self.assertEqual(
            files.expand([names[0], f"{self.folder}/a*"]),
            [names[0], names[1], names[2]],
        )
        self.assertEqual(files.expand([]), [])


if __name__ == "__main__":
    tf.test.main()
