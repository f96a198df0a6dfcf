"""Imports follow the arrows of BUILD, and every source file has its test."""

import ast
import pathlib
import sys

import pytest

from tests import durations

_ROOT = pathlib.Path(__file__).parent.parent
_PACKAGE = _ROOT / "keras_transformer"
_TESTS = _ROOT / "tests"
_PROGRAMS = ("trainers", "tools")
# Import names of packages from PyPI that have another name in BUILD.
_IMPORT_NAMES = {
    "absl-py": "absl",
    "keras-hub": "keras_hub",
    "tensorflow-text": "tensorflow_text",
}
_MOST_LINES = {"file": 350, "function": 60}


class Target:
    """A rule of BUILD: its sources, dependencies and PyPI packages."""

    def __init__(self, call: ast.Call, source: str):
        arguments = {keyword.arg: keyword.value for keyword in call.keywords}
        self.kind = call.func.id
        self.name = ast.literal_eval(arguments["name"])
        self.deps = {
            dep.removeprefix(":")
            for dep in ast.literal_eval(arguments.get("deps", ast.List([])))
        }
        self.sources = _files(arguments["srcs"])
        self.main = ast.literal_eval(arguments.get("main", ast.Constant(None)))
        text = ast.get_source_segment(source, call)
        self.packages = {
            _IMPORT_NAMES.get(name.strip(), name.strip())
            for line in text.splitlines()
            if "# pip:" in line
            for name in line.split("# pip:")[1].split(",")
        }


def _has_one_device(call: ast.Call) -> bool:
    """Whether the first argument is a list with one item."""
    devices = call.args[0] if call.args else None
    return isinstance(devices, ast.List) and len(devices.elts) == 1


def _files(sources: ast.expr) -> set[pathlib.Path]:
    """The files of a list, of a call of Bazel's `glob`, or of their sum."""
    if isinstance(sources, ast.BinOp):
        return _files(sources.left) | _files(sources.right)
    if isinstance(sources, ast.Call):
        lists = [*sources.args, *(each.value for each in sources.keywords)]
        found, *excluded = (
            {path for each in patterns for path in _ROOT.glob(each)}
            for patterns in map(ast.literal_eval, lists)
        )
        return found.difference(*excluded)
    return {_ROOT / name for name in ast.literal_eval(sources)}


def read_build() -> dict[str, Target]:
    # BUILD is written in a subset of Python.
    source = (_ROOT / "BUILD").read_text(encoding="utf-8")
    calls = [node.value for node in ast.parse(source).body]
    return {
        target.name: target
        for call in calls
        if call.func.id.startswith("py_")
        for target in [Target(call, source)]
    }


def imports_of(path: pathlib.Path) -> set[str]:
    """Dotted names of all modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def folder_of(module: str) -> str | None:
    """The target of a module of this repository; `None` for other modules."""
    parts = module.split(".")
    if parts[0] == "keras_transformer":
        is_folder = len(parts) > 1 and (_PACKAGE / parts[1]).is_dir()
        return parts[1] if is_folder else "keras_transformer"
    return parts[0] if parts[0] in ("trainers", "tools", "tests") else None


def defines_something(path):
    """Whether a file has a function or a class that a test can call."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    return any(isinstance(node, kinds) for node in tree.body)


def lengths_of_functions(path: pathlib.Path) -> list[tuple[str, int]]:
    """Name and number of lines of each function, with its decorators."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            first = min(n.lineno for n in (node, *node.decorator_list))
            found.append((node.name, node.end_lineno - first + 1))
    return found


def name_of_program(path: pathlib.Path) -> str:
    """The last name of `python -m`; for `__main__.py` the folder's name."""
    return path.parent.name if path.stem == "__main__" else path.stem


