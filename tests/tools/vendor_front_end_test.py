"""Only packages with the hash that was reviewed are vendored."""

import hashlib
import io
import tarfile

import pytest

from tools import vendor_front_end


def archive(files):
    """Returns an archive as `npm pack` makes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def test_only_what_has_the_hash_is_written(tmp_path, monkeypatch):
    content = archive({"LICENSE": b"free", "a.js": b"1", "other.js": b"2"})
    digest = hashlib.sha256(content).hexdigest()
    package = vendor_front_end.Package(
        "a@1", digest, (("LICENSE", "a.LICENSE"), ("a.js", "b.js"))
    )

    def fetch(package, folder):
        path = folder / "a-1.tgz"
        path.write_bytes(content)
        return path

    folder = tmp_path / "vendor"
    monkeypatch.setattr(vendor_front_end, "FOLDER", folder)
    monkeypatch.setattr(vendor_front_end, "PACKAGES", (package,))
    monkeypatch.setattr(vendor_front_end, "fetch", fetch)
    vendor_front_end.main()
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert written == {"a.LICENSE": b"free", "b.js": b"1"}

    for path in folder.iterdir():
        path.unlink()
    content = archive({"LICENSE": b"free", "a.js": b"3"})
    with pytest.raises(ValueError, match=r"(?s)a@1 has another hash.*Look at"):
        vendor_front_end.main()
    assert not list(folder.iterdir())


def test_all_files_are_committed_with_their_licences():
    names = {
        name
        for package in vendor_front_end.PACKAGES
        for _, name in package.files
    }
    assert names == {path.name for path in vendor_front_end.FOLDER.iterdir()}
    assert "MIT" in (vendor_front_end.FOLDER / "preact.LICENSE").read_text()
    assert "Apache" in (vendor_front_end.FOLDER / "htm.LICENSE").read_text()
