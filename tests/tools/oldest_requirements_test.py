"""The oldest dependencies are those that setup.py allows."""

import pathlib
import re
import subprocess
import sys

import pytest

from tools import oldest_requirements

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.process
def test_of_this_package():
    result = subprocess.run(
        # Without site-packages, as before anything is installed.
        [sys.executable, "-S", "-m", "tools.oldest_requirements"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    lines = result.stdout.splitlines()
    assert len(lines) > 10
    for line in lines:
        name, version = line.split("==")
        assert re.search(rf'"{name}>={re.escape(version)}[",]', setup), line
    assert {"tensorflow", "keras", "numpy", "pytest"} <= {
        line.split("==")[0] for line in lines
    }


def test_a_bound_is_missing():
    setup = "setup(install_requires=['tqdm'], extras_require={'dev': []})"
    with pytest.raises(ValueError, match="no lower bound. Received: 'tqdm'"):
        oldest_requirements.oldest(setup)
    setup = setup.replace("tqdm", "tqdm<5")
    with pytest.raises(ValueError, match="no lower bound. Received: 'tqdm<5'"):
        oldest_requirements.oldest(setup)


def test_markers_and_exclusions():
    setup = """setup(
        install_requires=["a-b>=2.19,<3,!=2.21.0", 'c<9,>=1; python>="3.11"'],
        extras_require={"dev": ["d>=8"], "other": ["e"]},
    )"""
    assert oldest_requirements.oldest(setup) == ["a-b==2.19", "c==1", "d==8"]
