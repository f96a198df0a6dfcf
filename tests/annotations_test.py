"""Public functions and methods of the library have complete annotations.

The type checker of `make lint` compares annotations with the code. It does not
report missing annotations, so this test finds them.
"""

import ast
import pathlib

LIBRARY = pathlib.Path(__file__).parents[1] / "keras_transformer"
# Special methods that are checked too, since users pass their arguments.
CALLED_BY_PYTHON = ("__init__", "__call__")


def public_functions(tree):
    """Yields name, node and "is a method" of each public function."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and is_public(node.name):
            yield node.name, node, False
        if isinstance(node, ast.ClassDef) and is_public(node.name):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and (
                    is_public(method.name) or method.name in CALLED_BY_PYTHON
                ):
                    yield f"{node.name}.{method.name}", method, True


def is_public(name):
    return not name.startswith("_")


def without_annotation(function, is_method):
    """Names of arguments, and `return`, that have no annotation."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    is_static = any(
        isinstance(one, ast.Name) and one.id == "staticmethod"
        for one in function.decorator_list
    )
    if is_method and not is_static:
        named = named[1:]
    named += [one for one in (arguments.vararg, arguments.kwarg) if one]
    missing = [one.arg for one in named if one.annotation is None]
    if function.name != "__init__" and function.returns is None:
        missing.append("return")
    return missing


def test_public_signatures_are_annotated():
    seen, missing = 0, {}
    for path in sorted(LIBRARY.rglob("*.py")):
        for name, function, is_method in public_functions(
            ast.parse(path.read_text())
        ):
            seen += 1
            if lacking := without_annotation(function, is_method):
                place = f"{path.relative_to(LIBRARY)}: {name}"
                missing[place] = lacking
    assert seen > 300
    assert not missing


def test_what_is_missing_is_named():
    source = """
class Layer:
    def call(self, inputs: int, mask=None) -> int: ...
    def _private(self, anything): ...
    @staticmethod
    def make(size): ...
class _Hidden:
    def call(self, inputs): ...
def split(text: str, *parts, **options): ...
"""
    assert {
        name: without_annotation(function, is_method)
        for name, function, is_method in public_functions(ast.parse(source))
    } == {
        "Layer.call": ["mask"],
        "Layer.make": ["size", "return"],
        "split": ["parts", "options", "return"],
    }
