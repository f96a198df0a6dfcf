"""Compiles a C program that translates with a SavedModel.

    python -m tools.c_client --output=translate

The C program runs without Python. This tool needs a C compiler, and the headers
and libraries of the package tensorflow. It prints the command that translates.
This command also loads libraries of the package tensorflow-text.
"""

import dataclasses
import importlib.util
import os
import pathlib
import shlex
import shutil
import subprocess

from trainers import program
from trainers.settings_flags import setting

SOURCE = pathlib.Path(__file__).with_name("translate.c")
_LIBRARIES = ("libtensorflow_cc.so.2", "libtensorflow_framework.so.2")
# The vocabularies of BART and Tensor2Tensor need the second library.
_OPERATIONS = ("_sentencepiece_tokenizer.so", "_regex_split_ops.so")


@dataclasses.dataclass(frozen=True)
class Build:
    """The flag with the path of the compiled program."""

    output: str = setting("The program to write.")


@program.main(Build)
def main(build):
    program.check_output_file(build.output)
    compile_client(build.output)
    command = [os.path.abspath(build.output), "SAVED_MODEL", *operations()]
    print(f"{shlex.join(command)} < source.txt > target.txt")


def compile_client(output: str | os.PathLike[str]) -> None:
    """Compiles the C program.

    Args:
        output: the path of the program to write.

    Raises:
        FileNotFoundError: there is no compiler, or the package tensorflow is
            not installed.
        ValueError: the compiler refuses the program.
    """
    compiler = find_compiler()
    if compiler is None:
        raise FileNotFoundError(
            "There is no C compiler. Install one, as with `apt-get install "
            "gcc`, or name it in the variable CC."
        )
    folder = package("tensorflow")
    result = subprocess.run(
        [
            compiler,
            "-std=gnu11",
            "-O2",
            "-Wall",
            "-Wextra",
            f"-I{folder / 'include'}",
            str(SOURCE),
            *(str(folder / name) for name in _LIBRARIES),
            f"-Wl,-rpath,{folder}",
            "-o",
            str(output),
        ],
        capture_output=True,
        text=True,
    )
    if result.returncode:
        lines = result.stderr.strip().splitlines() or ["no message"]
        raise ValueError(
            f"{compiler} cannot compile {SOURCE.name}: {lines[-1]} Use a "
            "compiler that knows C11, and the machine's own TensorFlow."
        )


def find_compiler() -> str | None:
    """Returns the path of the C compiler.

    The compiler is the value of the environment variable CC, or `cc` if the
    variable is empty or not set.

    Returns:
        The path; `None` if there is no such program.
    """
    return shutil.which(os.environ.get("CC") or "cc")


def operations() -> list[str]:
    """Returns the paths of the libraries with the operations that tokenize.

    The libraries belong to the package tensorflow-text.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    folder = package("tensorflow_text") / "python/ops"
    return [str(folder / name) for name in _OPERATIONS]


def package(name: str) -> pathlib.Path:
    """Returns the folder of a package, without importing the package.

    Args:
        name: the name with which the package is imported.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            f"The package {name} is not installed. Install this project first."
        )
    return pathlib.Path(spec.submodule_search_locations[0])


if __name__ == "__main__":
    main.run()