class TestArchitecture:
    @pytest.fixture(autouse=True)
    def set_up(self):
        self.targets = read_build()

    def files(self, target):
        folder = _PACKAGE / target
        folder = folder if folder.is_dir() else _ROOT / target
        found = sorted(folder.rglob("*.py"))
        assert found, f"no files of {target}"
        return found

    def libraries(self):
        found = [
            name
            for name, target in self.targets.items()
            if target.kind == "py_library"
            and name not in ("keras_transformer", "testing")
        ]
        assert len(found) > 8
        return found

    def test_every_folder_is_a_target(self):
        folders = {
            path.relative_to(_PACKAGE).parts[0]
            for path in _PACKAGE.rglob("*.py")
            if path.parent != _PACKAGE
        }
        assert len(folders) > 8
        assert folders <= set(self.targets)
        assert self.targets["keras_transformer"].deps == folders, (
            "the package's target lists all folders"
        )

    def test_every_file_is_in_its_target(self):
        for name in self.libraries():
            assert self.targets[name].sources == set(self.files(name)), name

    def test_every_folder_of_tests_is_a_target(self):
        shared = self.targets["testing"].sources
        found = set(shared)
        for target in self.targets.values():
            if target.kind == "py_test":
                folder = _TESTS
                if target.name != "tests":
                    folder /= target.name.removesuffix("_tests")
                tests = target.sources - shared
                assert tests, target.name
                for path in tests:
                    assert path.is_relative_to(folder), path
                assert not tests & found, target.name
                found |= tests
        assert found == set(self.files("tests"))

    def test_no_import_against_the_arrows(self):
        for name in self.libraries():
            # A target may import its direct dependencies. Programs may import
            # every part of the package.
            allowed = {name, *self.targets[name].deps}
            if "keras_transformer" in allowed:
                allowed |= self.targets["keras_transformer"].deps
            for path in self.files(name):
                for module in imports_of(path):
                    folder = folder_of(module)
                    assert folder in {None, *allowed}, (
                        f"{path.relative_to(_ROOT)} imports {module}"
                    )

    def test_one_file_alone_is_taken_from_training(self):
        taken = {
            module
            for path in self.files("models")
            for module in imports_of(path)
            if folder_of(module) == "training"
        }
        assert taken == {"keras_transformer.training.distributed_model"}

    def test_special_ids_are_values_of_a_vocabulary(self):
        found = 0
        for name in ("keras_transformer", "trainers", "tools"):
            for path in (_ROOT / name).rglob("*.py"):
                if path.is_relative_to(_PACKAGE / "text"):
                    continue
                for module in imports_of(path):
                    assert "special_ids" not in module, path
                found += 1
        assert found > 100

    def test_file_names_of_a_run_stand_once(self):
        """Only whole strings count: docstrings and messages may name files."""
        from keras_transformer.runs import RunDirectory

        names = [
            path.name
            for name, path in vars(RunDirectory("run")).items()
            if name not in ("path", "saved_model")
        ]
        assert "model.keras" in names
        files = {name: [] for name in names}
        for folder in ("keras_transformer", "trainers", "tools"):
            for path in (_ROOT / folder).rglob("*.py"):
                # Other systems may use the same file names.
                if path.is_relative_to(_PACKAGE / "interchange"):
                    continue
                for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                    if isinstance(node, ast.Constant) and node.value in names:
                        files[node.value].append(path.name)
        assert files == {name: ["run_directory.py"] for name in names}

    def test_packages_are_those_named(self):
        for name in self.libraries():
            used = {
                module.split(".")[0]
                for path in self.files(name)
                for module in imports_of(path)
                if folder_of(module) is None
            }
            used -= set(sys.stdlib_module_names)
            assert used == self.targets[name].packages, name

    def test_only_public_api(self):
        paths = list(_ROOT.glob("[!.]*/**/*.py"))
        assert len(paths) > 200
        for path in paths:
            for module in imports_of(path):
                assert not module.startswith(
                    ("keras.src", "tensorflow.python")
                ), f"{path} imports {module}"

    def test_every_program_is_a_target(self):
        programs = {
            name_of_program(path): path.relative_to(_ROOT).as_posix()
            for folder in _PROGRAMS
            for path in (_ROOT / folder).rglob("*.py")
            if "main.run()" in path.read_text(encoding="utf-8")
        }
        binaries = {
            name: target.main
            for name, target in self.targets.items()
            if target.kind == "py_binary"
        }
        assert programs == binaries
        assert len(programs) > 9

    def test_every_file_has_its_test(self):
        found = 0
        for folder in (_PACKAGE, _ROOT / "trainers", _ROOT / "tools"):
            for path in folder.rglob("*.py"):
                if path.name == "__init__.py" or not defines_something(path):
                    continue
                inside = path.relative_to(
                    _PACKAGE if folder == _PACKAGE else _ROOT
                )
                test = (
                    _ROOT
                    / "tests"
                    / inside.with_name(f"{path.stem.strip('_')}_test.py")
                )
                assert test.is_file(), f"{test} is missing"
                found += 1
        assert found > 100

    def test_files_and_functions_are_short(self):
        files = functions = 0
        for folder in (_PACKAGE, *map(_ROOT.joinpath, _PROGRAMS), _TESTS):
            for path in folder.rglob("*.py"):
                if path.name.endswith("_test.py"):
                    continue
                name = path.relative_to(_ROOT).as_posix()
                lines = len(path.read_text(encoding="utf-8").splitlines())
                assert lines <= _MOST_LINES["file"], name
                files += 1
                for function, lines in lengths_of_functions(path):
                    assert lines <= _MOST_LINES["function"], (
                        f"{name} {function}"
                    )
                    functions += 1
        assert files > 150
        assert functions > 800

    def test_tools_are_few(self):
        entries = [
            path
            for path in (_ROOT / "tools").iterdir()
            if path.name != "__pycache__"
        ]
        folders = [path for path in entries if path.is_dir()]
        assert folders
        assert len(folders) <= 10
        assert len(entries) - len(folders) <= 26

    def test_a_process_has_one_strategy_of_several_devices(self):
        # TensorFlow would confuse the reductions of two strategies.
        makers = {
            path.relative_to(_TESTS).as_posix()
            for path in _TESTS.rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "MirroredStrategy"
            and not _has_one_device(node)
        }
        # `replicas_test.py` makes its strategy in a separate process.
        assert makers == {"devices.py", "training/replicas_test.py"}

    def test_recorded_durations_are_of_tests_that_exist(self):
        recorded = durations.read()
        assert all(len(values) > 10 for values in recorded.values())
        files = {_ROOT / name.split("::")[0] for name in recorded["long"]}
        for groups in (recorded["groups"], recorded["grids"]):
            files |= {_TESTS / name for name in groups if name.endswith(".py")}
        for path in files:
            assert path.is_file(), path
