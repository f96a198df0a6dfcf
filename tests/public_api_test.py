"""The library uses the public API of Keras and TensorFlow, with one exception.

`tests/architecture_test.py` checks that nothing private is imported. A class
can also replace a private method of a class that it inherits from, or read a
private attribute. This test finds both.
"""

import ast
import importlib
import inspect
import pathlib
import pkgutil
import subprocess
import sys

import pytest

import keras_transformer as kt

ROOT = pathlib.Path(__file__).parents[1]
FOREIGN = ("keras.", "tensorflow")
# Keras calls this method on the mean of the replicas' ids before training. That
# fails on several workers, and Keras has no public way to turn it off.
EXCEPTIONS = {("DistributedModel", "_maybe_symbolic_build")}
# `NamedTuple._replace` and `_asdict`, and `os._exit`, are documented.
PUBLIC_ALL_THE_SAME = {"_replace", "_asdict", "_exit"}


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def replaced_private_names():
    """Yields each class with a private name of its base that it replaces."""
    for module in pkgutil.walk_packages(kt.__path__, "keras_transformer."):
        members = vars(importlib.import_module(module.name))
        for name, member in list(members.items()):
            if not inspect.isclass(member) or member.__module__ != module.name:
                continue
            for base in member.__mro__[1:]:
                if base.__module__.startswith(FOREIGN):
                    for attribute in set(vars(member)) & set(vars(base)):
                        if is_private(attribute):
                            yield name, attribute


def private_names(trees):
    """Returns the private names that are read, and all defined names."""
    read, defined = set(), set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(
                node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
            ):
                defined.add(node.name)
            elif isinstance(node, ast.Name):
                if isinstance(node.ctx, ast.Store):
                    defined.add(node.id)
            elif isinstance(node, ast.Attribute) and is_private(node.attr):
                is_store = isinstance(node.ctx, ast.Store)
                (defined if is_store else read).add(node.attr)
    return read, defined


def test_private_methods_that_are_replaced():
    assert set(replaced_private_names()) == EXCEPTIONS
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for owner, name in EXCEPTIONS:
        assert f"`{owner}.{name}`" in contributing


def test_private_attributes_that_are_read():
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for folder in ("keras_transformer", "trainers", "tools")
        for path in (ROOT / folder).rglob("*.py")
    ]
    read, defined = private_names(trees)
    assert len(read) > 30
    assert read - defined <= PUBLIC_ALL_THE_SAME
    sample = ast.parse("class A:\n  def f(self): return self.x._hidden")
    assert private_names([sample])[0] == {"_hidden"}


@pytest.mark.process
def test_one_version_number():
    script = [sys.executable, "setup.py", "--version"]
    printed = subprocess.run(
        script, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert printed.split()[-1] == kt.__version__
    assert kt.__version__ not in (ROOT / "setup.py").read_text("utf-8")


@pytest.mark.process
def test_what_is_installed_beside_modules(tmp_path):
    subprocess.run(
        [
            *(sys.executable, "setup.py", "-q"),
            *("build", f"--build-base={tmp_path}"),
        ],
        cwd=ROOT,
        check=True,
    )
    installed, source = tmp_path / "lib/keras_transformer", ROOT / kt.__name__
    # Type checkers read the annotations of packages that have this file.
    assert (installed / "py.typed").is_file()
    files = [path for path in source.rglob("*.*") if path.is_file()]
    assert any(path.name == "index.html" for path in files)
    missing = [
        path
        for path in files
        if path.suffix != ".pyc"
        and not (installed / path.relative_to(source)).is_file()
    ]
    assert not missing
