"""The code follows CONTRIBUTING's tables of terms and shape letters."""

import ast
import collections
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FOLDERS = ("keras_transformer", "trainers", "tools")


def table(heading):
    """Returns the cells of the table whose first column has this heading."""
    lines = CONTRIBUTING.splitlines()
    (start,) = [
        number
        for number, line in enumerate(lines)
        if line.startswith(f"| {heading} |")
    ]
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def identifiers(tree):
    """Yields the names that a module defines, such as variables."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(
            node.ctx, ast.Store
        ):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg


def files():
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))


def names_of_the_code():
    """Returns the files that define each name."""
    where = collections.defaultdict(set)
    for path in files():
        for name in identifiers(ast.parse(path.read_text(encoding="utf-8"))):
            where[name].add(path.relative_to(ROOT).as_posix())
    return where


def refused_names():
    """Returns the names that no code may define."""
    (sentence,) = re.findall(
        r"These names say too little, [^:]+: ([^.]+)\.", CONTRIBUTING
    )
    of_terms = [quoted(row[3]) for row in table("term")]
    return [*quoted(sentence), *(name for row in of_terms for name in row)]


def test_the_code_has_the_words():
    where = names_of_the_code()
    words = " ".join(path.read_text("utf-8") for path in files())
    rows = table("term")
    assert len(rows) > 20
    for term, meaning, names, _ in rows:
        assert meaning, term
        assert quoted(names), term
        for name in quoted(names):
            # Names of Keras and TensorFlow are used, not defined.
            assert name in where or re.search(rf"\b{name}\b", words), name


def test_no_name_has_two_meanings():
    names = [name for row in table("term") for name in quoted(row[2])]
    assert len(names) == len(set(names))
    assert not set(names) & set(refused_names())


def test_refused_names():
    where = names_of_the_code()
    assert len(where) > 1000
    assert len(refused_names()) > 12
    used = {name: where[name] for name in refused_names() if name in where}
    assert not used
    sample = ast.parse("def f(some):\n  more = 1\n  self.found = 2")
    assert set(identifiers(sample)) == {"f", "some", "more", "found"}


def shape_letters(docstring):
    """Yields letters and meanings, of lines such as `B batch   T length`."""
    for line in docstring.splitlines():
        entries = re.split(r"\s{2,}", line.strip())
        if all(re.match(r"[B-HJ-Z] [a-z]", entry) for entry in entries):
            for entry in entries:
                yield entry[0], entry[2:]


# Each meaning of a letter in a module must contain one of these words.
SHAPES = {
    "B": ("batch",),
    "T": ("length", "target", "positions"),
    "S": ("length", "source"),
    "D": ("model_dim",),
    "H": ("heads",),
    "N": ("key-value heads",),
    "K": ("head_dim",),
    "F": ("feed_forward_dim",),
    "V": ("vocabulary_size",),
    "L": ("layers",),
    "W": ("hypotheses", "beam", "samples"),
    "C": ("candidates",),
    "M": ("cache",),
    "P": ("prefix",),
    "Q": ("quer",),
    "R": ("rows of a step",),
    "U": ("words",),
}


def test_a_shape_letter_has_one_meaning():
    key = {letter: meaning for letter, meaning in table("letter")}
    assert set(key) == set(SHAPES)
    for letter, words in SHAPES.items():
        assert any(word in key[letter].lower() for word in words), letter
    seen = set()
    for path in files():
        docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        for letter, meaning in shape_letters(docstring):
            assert letter in SHAPES, f"{path}: {letter} {meaning}"
            assert any(word in meaning for word in SHAPES[letter]), (
                f"{path}: {letter} {meaning}"
            )
            seen.add(letter)
    assert seen == set(SHAPES)
    assert list(shape_letters("B batch   N rows\nA text.\nW beam width")) == [
        ("B", "batch"),
        ("N", "rows"),
        ("W", "beam width"),
    ]
