"""Prints the oldest dependencies that setup.py allows, as pip's constraints.

    python -m tools.oldest_requirements > constraints.txt

`make test-oldest` installs these versions and runs the tests with them. This
program reads the versions from setup.py, so no second list of them is needed.
It uses only the standard library, because it runs before any dependency is
installed.
"""

import ast
import pathlib
import re

_SETUP = pathlib.Path(__file__).parent.parent / "setup.py"
# The name of the extra requirements in setup.py that only development needs.
_EXTRA = "dev"


def oldest(setup: str) -> list[str]:
    """Returns the oldest version of each dependency, such as `numpy==1.26`.

    The dependencies are those of `install_requires` and of the extra `dev`.

    Args:
        setup: the text of setup.py.

    Raises:
        ValueError: a dependency has no lower bound.

    Example:

    >>> oldest("setup(install_requires=['numpy>=1.26,<3'],"
    ...     " extras_require={'dev': ['ruff>=0.8']})")
    ['numpy==1.26', 'ruff==0.8']
    """
    arguments = {
        keyword.arg: keyword.value
        for node in ast.walk(ast.parse(setup))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
    }
    requirements = [
        *ast.literal_eval(arguments["install_requires"]),
        *ast.literal_eval(arguments["extras_require"])[_EXTRA],
    ]
    constraints = []
    for requirement in requirements:
        match = re.match(r"([\w-]+)[^;]*?>=([\w.]+)", requirement)
        if not match:
            raise ValueError(
                f"A dependency has no lower bound. Received: {requirement!r}. "
                "Write the oldest version that passes `make test-oldest`, such "
                "as 'numpy>=1.26'."
            )
        constraints.append(f"{match[1]}=={match[2]}")
    return constraints


if __name__ == "__main__":
    print(*oldest(_SETUP.read_text(encoding="utf-8")), sep="\n")
